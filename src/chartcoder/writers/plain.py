"""What a chart's words may do to the program that shows them: nothing."""

from __future__ import annotations

import re

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet would run, the full-width forms too (OWASP, CSV injection)."""

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, which a terminal may obey (ECMA-48), and those that turn the direction of
writing."""


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def printable(text: str) -> str:
    """Text that no terminal takes for a command: each control character becomes one replacement character, so that
    offsets stay true."""
    return CONTROLS.sub("\ufffd", text)
