# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""A glance at what stands directly before and behind the terms of a chart: mostly nothing that says anything of them.

As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

from array import array

import cython

ENDING = cython.declare(cython.Py_ssize_t, 3)  # characters of a word, by which most others are told from it


@cython.cclass
class Signals:
    """What may say something beside a term, the same for every chart."""

    endings: frozenset
    signs: str
    openings: tuple
    answers: str
    blanks: cython.Py_ssize_t
    farthest: cython.Py_ssize_t

    def __init__(
        self,
        words_before: tuple[str, ...],
        signs: str,
        openings: tuple[str, ...],
        answers: str,
        blanks: cython.Py_ssize_t,
        farthest: cython.Py_ssize_t,
    ) -> None:
        """
        Args:
            words_before: words and signs that may say something directly before a term.
            signs: more of these.
            openings: what a term may begin with that says something of itself.
            answers: what an answer behind a term begins with; a period, which comes in rows, is seen to apart.
            blanks: characters behind a term among which the first that is no blank is looked for.
            farthest: characters behind a term that a word may stand from it.
        """
        self.endings = frozenset([word[max(0, len(word) - ENDING) :] for word in words_before])
        self.signs = "".join([word for word in words_before if len(word) == 1]) + signs
        self.openings = openings
        self.answers = answers
        self.blanks = blanks
        self.farthest = farthest


@cython.cclass
class Glance:
    """What may say something beside the terms of one chart, for whoever has to look closer."""

    _low: str
    _places_behind: cython.int[::1]
    _following: cython.Py_ssize_t  # of these, behind the term that was asked for last
    _signals: Signals

    def __init__(self, low: str, places_behind: list[int], signals: Signals) -> None:
        """A text in lower case, and where a word stands in it that may say something behind a term, in order."""
        self._low = low
        self._places_behind = array("i", places_behind)
        self._following = 0
        self._signals = signals

    def finds_nothing(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Whether nothing beside the term at [start, end) can say anything of it: no box or answer of a template, no
        sign, no hyphen, no word. Terms asked for must not go back."""
        low: str = self._low
        signals: Signals = self._signals
        length: cython.Py_ssize_t = len(low)
        place: cython.Py_ssize_t = start
        limit: cython.Py_ssize_t
        while place and low[place - 1].isspace():
            place -= 1
        if place and low[place - 1] in signals.signs:
            return False
        if low[max(0, place - ENDING) : place] in signals.endings:
            return False
        place = end
        limit = min(end + signals.blanks, length)
        while place < limit and low[place] in " \t":
            place += 1
        if place == limit or low[place] in signals.answers:
            return False
        if low[place] == "." and not (place + 1 < length and low[place + 1] in " \n"):
            return False
        if low.startswith(signals.openings, start, end):
            return False
        return not self._has_word_behind(end)

    @cython.cfunc
    def _has_word_behind(self, end: cython.Py_ssize_t) -> cython.bint:
        """Whether a word that may say something stands behind a place, not far from it and in its line."""
        count: cython.Py_ssize_t = len(self._places_behind)
        while self._following < count and self._places_behind[self._following] < end:
            self._following += 1
        if self._following == count or self._places_behind[self._following] >= end + self._signals.farthest:
            return False
        return self._low.find("\n", end, self._places_behind[self._following]) < 0
