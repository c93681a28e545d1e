# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""A chart's phrases into terms: what each phrase means where it stands.

Most phrases have nothing beside them that matters, and are settled here. As `scanning.py`, this file is Python with
types for Cython.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import cython

from chartcoder.coding.inner.scanning import Found, Parts

NOTHING: frozenset[str] = frozenset()  # said beside a phrase
MOST_COMMAS = cython.declare(cython.int, 3)  # between the attributes behind a phrase: "glaucoma, bilateral, moderate"
COMMA = cython.declare(cython.int, 0x2C)
AND = cython.declare(cython.int, 0x26)
FIRST_CORE = cython.declare(cython.int, 0x1000)
"""As in `lexicon/artefact.py`; what is in `core` and below FIRST_CORE ends a run of attributes."""


@cython.cclass
class Choice:
    """What a phrase may mean with some attributes beside it.

    Attributes:
        settled: its entry, whatever else the chart says; None where conditions decide, or where it means nothing.
        ranked: entries, the best first, each with its conditions.
        asks_for_side: whether a side, where none is said beside it, would give another code.
    """

    settled = cython.declare(object, visibility="readonly")
    ranked = cython.declare(tuple, visibility="readonly")
    asks_for_side = cython.declare(cython.bint, visibility="readonly")

    def __init__(self, settled: object, ranked: tuple, asks_for_side: cython.bint) -> None:
        self.settled = settled
        self.ranked = ranked
        self.asks_for_side = asks_for_side

    @cython.ccall
    def entry(self, view: object, start: object, end: object) -> object:
        """The entry of the phrase at [start, end) of a chart; None where none fits."""
        if self.settled is not None:
            return self.settled
        for entry, conditions in self.ranked:
            for holds in conditions:
                if not holds(view, start, end):
                    break
            else:
                return entry
        return None


@cython.cfunc
@cython.inline
def _codes_of(entry: object) -> object:
    """`entry.codes`, without a question of what an entry is."""
    fields: tuple = cython.cast(tuple, entry)
    return fields[1]


@cython.cclass
class PhraseReader:
    """Reads the phrases of one chart."""

    _core: cython.ushort[::1]
    _places: cython.int[::1]
    _attributes: cython.int[::1]
    _beside: cython.uchar[::1]
    _bounds: cython.int[::1]
    _characters: str
    _choices: Any  # a dictionary that makes what is missing
    _alone: list
    _view: Any
    _attributes_of: Any
    _sided: Any
    _term: Any

    def __init__(
        self,
        parts: Parts,
        bounds: array[int],
        characters: str,
        choices: Any,
        view: Any,
        attributes_of: Callable[[str], frozenset[str]],
        sided: Callable[[int, int, int, frozenset[str], Any], Any],
        term: Callable[[int, int, Any], Any],
    ) -> None:
        """
        Args:
            parts: the chart's points apart.
            bounds: its runs.
            characters: of the lexicon, one for each run.
            choices: (phrase, attributes) -> `Choice`; and those known for phrases that stand alone, by their number.
            view: answers the choices' conditions.
            attributes_of: the attributes that characters stand for.
            sided: (first, last, phrase, attributes, entry) -> the entry of a phrase that asks for a side.
            term: (start, end, entry) -> a term.
        """
        self._core, self._places, self._attributes, self._beside = parts
        self._bounds = bounds
        self._characters = characters
        self._choices = choices
        self._alone = choices.alone
        self._view = view
        self._attributes_of = attributes_of
        self._sided = sided
        self._term = term

    def in_turn(self, found: Found, taken: bytearray) -> tuple[list[Any], list[tuple[int, int]]]:
        """The terms with codes among the phrases found, and where those of more than one token stand that a comma or a
        conjunction is next to. Of two phrases that share a token the longer counts, else the first.

        Args:
            found: what `PhraseTable.find` found.
            taken: 1 for each core token that a term has; filled in here.
        """
        firsts: cython.int[::1] = found.firsts
        lasts: cython.int[::1] = found.lasts
        numbers: cython.int[::1] = found.numbers
        free: cython.uchar[::1] = taken
        count: cython.Py_ssize_t = len(found.firsts)
        which: cython.Py_ssize_t
        first: cython.Py_ssize_t
        last: cython.Py_ssize_t
        place: cython.Py_ssize_t
        length: cython.Py_ssize_t = 0
        terms: list = []
        longer: list = []
        for which in range(count):
            length = max(length, lasts[which] - firsts[which])
        while length:
            for which in range(count):
                first, last = firsts[which], lasts[which]
                if last - first != length:
                    continue
                place = first
                while place < last and not free[place]:
                    place += 1
                if place < last:
                    continue
                entry = self._entry(first, last, numbers[which])
                if entry is None:
                    continue
                for place in range(first, last):
                    free[place] = 1
                if _codes_of(entry):
                    terms.append(self._term_of(first, last, entry))
                    if length > 1 and self._is_coordinated(first, last):
                        longer.append((first, last))
            length -= 1
        return terms, longer

    def read(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t, phrase: cython.Py_ssize_t) -> Any:
        """The term that a phrase at [first, last) of the core tokens is; None where it has no code there."""
        entry = self._entry(first, last, phrase)
        return self._term_of(first, last, entry) if entry is not None and _codes_of(entry) else None

    @cython.cfunc
    def _term_of(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t, entry: object) -> object:
        return self._term(self._start(first), self._end(last), entry)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _start(self, first: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Where in the text the word of a core token begins."""
        return self._bounds[self._places[first]]

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _end(self, last: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Where the word before a core token ends."""
        return self._bounds[self._places[last - 1] + 1]

    @cython.cfunc
    def _entry(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t, phrase: cython.Py_ssize_t) -> object:
        """What a phrase means by what is said beside it and in its chart."""
        said = self._said_beside(first, last)
        choice: Choice | None = self._alone[phrase] if said is NOTHING else None
        if choice is None:
            choice = self._choices[phrase, said]
        entry = choice.settled
        if entry is None:
            if not choice.ranked:
                return None
            entry = choice.entry(self._view, self._start(first), self._end(last))
        if choice.asks_for_side and len(self._attributes) and entry is not None and _codes_of(entry):
            return self._sided(first, last, phrase, said, entry)
        return entry

    @cython.cfunc
    def _said_beside(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> object:
        """The attributes inside the phrase at [first, last) of the core tokens, directly before it, and directly after
        it where they do not lead to another word: else as far as the last comma ("knee pain, left, without swelling").

        What stands between two neighbours in `core` is fillers and attributes: so one looks from the neighbour before
        the phrase to the one behind it.
        """
        place: cython.Py_ssize_t = first
        while place <= last and not self._beside[place]:
            place += 1
        if place > last:
            return NOTHING
        length: cython.Py_ssize_t = len(self._core)
        behind: cython.Py_ssize_t = last
        while behind < length and self._core[behind] == COMMA and behind - last < MOST_COMMAS:
            behind += 1
        end: cython.Py_ssize_t = self._places[behind] if behind < length else len(self._characters)
        if behind < length and self._core[behind] >= FIRST_CORE:
            end = self._places[behind - 1]
        low: cython.Py_ssize_t = self._attributes_before(self._places[first - 1]) if first else 0
        high: cython.Py_ssize_t = self._attributes_before(end)
        if low >= high:
            return NOTHING
        if high == low + 1:
            return self._attributes_of(self._characters[self._attributes[low]])
        return self._attributes_of("".join([self._characters[self._attributes[which]] for which in range(low, high)]))

    @cython.cfunc
    @cython.exceptval(check=False)
    def _attributes_before(self, place: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """How many attributes stand before a place."""
        low: cython.Py_ssize_t = 0
        high: cython.Py_ssize_t = len(self._attributes)
        middle: cython.Py_ssize_t
        while low < high:
            middle = (low + high) // 2
            if self._attributes[middle] < place:
                low = middle + 1
            else:
                high = middle
        return low

    @cython.cfunc
    @cython.exceptval(check=False)
    def _is_coordinated(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.bint:
        """Whether a comma or a conjunction stands next to a phrase, with something on its other side."""
        if last + 1 < len(self._core) and (self._core[last] == COMMA or self._core[last] == AND):
            return True
        return first >= 2 and (self._core[first - 1] == COMMA or self._core[first - 1] == AND)
