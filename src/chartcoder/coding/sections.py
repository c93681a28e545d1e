"""Where a chart's sections begin: headings of every common style, by a table (`sections.tsv`).

A heading stands at the beginning of a line, bare or with a colon, in capitals or not, numbered, bulleted or in
markdown; or, in a chart that is one long line, in capitals with a colon.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from chartcoder.chart import Section

TABLE = Path(__file__).with_name("sections.tsv")

HEADING = re.compile(
    r"^[ \t]*(?P<bullet>[-•*·][ \t]+)?(?:\#{1,6}[ \t]*|[*_]{1,3}|\d{1,2}[.)][ \t]+|\[)?"
    r"(?P<name>[A-Za-z][A-Za-z /&(),'-]{0,58}?)[*_\])]{0,3}[ \t]*(?::|[ \t]-[ \t]|\r?$)",
    re.M,
)
INLINE = re.compile(r"\b(?P<bullet>)(?P<name>[A-Z][A-Z /&()'-]{1,50}):")
"""In a long line, only capitals with a colon are a heading."""
LONG_LINE = 300  # characters
ONLY_THEIR_LINE = frozenset({"patient_instructions"})
"""Categories that a label at a bullet gives to its own line ("- Patient education: ..."); other such labels are no
headings."""

HOLD_PARTS = frozenset(
    {"assessment", "plan", "history_of_present_illness", "hospital_course", "chief_complaint", "procedure", "other"}
)
"""Given sections of prose, which may have headings of their own within."""


@cache
def headings() -> dict[str, str]:
    """Heading in lower case -> category."""
    return dict(_read_table())


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


def _candidates(text: str) -> list[re.Match[str]]:
    """What may be headings by their form, in order, none twice."""
    found = list(HEADING.finditer(text))
    place = 0
    inline: list[re.Match[str]] = []
    for line in text.splitlines(keepends=True):
        if len(line) > LONG_LINE:
            inline += INLINE.finditer(text, place, place + len(line))
        place += len(line)
    if not inline:
        return found
    names = {heading.start("name") for heading in found}
    found += [heading for heading in inline if heading.start("name") not in names]
    found.sort(key=lambda heading: heading.start("name"))
    return found


class Sections:
    """The sections of one text: by its headings, and those that the document's format gave.

    A given section is what it is called: a heading within it counts only where the section holds prose that may have
    parts of its own ("Diagnosis" above a column of a family history is no assessment).
    """

    def __init__(self, text: str, given: Sequence[Section] = ()) -> None:
        self._starts: list[int] = []
        self._categories: list[str | None] = []
        self._headings: list[tuple[int, int]] = []
        self.headings: list[tuple[int, int, str]] = []  # start, end and category of each, in order
        self._given = sorted(given, key=lambda section: section.start)
        named = headings()
        for heading in _candidates(text):
            category = named.get(" ".join(heading["name"].lower().split()))
            if category:
                self._add(text, heading, category)

    def _add(self, text: str, heading: re.Match[str], category: str) -> None:
        line_end = text.find("\n", heading.end())
        labels_a_bullet = bool(heading["bullet"]) and text[heading.end() : line_end if line_end >= 0 else None].strip()
        if labels_a_bullet and category not in ONLY_THEIR_LINE:
            return
        before = self._categories[-1] if self._categories else None
        self._starts.append(heading.end())
        self._categories.append(category)
        self._headings.append(heading.span("name"))
        self.headings.append((*heading.span("name"), category))
        if labels_a_bullet and line_end >= 0:
            self._starts.append(line_end)
            self._categories.append(before)

    def at(self, offset: int) -> str | None:
        """The category of the section that an offset lies in; None before the first heading."""
        place = bisect_right(self._starts, offset) - 1
        under_heading = self._categories[place] if place >= 0 else None
        if not self._given:
            return under_heading
        before = bisect_right(self._given, offset, key=lambda section: section.start) - 1
        if before < 0:
            return under_heading
        section = self._given[before]
        heading_start = self._starts[place] if place >= 0 else -1
        if offset >= section.end:
            return under_heading if heading_start >= section.end else None
        has_parts = section.name in HOLD_PARTS and heading_start > section.start
        return under_heading if has_parts else section.name

    def in_heading(self, start: int, end: int) -> bool:
        """Whether [start, end) lies in a heading: its words name a section and say nothing of the patient."""
        place = bisect_right(self._headings, (start, 1 << 62)) - 1
        return place >= 0 and end <= self._headings[place][1]
