"""PDF with a text layer."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Callable

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
from pypdf.generic import DictionaryObject

from chartcoder.chart import Chart
from chartcoder.errors import ChartTooLarge, NoTextLayer, UnreadableChart
from chartcoder.readers.limits import MOST_CHARACTERS, MOST_PAGES

logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)  # what it says of damage quotes the page

DAMAGE = (PyPdfError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zlib.error)
"""What pypdf raises on files that are not as they should be: by far not only its own errors."""

AS_WRITTEN = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\xad": None}
)
"""Ligatures, which print shops set and no term is spelt with, and hyphens that only show at a line's end."""

Recognise = Callable[[bytes, int], str]
"""From the file and a page's number, from 0, to the text that is recognised in the page's picture."""


def read_pdf(data: bytes, *, chart_id: str) -> Chart:
    """A chart of a PDF's text layer, page by page in the order in which the file draws it; ligatures are
    spelt out. Pages that are pictures are recognised where the extra `ocr` is installed.

    Raises:
        UnreadableChart: it is damaged, or encrypted with a password.
        NoTextLayer: pages are pictures without text: a scan.
        ChartTooLarge: it has too many pages, or unpacks to too much.
    """
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableChart("the PDF is encrypted with a password; send it without")
        pages = list(reader.pages) if len(reader.pages) <= MOST_PAGES else None
        if pages is None:
            raise ChartTooLarge(f"the PDF has {len(reader.pages):,} pages; a chart has at most {MOST_PAGES:,}")
        texts = _texts(pages)
        pictures = [number for number, page in enumerate(pages) if not texts[number].strip() and _has_picture(page)]
    except LimitReachedError:
        raise ChartTooLarge("the PDF unpacks to more than a document may be") from None
    except DependencyError:
        raise UnreadableChart("the PDF is encrypted; send it without") from None
    except DAMAGE as error:
        raise UnreadableChart(f"the PDF is damaged ({type(error).__name__}); print it to a new PDF") from None
    if pictures:
        recognise = _recogniser()
        if recognise is None:
            raise NoTextLayer(
                f"{len(pictures)} of the PDF's {len(pages)} pages are pictures without a text layer: a scan. "
                "Send the text, or have the stack's image built with text recognition (docs/formats.md)"
            )
        for number in pictures:
            texts[number] = recognise(data, number)
    text = "\n".join(texts).translate(AS_WRITTEN)
    return Chart(chart_id, text, format="pdf")


def _texts(pages: list[PageObject]) -> list[str]:
    texts = []
    length = 0
    for page in pages:
        texts.append(page.extract_text())
        length += len(texts[-1])
        if length > MOST_CHARACTERS:
            raise ChartTooLarge(f"the PDF has more than {MOST_CHARACTERS:,} characters of text; send it in parts")
    return texts


def _has_picture(page: PageObject) -> bool:
    resources = page.get("/Resources", DictionaryObject()).get_object()
    objects = resources.get("/XObject", DictionaryObject()).get_object()
    return any(one.get_object().get("/Subtype") == "/Image" for one in objects.values())


def _recogniser() -> Recognise | None:
    """Text recognition, where it is installed."""
    try:
        from chartcoder.readers.recognition import is_installed, recognise_page
    except ModuleNotFoundError:
        return None
    return recognise_page if is_installed() else None
