"""Where a chart's sections begin: headings of every common style, by a table of names (`sections.tsv`).

A heading stands at the beginning of a line, bare or with a colon or a dash, in capitals or not, numbered, bulleted,
underlined or in markdown; behind the end of a sentence with a colon ("... Impression: pneumonia"); in capitals before
its text ("IMPRESSION Pneumonia"); or it is one letter of a SOAP note. A line that has the form of a heading and a name
that the table does not know ends what cannot go on under it: a family history, a list of medicines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from chartcoder.chart import Section
from chartcoder.coding.inner.heading_lines import BARE, LABEL, OTHER, heading_lines, names_before_colons

TABLE = Path(__file__).with_name("sections.tsv")
WORDS = Path(__file__).with_name("heading_words.tsv")

NAME = r"[A-Za-z][A-Za-z /&+(),'\u2019-]{0,58}?"
NUMBER = r"(?:\(?\d{1,2}[.)][ \t]+|[IVX]{1,4}[.)][ \t]+|[A-Z][.)][ \t]+)?"
HEADING = re.compile(
    r"[ \t>]*(?P<bullet>[-\u2013\u2022*\u00b7][ \t]+)?(?P<mark>\#{1,6}[ \t]*|={2,}[ \t]*)?"
    rf"{NUMBER}(?P<bold>[*_]{{1,3}}|\[)?(?P<name>{NAME})"
    r"(?![A-Za-z/&+,'\u2019])"  # a name goes on there: quicker to see than that no end is there
    r"(?:[ \t]*(?:\([^)\n]{0,40}\)|\#?\d{1,2}))?[ \t]*[*_\])=\#]{0,8}[ \t]*(?P<end>:|[ \t][-\u2013\u2014][ \t]|\r?$)",
    re.M,
)
BEHIND_A_SENTENCE = re.compile(r"[.;][ \t]+(?P<name>[A-Z][A-Za-z/&' -]{1,40})\Z")
BEFORE_ITS_TEXT = re.compile(
    r"(?P<bullet>)(?P<name>(?:[A-Z/&-]{7,}|[A-Z]{2,} [A-Z/&-]+)(?: [A-Z/&-]+){0,4})"
    r"[ \t]+(?=\d{1,2}[.)][ \t]|[A-Z]?[a-z])"
)
IN_A_LONG_LINE = re.compile(r"\b(?P<name>[A-Z][A-Z /&()'-]{1,50})\Z")
MARKS = re.compile(r":|[ \t][-\u2013\u2014][ \t]|\t")
LONG_LINE, LONGEST_HEADING = 300, 110  # characters
ENDS_OF_LINES = frozenset({"", "\n"})
NUMBERS = "(0123456789"
SOAP = re.compile(r"(?P<bullet>)(?P<name>[SOAP])(?:[ \t]*[:.)]|[ \t]+[-\u2013]|[ \t]*\r?$)", re.M)
TEXT_IN_LINE = re.compile(r"[^\S\n]*\S")
LIST_BEHIND = re.compile(r"[ \t\r]*\n[ \t]*\(?1[.)][ \t]")
"""A numbered list under a line."""
LETTERS_OF_A_NOTE = 3  # of the four: fewer are a list or a vital sign
OF_SOAP = {"S": "history_of_present_illness", "O": "physical_exam", "A": "assessment", "P": "plan"}

ONLY_THEIR_LINE = frozenset({"patient_instructions"})
"""Categories that a label at a bullet gives to its own line ("- Patient education: ..."); other such labels are no
headings."""
OFTEN_ONE_LINE = frozenset({"family_history"})
"""Categories that end with the heading's line where that has text and the next line goes on otherwise."""
GOES_ON = re.compile(
    r"\s*$|[ \t]*[-\u2022*\d]|[ \t]|.{0,30}\b(?:mother|father|brothers?|sisters?|parents?|siblings?|aunts?|uncles?"
    r"|cousins?|grand\w+|maternal|paternal|sons?|daughters?|child(?:ren)?|family|relatives?)\b",
    re.I,
)
ENDED_BY_UNKNOWN = frozenset(
    {
        "family_history", "social_history", "medications", "allergies", "review_of_systems", "physical_exam", "results",
        "imaging", "past_surgical_history", "patient_instructions", "other",
    }
)  # fmt: skip

HOLD_PARTS = frozenset(
    {"assessment", "plan", "history_of_present_illness", "hospital_course", "chief_complaint", "procedure", "other"}
)
"""Given sections of prose, which may have headings of their own within."""


@cache
def headings() -> dict[str, str]:
    """Heading, as `plain` writes it -> category."""
    return {plain(name): category for name, category in _read_table()}


def plain(name: str) -> str:
    """A heading's name in one spelling: "Post-Operative Dx (final)" is "post operative dx"."""
    bare = re.sub(r"\([^)]*\)?|['\u2019]", "", name.lower())
    bare = re.sub(r"[/&+]", " and ", bare)
    return " ".join(re.sub(r"[-,]", " ", bare).split())


@lru_cache(maxsize=10_000)
def category_of(name: str) -> str | None:
    """The category that a heading's name stands for, with qualifiers before or behind it taken off where needed."""
    known, words = headings(), plain(name).split()
    for first in range(_qualifiers(words) + 1):
        for last in range(len(words), len(words) - _qualifiers(words[::-1]) - 1, -1):
            category = known.get(" ".join(words[first:last]))
            if category:
                return category
    return None


def _qualifiers(words: Sequence[str]) -> int:
    """How many words from the first on are qualifiers."""
    return next((place for place, word in enumerate(words) if word not in heading_words("qualifier")), len(words))


@cache
def heading_words(kind: str) -> frozenset[str]:
    """The words of one kind of `heading_words.tsv`."""
    rows = (line.split("\t") for line in WORDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return frozenset(word for row_kind, words in rows if row_kind == kind for word in words.split())


def _read_table() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            category, names = line.split("\t")
            for name in names.split(" | "):
                yield name.strip(), category


def own_headings() -> Iterator[tuple[str, str]]:
    """The table as literals for medspaCy's sectionizer, which needs the colon to know a heading."""
    for heading, category in _read_table():
        yield f"{heading}:", category


class Heading(msgspec.Struct, frozen=True, gc=False):
    """A heading by its form, known by its name or not. Offsets in characters."""

    start: int
    end: int
    text_start: int
    category: str | None
    at_bullet: bool = False
    within_a_line: bool = False


def _found_headings(text: str) -> list[Heading]:
    """The headings of a text in order: those the table knows, and those that only look like one."""
    found: list[Heading] = []
    letters: list[re.Match[str]] = []
    for start, end, form, name_start, name_end in heading_lines(text):
        heading = _at_line(text, start, end, form, name_start, name_end)
        if heading:
            found.append(heading)
        letter = SOAP.match(text, start) if text[start] in OF_SOAP else None
        if letter:
            letters.append(letter)
    within_lines = list(_before_colons(text))
    is_soap = len({letter["name"] for letter in letters}) >= LETTERS_OF_A_NOTE
    if not within_lines and not is_soap:
        return found
    of_letters = [_heading(letter, OF_SOAP[letter["name"]]) for letter in letters] if is_soap else []
    by_start = {heading.start: heading for heading in (*within_lines, *found, *of_letters)}
    return [by_start[start] for start in sorted(by_start)]


class Form(msgspec.Struct, frozen=True, gc=False):
    """What has the form of a heading, whatever its name."""

    start: int
    end: int  # of the name
    behind: int
    at_bullet: bool = False
    marked: bool = False  # in markdown
    ends_line: bool = False

    @classmethod
    def of(cls, match: re.Match[str]) -> Form:
        """What `HEADING` found."""
        ends_line = match["end"] != ":" and not match["end"].strip(" \t\r")
        marked = bool(match["mark"] or match["bold"])
        return cls(*match.span("name"), match.end(), bool(match["bullet"]), marked, ends_line)


def _at_line(text: str, start: int, end: int, form: str, name_start: int, name_end: int) -> Heading | None:
    """The heading that a line begins with; the arguments are as `heading_lines` gives them."""
    if form == OTHER:
        found = _adorned(text, start, end)
        category = category_of(text[found.start : found.end]) if found else None
        if found and category:
            return Heading(found.start, found.end, found.behind, category, found.at_bullet)
    else:
        behind = name_end + 1 if form == LABEL else end
        at_bullet = start < name_start and text[start] not in NUMBERS
        category = category_of(text[name_start:name_end])
        if category:
            return Heading(name_start, name_end, behind, category, at_bullet)
        labels_text = text[behind : behind + 1] not in ENDS_OF_LINES
        found = None if labels_text else Form(name_start, name_end, behind, at_bullet, False, form == BARE)
    before = BEFORE_ITS_TEXT.match(text, start) if text[start : start + 2].isupper() else None
    category = category_of(before["name"]) if before else None
    if before and category:
        return _heading(before, category)
    if found and _looks_like_one(text, found):
        return Heading(found.start, found.end, found.behind, None, found.at_bullet)
    return None


def _adorned(text: str, start: int, end: int) -> Form | None:
    """What a line [start, end) begins with that has the form of a heading. A long line has one only before a mark."""
    if end - start >= LONGEST_HEADING and not MARKS.search(text, start, start + LONGEST_HEADING):
        return None
    match = HEADING.match(text, start)
    return Form.of(match) if match else None


def _before_colons(text: str) -> Iterator[Heading]:
    """Known names behind the end of a sentence and before a colon; in long lines, known names in capitals too."""
    for sentence_end, colon in names_before_colons(text):
        match = BEHIND_A_SENTENCE.match(text, sentence_end, colon) if sentence_end >= 0 else None
        if not match and text[colon - 1].isupper() and _in_a_long_line(text, colon):
            match = IN_A_LONG_LINE.search(text, max(0, colon - LONGEST_HEADING), colon)
        category = category_of(match["name"]) if match else None
        if match and category:
            yield Heading(*match.span("name"), colon + 1, category, within_a_line=True)


def _in_a_long_line(text: str, place: int) -> bool:
    """Whether an offset lies in a line of more than LONG_LINE characters."""
    before = text.rfind("\n", max(0, place - LONG_LINE), place)
    if before < 0 and place > LONG_LINE:
        return True
    behind = text.find("\n", place, before + LONG_LINE + 1)
    return behind < 0 and len(text) > before + LONG_LINE


def _heading(match: re.Match[str], category: str | None) -> Heading:
    return Heading(*match.span("name"), match.end(), category, bool(match["bullet"]))


def _looks_like_one(text: str, form: Form) -> bool:
    """Whether what has an unknown name is a heading all the same: in markdown, in capitals on its own, or above a
    numbered list."""
    if not form.ends_line and text[form.behind : form.behind + 1] not in ENDS_OF_LINES:
        return False  # not alone in its line
    name = text[form.start : form.end]
    marked = form.marked or LIST_BEHIND.match(text, form.behind)
    return bool(marked or (name.isupper() and len(name) > 3)) and _names_no_part(name)


@lru_cache(maxsize=10_000)
def _names_no_part(name: str) -> bool:
    return heading_words("part").isdisjoint(plain(name).split())


def _ends_with_its_line(heading: Heading) -> bool:
    return heading.category in (ENDED_BY_UNKNOWN if heading.within_a_line else OFTEN_ONE_LINE)


class Sections:
    """The sections of one text: by its headings, and those that the document's format gave.

    A given section is what it is called: a heading within it counts only where the section holds prose that may have
    parts of its own ("Diagnosis" above a column of a family history is no assessment).
    """

    def __init__(self, text: str, given: Sequence[Section] = ()) -> None:
        self._starts: list[int] = []
        self._categories: list[str | None] = [None]  # before the first of `_starts`, behind the first, and so on
        self._headings: list[tuple[int, int]] = []
        self._line_end: int | None = None  # of the heading's that was added last
        self.headings: list[tuple[int, int, str]] = []  # start, end and category of each, in order
        self._given = sorted(given, key=lambda section: section.start)
        for heading in _found_headings(text):
            self._add(text, heading)

    def _add(self, text: str, heading: Heading) -> None:
        before = self._categories[-1]
        if heading.category is None:
            if before in ENDED_BY_UNKNOWN:
                self._begin(heading.text_start, None)
            return
        line_end = self._end_of_line(text, heading.text_start)
        has_text = TEXT_IN_LINE.match(text, heading.text_start) is not None
        labels_a_bullet = heading.at_bullet and has_text
        if labels_a_bullet and heading.category not in ONLY_THEIR_LINE:
            return
        self._begin(heading.text_start, heading.category)
        self._headings.append((heading.start, heading.end))
        self.headings.append((heading.start, heading.end, heading.category))
        if labels_a_bullet and line_end >= 0:
            self._begin(line_end, before)
        elif has_text and line_end >= 0 and _ends_with_its_line(heading) and not GOES_ON.match(text, line_end + 1):
            self._begin(line_end, None)

    def _end_of_line(self, text: str, place: int) -> int:
        """Where the line of a place ends, -1 if with the text. Places come in order: a long line is searched once."""
        if self._line_end is not None and (self._line_end < 0 or place <= self._line_end):
            return self._line_end
        self._line_end = text.find("\n", place)
        return self._line_end

    def _begin(self, start: int, category: str | None) -> None:
        self._starts.append(start)
        self._categories.append(category)

    def at(self, offset: int) -> str | None:
        """The category of the section that an offset lies in; None before the first heading."""
        place = bisect_right(self._starts, offset)
        under_heading = self._categories[place]
        if not self._given:
            return under_heading
        before = bisect_right(self._given, offset, key=lambda section: section.start) - 1
        if before < 0:
            return under_heading
        section = self._given[before]
        heading_start = self._starts[place - 1] if place else -1
        if offset >= section.end:
            return under_heading if heading_start >= section.end else None
        has_parts = section.name in HOLD_PARTS and heading_start > section.start
        return under_heading if has_parts else section.name

    def at_each(self, offsets: Iterable[int]) -> list[str | None]:
        """The category at each of some offsets, as `at` gives it."""
        if self._given:
            return [self.at(offset) for offset in offsets]
        return [self._categories[bisect_right(self._starts, offset)] for offset in offsets]

    def in_heading(self, spans: Iterable[tuple[int, int]]) -> Iterator[bool]:
        """Whether each of some stretches, in order, lies in a heading: its words name a section and say nothing of the
        patient."""
        following, heading_end = 0, -1
        for start, end in spans:
            while following < len(self._headings) and self._headings[following][0] <= start:
                heading_end = self._headings[following][1]
                following += 1
            yield end <= heading_end
