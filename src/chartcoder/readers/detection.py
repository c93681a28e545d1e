"""Which format bytes are in, told by what they begin with."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from chartcoder.errors import UnreadableChart

Format = Literal["text", "json", "xml", "html", "hl7v2", "pdf", "rtf", "docx"]

SEEN = 4096  # bytes that the format is told from
PDF_HEADER_WITHIN = 1024  # bytes; what readers of PDF tolerate before it
HL7_START = re.compile(rb"(?:MSH|FHS|BHS)[^\w\s]")
XML_START = re.compile(rb"<\?xml\b|<[A-Za-z][\w:.-]*(?:\s[^<>]*\bxmlns\b[^<>]*>|(?:\s[^<>]*)?>\s*<)", re.I)
HTML_START = re.compile(rb"(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
HTML_FRAGMENT = re.compile(rb"<(?:div|p|table|span|h[1-6]|ul|ol|font|center|pre|section|article)\b[^<>]*>", re.I)
XHTML = re.compile(rb"<\?xml\b[^>]*\?>\s*(?:<!doctype\s+html|<html)\b", re.I)
JSON_START = re.compile(rb'\{\s*"[^"\n]{1,80}"\s*:|\[\s*\{\s*"|\{\s*\}')

MARKS_OF_WIDE_TEXT = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
NOT_DOCUMENTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"GIF8": "a GIF picture",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
}
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DICOM_MARK_AT = 128


def detect(data: bytes) -> Format:
    """The format of `data`; "text" where it is none of the others.

    Raises:
        UnreadableChart: it is a picture, an archive or an old Word document, and says so.
    """
    for start, what in NOT_DOCUMENTS.items():
        if data.startswith(start):
            raise UnreadableChart(f"this is {what}; expected a document. Send its text, or a PDF with a text layer")
    if data[DICOM_MARK_AT : DICOM_MARK_AT + 4] == b"DICM":
        raise UnreadableChart("this is a DICOM object; expected a document. Send the report's text")
    if data.startswith(OLD_WORD):
        raise UnreadableChart("this is a Word document of before 2007 (.doc); save it as .docx or PDF")
    if data.startswith(b"PK\x03\x04"):
        return "docx"  # its reader says what else a zip archive may be
    if b"%PDF-" in data[:PDF_HEADER_WITHIN]:
        return "pdf"
    return _of_text(_beginning(data))


def _of_text(beginning: bytes) -> Format:
    if beginning.startswith(b"{\\rtf"):
        return "rtf"
    if HL7_START.match(beginning):
        return "hl7v2"
    if any(form.match(beginning) for form in (HTML_START, XHTML)):
        return "html"
    if HTML_FRAGMENT.match(beginning):
        return "html"
    if XML_START.match(beginning):
        return "xml"
    return "json" if JSON_START.match(beginning) else "text"


def _beginning(data: bytes) -> bytes:
    """What the text begins with, in UTF-8, without marks, framing (HL7's MLLP) and white space."""
    start = data[:SEEN]
    if start.startswith(MARKS_OF_WIDE_TEXT):
        wide = "utf-32" if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) else "utf-16"
        start = start.decode(wide, errors="replace").encode(errors="replace")
    return start.removeprefix(codecs.BOM_UTF8).lstrip(b"\x0b \t\r\n")
