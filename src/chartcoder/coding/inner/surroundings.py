# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""A glance at what stands directly before and behind the terms of a chart: mostly nothing that says anything of them.

As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

from array import array

import cython

FARTHEST = cython.declare(cython.int, 60)  # characters behind a term, see `assertions.TAIL`
ENDING = cython.declare(cython.Py_ssize_t, 3)  # characters
BLANKS = cython.declare(cython.int, 20)  # see `templates.BLANKS`


def ending_of(word: str) -> str:
    """The end of a word, by which most others are told from it."""
    return word[max(0, len(word) - ENDING) :]


@cython.cclass
class Glance:
    """What may say something beside the terms of one chart, for whoever has to look closer."""

    _low: str
    _places_behind: cython.int[::1]
    _endings: frozenset
    _signs: str
    _openings: tuple

    def __init__(
        self, low: str, places_behind: list[int], endings: frozenset[str], signs: str, openings: tuple[str, ...]
    ) -> None:
        """
        Args:
            low: the text in lower case.
            places_behind: where a word stands that may say something behind a term, in order.
            endings: of words that may say something directly before one, as `ending_of` gives them.
            signs: that may say something there.
            openings: what a term may begin with that says something of itself.
        """
        self._low = low
        self._places_behind = array("i", places_behind)
        self._endings = endings
        self._signs = signs
        self._openings = openings

    def finds_nothing(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Whether nothing beside the term at [start, end) can say anything of it: no box or answer of a template, no
        sign, no hyphen, no word."""
        low: str = self._low
        length: cython.Py_ssize_t = len(low)
        place: cython.Py_ssize_t = start
        limit: cython.Py_ssize_t
        while place and low[place - 1].isspace():
            place -= 1
        if place and low[place - 1] in self._signs:
            return False
        if low[max(0, place - ENDING) : place] in self._endings:
            return False
        place = end
        limit = min(end + BLANKS, length)
        while place < limit and low[place] in " \t":
            place += 1
        if place == limit or low[place] in ":-=?\u2026[(\u2610\u2611\u2612":
            return False
        if low[place] == "." and not (place + 1 < length and low[place + 1] in " \n"):
            return False
        if low.startswith(self._openings, start, end):
            return False
        return not self._has_word_behind(end)

    @cython.cfunc
    def _has_word_behind(self, end: cython.Py_ssize_t) -> cython.bint:
        """Whether a word that may say something stands behind a place, not far from it and in its line."""
        low: cython.Py_ssize_t = 0
        high: cython.Py_ssize_t = len(self._places_behind)
        middle: cython.Py_ssize_t
        while low < high:
            middle = (low + high) // 2
            if self._places_behind[middle] < end:
                low = middle + 1
            else:
                high = middle
        if low == len(self._places_behind) or self._places_behind[low] >= end + FARTHEST:
            return False
        return self._low.find("\n", end, self._places_behind[low]) < 0
