"""Text recognition in scanned pages by Tesseract: the extra `ocr`, and Debian's `tesseract-ocr`."""

from __future__ import annotations

import shutil

import pypdfium2
import pytesseract

DOTS_PER_INCH = 300  # what Tesseract's manual asks for
POINTS_PER_INCH = 72


def is_installed() -> bool:
    return shutil.which("tesseract") is not None


def recognise_page(data: bytes, number: int) -> str:
    """The text in the picture of a page, counted from 0, of the PDF in `data`; as good as the scan is."""
    document = pypdfium2.PdfDocument(data)
    try:
        picture = document[number].render(scale=DOTS_PER_INCH / POINTS_PER_INCH).to_pil()
    finally:
        document.close()
    text: str = pytesseract.image_to_string(picture)
    return text
