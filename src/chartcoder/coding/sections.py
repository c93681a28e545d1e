"""Where a chart's sections begin: headings of every common style, by a table (`sections.tsv`).

A heading stands at the beginning of a line, bare or with a colon, in capitals or not, numbered, bulleted or in markdown; or, in a chart
that is one long line, in capitals with a colon.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("sections.tsv")

HEADING = re.compile(
    r"(?:^|(?<=\n))[ \t]*(?:\#{1,6}[ \t]*|[*_]{1,3}|\d{1,2}[.)][ \t]+|[-•][ \t]+|\[)?"
    r"(?P<line>[A-Za-z][A-Za-z /&(),'-]{0,58}?)[*_\])]{0,3}[ \t]*(?::|[ \t]-[ \t]|(?=\r?\n)|$)"
    r"|(?P<inline>\b[A-Z][A-Z /&()'-]{1,50}):"
)


@cache
def headings() -> dict[str, str]:
    """Heading in lower case -> category."""
    return {heading: category for heading, category in _read_table()}


def _read_table() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            category, names = line.split("\t")
            for name in names.split(" | "):
                yield name.strip(), category


def own_headings() -> Iterator[tuple[str, str]]:
    """The table as literals for medspaCy's sectionizer, which needs the colon to know a heading."""
    for heading, category in headings().items():
        yield f"{heading}:", category


class Sections:
    """The sections of one text."""

    def __init__(self, text: str) -> None:
        self.starts: list[int] = []
        self.categories: list[str] = []
        for heading in HEADING.finditer(text):
            named = heading["line"] or heading["inline"]
            category = headings().get(" ".join(named.lower().replace("&", " & ").split()).replace("a & p", "a&p"))
            if category:
                self.starts.append(heading.end())
                self.categories.append(category)

    def at(self, offset: int) -> str | None:
        """The category of the section that an offset lies in; None before the first heading."""
        place = bisect_right(self.starts, offset) - 1
        return self.categories[place] if place >= 0 else None
