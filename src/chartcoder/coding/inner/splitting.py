# cython: language_level=3, boundscheck=False, initializedcheck=False
"""Sentences: found only around terms, by punctuation and lines.

medspaCy's splitter (PyRuSH) takes nine tenths of its pipeline's time; ConText needs only to know where the sentence
of a term begins and ends. As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

import re
from bisect import bisect_right

import cython

LONGEST_SENTENCE = 1_200
"""Characters; a longer stretch without an end is cut at a space, so that time stays in proportion to length."""

ABBREVIATIONS = frozenset(
    {
        "dr", "mr", "ms", "mrs", "vs", "st", "jr", "sr", "md", "approx", "neg", "pos", "sig", "fig", "no", "inc",
        "prof", "dept", "p.o", "b.i.d", "t.i.d", "q.i.d", "q.d", "p.r.n", "q.h.s", "i.e", "e.g", "a.m", "p.m", "h.s",
        "q.h",
    }
)  # fmt: skip
"""End in a period that does not end a sentence, unless a new one clearly begins; so do single letters and numbers of
two digits."""
BEFORE_LETTERS = frozenset(
    {
        "hepatitis", "influenza", "vitamin", "hemophilia", "group", "type", "class", "grade", "stage", "segment",
        "factor", "category", "phase", "level",
    }
)  # fmt: skip
"""Words that a letter belongs to: it is no initial, and the period behind it ends a sentence ("No hepatitis B.")."""
ENDS_OF_LONG_ONES = "ftx"  # of the abbreviations that have four letters or more: prof, dept, approx
LONGEST_ABBREVIATION = 13  # characters, with what stands before it
BEGINS = re.compile(
    r"(?:The|This|There|These|She|He|They|It|We|I|Her|His|Patient|In|On|No|At|A|An|If|When|Since|However|Will|Would|Please"
    r"|My|You|Your|Also|Denies|Negative|Positive|History)\b"
)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _clearly_begins(text: str, place: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether a capital or a digit stands at a place, maybe behind a quotation mark, a bracket or a bullet."""
    if place < end and text[place] in "\"'([#*•-":
        place += 1
    return place < end and ("A" <= text[place] <= "Z" or "0" <= text[place] <= "9")


@cython.cfunc
@cython.exceptval(check=False)
def _behind_end(text: str, sign: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where the next sentence begins if the sign at a place before `end` ends one; 0 if it does not.

    A period, an exclamation mark, a question mark and a semicolon end one before space and what clearly begins; a
    semicolon before any space; a period before a single space, whatever follows; a bullet between two spaces, unless a
    period or a semicolon stands before them.
    """
    behind: cython.Py_ssize_t = sign + 1
    mark: cython.Py_UCS4 = text[sign]
    spaced: cython.bint = behind < end and text[behind].isspace()
    if mark == "•" or mark == "*":
        if not spaced or not sign or not text[sign - 1].isspace() or (sign > 1 and text[sign - 2] in ".;"):
            return 0
        return behind + 1
    if behind < end and text[behind] in "\"')]":
        behind += 1
    begin: cython.Py_ssize_t = behind
    while begin < end and text[begin].isspace():
        begin += 1
    if begin > behind and _clearly_begins(text, begin, end):
        return begin
    if spaced and (mark == ";" or (mark == "." and begin == behind + 1 < end)):
        return behind + 1
    return 0


@cython.cclass
class Sentences:
    """The sentences of one text, read line by line as they are asked for, from the front to the back."""

    _text: str
    _bounds: list
    _line_end: cython.Py_ssize_t

    def __init__(self, text: str) -> None:
        self._text = text
        self._bounds = [0]
        self._line_end = 0

    def around(self, offset: cython.Py_ssize_t) -> tuple[int, int]:
        """Where the sentence that holds `offset` begins and ends. Offsets asked for must not go down."""
        if offset >= self._line_end:
            self._read_line(offset)
        place: cython.Py_ssize_t = bisect_right(self._bounds, offset) - 1
        end = self._bounds[place + 1] if place + 1 < len(self._bounds) else self._line_end
        return self._bounds[place], end

    @cython.cfunc
    def _read_line(self, offset: cython.Py_ssize_t) -> cython.void:
        text: str = self._text
        length: cython.Py_ssize_t = len(text)
        start: cython.Py_ssize_t = text.rfind("\n", self._line_end, offset) + 1 or self._line_end
        while start > self._line_end and self._goes_on(start):
            start = text.rfind("\n", self._line_end, start - 1) + 1 or self._line_end
        end: cython.Py_ssize_t = text.find("\n", offset, length)
        while 0 <= end < length - 1 and self._goes_on(end + 1):
            end = text.find("\n", end + 1, length)
        end = length if end < 0 else end + 1
        self._line_end = end
        self._bounds = self._split(start, end)

    @cython.cfunc
    @cython.exceptval(check=False)
    def _goes_on(self, start: cython.Py_ssize_t) -> cython.bint:
        """Whether the line at `start` goes on with the sentence before: it begins in lower case."""
        text: str = self._text
        while start < len(text) and (text[start] == " " or text[start] == "\t"):
            start += 1
        return start < len(text) and text[start].islower()

    @cython.cfunc
    def _split(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> list:
        text: str = self._text
        bounds: list = [start]
        place: cython.Py_ssize_t = start
        following: cython.Py_ssize_t
        while place < end:
            sign: cython.Py_ssize_t = place
            place += 1
            if text[sign] not in ".!?;•*":
                continue
            following = _behind_end(text, sign, end)
            if not following:
                continue
            place = following
            if text[sign] == "." and self._abbreviates(sign) and not BEGINS.match(text, following):
                continue
            if following - start > LONGEST_SENTENCE:
                self._cut_long(bounds, following)
            bounds.append(following)
            start = following
        self._cut_long(bounds, end)
        return bounds

    @cython.cfunc
    def _abbreviates(self, period: cython.Py_ssize_t) -> cython.bint:
        """Whether a period ends an abbreviation."""
        text: str = self._text
        first: cython.Py_ssize_t = period - 4
        if first >= 0 and text[period - 1] not in ENDS_OF_LONG_ONES:
            while text[first].isalpha():
                first += 1
            if first == period:
                return False
        before = text[max(0, period - LONGEST_ABBREVIATION) : period].replace("(", " ")
        if before[-1:].isspace():
            return False
        words: list = before.split()
        word: str = words[-1] if words else ""
        if len(word) == 1 and word.isascii() and word.isalpha():
            return len(words) < 2 or words[-2].lower() not in BEFORE_LETTERS
        if len(word) <= 2 and word.isdecimal():
            return True
        return word.lower() in ABBREVIATIONS

    @cython.cfunc
    def _cut_long(self, bounds: list, end: cython.Py_ssize_t) -> cython.void:
        while end - bounds[-1] > LONGEST_SENTENCE:
            limit = bounds[-1] + LONGEST_SENTENCE
            space = self._text.rfind(" ", bounds[-1] + 1, limit)
            bounds.append(space + 1 if space > 0 else limit)
