# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Words of conditions: whether one of some stands in a chart, or near a place of it.

As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

from array import array

import cython

from chartcoder.coding.inner.scanning import ANY_BEGINNING, place_of


@cython.cclass
class AnyWord:
    """Whether one of some words stands in a stretch of a text."""

    _stems: list
    _wholes: list
    _places: cython.int[::1]  # of the stems in a table of beginnings, or -1

    def __init__(self, words: list[str]) -> None:
        """Words in lower case; one that ends in "*" is the beginning of a word."""
        self._stems = [word.rstrip("*") for word in words]
        self._wholes = [not word.endswith("*") for word in words]
        self._places = array("i", map(place_of, self._stems))

    def stands_in(
        self, text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t, beginnings: bytearray = ANY_BEGINNING
    ) -> cython.bint:
        """Whether one stands as a word of its own in text[start:end], a lower-case text; `beginnings` are those of its
        words."""
        number: cython.Py_ssize_t
        known: cython.uchar[::1] = beginnings
        start = max(start, 0)
        end = min(end, len(text))
        for number in range(len(self._stems)):
            if self._may_stand(number, known) and self._next(number, text, start, end) >= 0:
                return True
        return False

    def count(self, text: str, beginnings: bytearray = ANY_BEGINNING) -> cython.Py_ssize_t:
        """How often the words stand in a lower-case text, all together; `beginnings` are those of its words."""
        known: cython.uchar[::1] = beginnings
        number: cython.Py_ssize_t
        place: cython.Py_ssize_t
        end: cython.Py_ssize_t = len(text)
        counted: cython.Py_ssize_t = 0
        for number in range(len(self._stems)):
            if not self._may_stand(number, known):
                continue
            place = self._next(number, text, 0, end)
            while place >= 0:
                counted += 1
                place = self._next(number, text, place + 1, end)
        return counted

    def stands_near(
        self,
        text: str,
        start: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        reach: cython.Py_ssize_t,
        beginnings: bytearray = ANY_BEGINNING,
    ) -> cython.bint:
        """Whether one stands in the `reach` characters before text[start:end], or in those behind it; `beginnings` are
        those of the text's words."""
        known: cython.uchar[::1] = beginnings
        number: cython.Py_ssize_t
        floor: cython.Py_ssize_t = max(start - reach, 0)
        limit: cython.Py_ssize_t = min(end + reach, len(text))
        start = min(start, len(text))
        for number in range(len(self._stems)):
            if not self._may_stand(number, known):  # mostly so
                continue
            stem: str = self._stems[number]
            if text.find(stem, floor, limit) < 0:
                continue
            if self._next(number, text, floor, start) >= 0 or self._next(number, text, end, limit) >= 0:
                return True
        return False

    @cython.cfunc
    @cython.inline
    def _may_stand(self, number: cython.Py_ssize_t, beginnings: cython.uchar[::1]) -> cython.bint:
        """Whether a text with words that begin so may have a word."""
        place: cython.Py_ssize_t = self._places[number]
        return place < 0 or beginnings[place] != 0

    @cython.cfunc
    def _next(
        self, number: cython.Py_ssize_t, text: str, place: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.Py_ssize_t:
        """Where a word stands in text[place:end]; -1 if nowhere."""
        stem: str = self._stems[number]
        behind: cython.Py_ssize_t
        place = text.find(stem, place, end)
        while place >= 0:
            behind = place + len(stem)
            if (place == 0 or not text[place - 1].isalnum()) and (
                not self._wholes[number] or behind == len(text) or not text[behind].isalnum()
            ):
                return place
            place = text.find(stem, place + 1, end)
        return -1
