"""XML from strangers: no document type, no entities, bounded in depth and size."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from chartcoder.errors import ChartTooLarge, UnreadableChart
from chartcoder.readers.limits import MOST_XML_DEPTH, MOST_XML_ELEMENTS


class _BoundedBuilder(TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MOST_XML_DEPTH or self._elements > MOST_XML_ELEMENTS:
            raise ChartTooLarge(
                f"the XML has elements more than {MOST_XML_DEPTH} deep, or more than {MOST_XML_ELEMENTS:,} of them"
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse_xml(data: bytes) -> Element:
    """The root element of `data`.

    Raises:
        UnreadableChart: it is not well-formed, in an unknown encoding, or declares a document type or entities.
        ChartTooLarge: it is too deep or has too many elements.
    """
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException:
        raise UnreadableChart(
            "the XML declares a document type or entities, which is refused; send it without"
        ) from None
    except ParseError as error:
        line, column = error.position
        raise UnreadableChart(f"the XML is not well-formed: line {line}, column {column}") from None
    except (LookupError, ValueError):
        raise UnreadableChart("the XML is in an encoding that is not known; send it in UTF-8") from None
    return root
