"""Text recognition in scanned pages by Tesseract: the extra `ocr`, and Debian's `tesseract-ocr`.

Tesseract is a program: the picture goes to it and the text comes back by pipes, so that no page of a chart is written
to a disk. (pytesseract, which is made for this, writes each picture to a temporary file.)
"""

from __future__ import annotations

import io
import shutil
import subprocess

import pypdfium2

from chartcoder.errors import UnreadableChart

DOTS_PER_INCH = 300  # what Tesseract's manual asks for
POINTS_PER_INCH = 72
MOST_PIXELS = 40_000_000  # of a page: A3 has 17 million at 300 dots an inch, and a page may claim to be a field
MOST_SECONDS = 60.0  # of a page


def is_installed() -> bool:
    return shutil.which("tesseract") is not None


def recognise_page(data: bytes, number: int) -> str:
    """The text in the picture of a page, counted from 0, of the PDF in `data`; as good as the scan is.

    Raises:
        UnreadableChart: the page cannot be drawn, or nothing comes of it in time.
    """
    picture = io.BytesIO()
    try:
        document = pypdfium2.PdfDocument(data)
        try:
            page = document[number]
            page.render(scale=_scale(*page.get_size()), grayscale=True).to_pil().save(picture, "png")
        finally:
            document.close()
    except (pypdfium2.PdfiumError, OSError, ValueError):
        raise UnreadableChart(f"page {number + 1} of the PDF cannot be drawn; scan it anew") from None
    command = ["tesseract", "stdin", "stdout", "--dpi", str(DOTS_PER_INCH)]
    try:
        done = subprocess.run(  # noqa: S603 - Tesseract, without a shell
            command, input=picture.getvalue(), capture_output=True, timeout=MOST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        raise UnreadableChart(f"page {number + 1} of the PDF could not be recognised; send its text") from None
    return done.stdout.decode(errors="replace").rstrip("\f\n")


def _scale(width: float, height: float) -> float:
    """How many pixels a point (1/72 inch) is; fewer where the page would be too large."""
    wanted = DOTS_PER_INCH / POINTS_PER_INCH
    pixels = width * height * wanted**2
    return float(wanted * min(1.0, (MOST_PIXELS / pixels) ** 0.5)) if pixels else wanted
