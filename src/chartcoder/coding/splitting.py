"""Sentences: found only around terms, by punctuation and lines.

medspaCy's splitter (PyRuSH) takes nine tenths of its pipeline's time; ConText needs only to know where the sentence
of a term begins and ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right

LONGEST_SENTENCE = 1_200
"""Characters; a longer stretch without an end is cut at a space, so that time stays in proportion to length."""

SENTENCE_END = re.compile(
    r"[.!?;•*](?:(?<=[.!?;])[\"')\]]?\s+(?=[\"'(\[#*•-]?[A-Z0-9])|(?<=;)\s|(?<=\.)\s(?=\S)|(?<=\s[•*])(?<![.;]\s[•*])\s)"
)
"""Begins with the characters it may begin with, so that all others are passed over quickly."""
ABBREVIATIONS = frozenset(
    {
        "dr", "mr", "ms", "mrs", "vs", "st", "jr", "sr", "md", "approx", "neg", "pos", "sig", "fig", "no", "inc",
        "prof", "dept", "p.o", "b.i.d", "t.i.d", "q.i.d", "q.d", "p.r.n", "q.h.s", "i.e", "e.g", "a.m", "p.m", "h.s",
        "q.h",
    }
)  # fmt: skip
"""End in a period that does not end a sentence, unless a new one clearly begins; so do single letters and numbers of
two digits."""
ENDS_OF_LONG_ONES = "ftx"  # of the abbreviations that have four letters or more: prof, dept, approx
LONGEST_ABBREVIATION = 12  # characters, with what stands before it
BEGINS = re.compile(
    r"(?:The|This|There|These|She|He|They|It|We|I|Her|His|Patient|In|On|No|At|A|An|If|When|Since|However|Will|Would|Please"
    r"|My|You|Your|Also|Denies|Negative|Positive|History)\b"
)


class Sentences:
    """The sentences of one text, read line by line as they are asked for, from the front to the back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bounds: list[int] = [0]
        self._line_end = 0

    def around(self, offset: int) -> tuple[int, int]:
        """Where the sentence that holds `offset` begins and ends. Offsets asked for must not go down."""
        if offset >= self._line_end:
            self._read_line(offset)
        place = bisect_right(self._bounds, offset) - 1
        end = self._bounds[place + 1] if place + 1 < len(self._bounds) else self._line_end
        return self._bounds[place], end

    def _read_line(self, offset: int) -> None:
        text, length = self._text, len(self._text)
        start = text.rfind("\n", self._line_end, offset) + 1 or self._line_end
        while start > self._line_end and self._goes_on(start):
            start = text.rfind("\n", self._line_end, start - 1) + 1 or self._line_end
        end = text.find("\n", offset)
        while 0 <= end < length - 1 and self._goes_on(end + 1):
            end = text.find("\n", end + 1)
        end = length if end < 0 else end + 1
        self._line_end = end
        self._bounds = list(self._split(start, end))

    def _goes_on(self, start: int) -> bool:
        """Whether the line at `start` goes on with the sentence before: it begins in lower case."""
        text = self._text
        first = text[start : start + 1]
        while first == " " or first == "\t":
            start += 1
            first = text[start : start + 1]
        return first.islower()

    def _split(self, start: int, end: int) -> list[int]:
        text, bounds = self._text, [start]
        for found in SENTENCE_END.finditer(text, start, end):
            sign, following = found.span()
            if text[sign] == "." and self._abbreviates(sign) and not BEGINS.match(text, following):
                continue
            if following - bounds[-1] > LONGEST_SENTENCE:
                self._cut_long(bounds, following)
            bounds.append(following)
        self._cut_long(bounds, end)
        return bounds

    def _abbreviates(self, period: int) -> bool:
        """Whether a period ends an abbreviation."""
        letters = self._text[max(0, period - 4) : period]
        if len(letters) == 4 and letters.isalpha() and letters[-1] not in ENDS_OF_LONG_ONES:
            return False
        before = self._text[max(0, period - LONGEST_ABBREVIATION) : period].replace("(", " ")
        if before[-1:].isspace():
            return False
        word = before.split()[-1] if before else ""
        if len(word) <= 2 and (word.isdecimal() or (len(word) == 1 and word.isascii() and word.isalpha())):
            return True
        return word.lower() in ABBREVIATIONS

    def _cut_long(self, bounds: list[int], end: int) -> None:
        while end - bounds[-1] > LONGEST_SENTENCE:
            limit = bounds[-1] + LONGEST_SENTENCE
            space = self._text.rfind(" ", bounds[-1] + 1, limit)
            bounds.append(space + 1 if space > 0 else limit)
