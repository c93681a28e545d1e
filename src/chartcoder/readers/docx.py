"""Word documents (.docx, ECMA-376 part 1).

Read from the archive itself: `python-docx` leaves out text in content controls and tracked insertions, `docx2python`
refuses documents that do not declare a prefix it counts on. Losing or refusing text is what a reader must not do.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from xml.etree.ElementTree import Element

from chartcoder.chart import Chart
from chartcoder.errors import ChartTooLarge, UnreadableChart
from chartcoder.readers.limits import MOST_INFLATED, MOST_INFLATED_XML
from chartcoder.readers.rendering import Narrative
from chartcoder.readers.xml_parsing import parse_xml

MOST_PARTS = 5_000
RELATIONS = "_rels/.rels"
MAIN_RELATION = "/officeDocument"
NOTES = ("footnotes.xml", "endnotes.xml")
NOT_SHOWN = frozenset({"del", "moveFrom", "Fallback", "pPr", "rPr"})
"""Tracked deletions, what older programs show in place of a text box, and properties."""


def read_docx(data: bytes, *, chart_id: str) -> Chart:
    """A chart of a Word document's body: a line a paragraph, a dash before a list's, a bar between a table's cells,
    then its footnotes.

    Text in content controls, text boxes and tracked insertions counts; tracked deletions, comments, headers and
    footers do not.

    Raises:
        UnreadableChart: it is a zip archive of another kind, or damaged.
        ChartTooLarge: it unpacks to more than a document may be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _parts(archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, zlib.error):
        raise UnreadableChart("the Word document's archive is damaged or encrypted; save it anew, or as PDF") from None
    lines = Narrative()
    for part in parts:
        _render(parse_xml(part), lines)
    return Chart(chart_id, lines.finish(), format="docx")


def _parts(archive: zipfile.ZipFile) -> list[bytes]:
    """The document's main part and its notes."""
    held = {part.filename: part.file_size for part in archive.infolist()}
    if len(held) > MOST_PARTS or sum(held.values()) > MOST_INFLATED:
        raise ChartTooLarge(f"the archive unpacks to more than {MOST_INFLATED:,} bytes or {MOST_PARTS:,} parts")
    main = _main_part(archive.read(RELATIONS)) if RELATIONS in held else None
    if main not in held or not main.startswith("word/"):
        raise UnreadableChart("this is a zip archive but no Word document (.docx); send the documents in it")
    folder = main.rpartition("/")[0]
    parts = [name for name in (main, *(f"{folder}/{note}" for note in NOTES)) if name in held]
    if sum(held[name] for name in parts) > MOST_INFLATED_XML:
        raise ChartTooLarge(
            f"the Word document unpacks to more than {MOST_INFLATED_XML:,} bytes of text and its markup"
        )
    return [archive.read(name) for name in parts]


def _main_part(relations: bytes) -> str | None:
    for relation in parse_xml(relations):
        if (relation.get("Type") or "").endswith(MAIN_RELATION):
            return (relation.get("Target") or "").lstrip("/")
    return None


def _render(element: Element, lines: Narrative, *, in_cell: bool = False) -> None:
    name = element.tag.rpartition("}")[2]
    if name in NOT_SHOWN:
        return
    if name == "t":
        lines.text(element.text or "")
        return
    block = _block(element, name, in_cell)
    if block:
        lines.start(block)
    elif name == "tab" or name == "p":
        lines.text(" ")
    elif name == "noBreakHyphen":
        lines.text("-")
    in_cell = in_cell or (name == "tr" and sum(1 for _ in element.iterfind("{*}tc")) > 1)
    for child in element:
        _render(child, lines, in_cell=in_cell)
    if block:
        lines.end(block)


def _block(element: Element, name: str, in_cell: bool) -> str | None:
    """What an element is in a narrative. Paragraphs in a row of several cells stay on the row's line."""
    if name == "p":
        if in_cell:
            return None
        return "p" if element.find("{*}pPr/{*}numPr") is None else "li"
    if name == "tr":
        return None if in_cell else "tr"
    return {"tc": "td", "br": "br", "cr": "br"}.get(name)
