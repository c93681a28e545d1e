"""Plain text, in whatever encoding it came."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

from chartcoder.chart import Chart
from chartcoder.errors import UnreadableChart

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DETECTION_BYTES = 20_000  # what the encoding is told from; a chart is in one encoding
MOST_CONTROL_CHARACTERS = 0.01  # of all characters; text has next to none
LAYOUT = "\t\n\v\f\r"
SAID_SO = "Send the chart as plain text, or in a format of docs/formats.md"


def read_text(data: bytes, *, chart_id: str) -> Chart:
    """A chart of the text in `data`; line ends and everything else stay as they are, so that offsets stay true.

    A byte order mark is obeyed; else it is UTF-8, with a stray byte here and there; else Windows-1252, which nearly
    every other clinical system in the United States writes; else the encoding is detected.

    Raises:
        UnreadableChart: there is no text, or what there is is not text.
    """
    text = decode(data)
    if not text.strip():
        raise UnreadableChart(f"the chart has no text ({len(data):,} bytes). {SAID_SO}")
    controls = sum(1 for character in text if character < " " and character not in LAYOUT)
    if controls > MOST_CONTROL_CHARACTERS * len(text):
        raise UnreadableChart(
            f"the chart's {len(data):,} bytes are not text: {controls:,} of {len(text):,} characters are control "
            f"characters. {SAID_SO}"
        )
    return Chart(id=chart_id, text=text)


def decode(data: bytes) -> str:
    """The text of bytes whose encoding nobody declared. Raises UnreadableChart where they are in none."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    text = data.decode("utf-8", errors="replace")
    stray = text.count("\ufffd")
    if stray == 0 or stray < sum(1 for character in text if character > "\x7f") - stray:
        return text
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        best = from_bytes(data[:DETECTION_BYTES]).best()
    if best is None:
        raise UnreadableChart(f"the chart's {len(data):,} bytes are not text in any known encoding. {SAID_SO}")
    return data.decode(best.encoding, errors="replace")
