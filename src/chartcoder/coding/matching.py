"""Finding the lexicon's terms in a chart: encode, look up, choose.

Each word of a chart becomes one character (`encoding`), so that phrases are short strings, found by the steps of a trie
(`scanning`). Of overlapping phrases the longest wins. Last, what the chart says beside a phrase
(`attributes`) chooses among its codes (`choosing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chartcoder.coding.attributes import NOTHING, attributes_around, side_said_elsewhere
from chartcoder.coding.choosing import Choices, has_side
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.encoding import Encoder, Encoding
from chartcoder.coding.lexicon.artefact import AND, BREAK, COMMA, LINE, UNKNOWN, Lexicon
from chartcoder.coding.lexicon.compile import SIDES, Entry
from chartcoder.coding.scanning import read_in_turn

COORDINATING = frozenset({AND, COMMA})
PARTING = frozenset({BREAK, LINE, COMMA, AND})
PARTING_WORDS = (
    "free", "no", "not", "without", "normal", "absent", "negative", "removal", "resection", "excision", "surgery",
)  # fmt: skip
"""No phrase of two words has one of these between them: "lesion-free adrenal", "surgical removal of the abdominal"."""


class Term(NamedTuple):
    """A phrase found in a chart, with the entry that its attributes chose. Offsets are characters of the text."""

    start: int
    end: int
    entry: Entry
    attributes: frozenset[str]  # what the chart says beside it


def standing_alone(start: int, end: int, entry: Entry) -> Term:
    """A term with nothing beside it."""
    return Term(start, end, entry, NOTHING)


class Matcher:
    """Finds terms. Keeps nothing of a chart but words of it (bounded)."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._encoder = Encoder(lexicon.vocabulary)
        self._choices = Choices(lexicon)
        self._parting = PARTING.union(map(lexicon.vocabulary.__getitem__, PARTING_WORDS)) - {UNKNOWN}

    def find(self, text: str, view: ChartView) -> list[Term]:
        """The terms of a text, in order, not overlapping.

        Args:
            text: the chart.
            view: answers the conditions of the curated lexicon ("near: ...", "sex: female").
        """
        encoding = self._encoder.encode(text)
        found = self._lexicon.table.find(encoding.tokens)
        taken = bytearray(len(encoding.core))

        def read(first: int, last: int, phrase: int) -> Term | None:
            return self._read(encoding, first, last, phrase, view)

        terms: list[Term]
        terms, longer = read_in_turn(
            found, encoding.parts, encoding.bounds, taken, self._choices.alone, view, read, standing_alone
        )
        for first, last in longer:
            terms.extend(self._coordinated(encoding, first, last, taken, view))
        terms.extend(self._parted(encoding, taken, view))
        terms.sort()
        return terms

    def _coordinated(
        self, encoding: Encoding, first: int, last: int, taken: bytearray, view: ChartView
    ) -> Iterable[Term]:
        """Terms that share a word with the phrase beside them: "radius and ulna" after "fracture of the distal"."""
        core = encoding.core
        place = last
        while place + 1 < len(core) and core[place] in COORDINATING and not taken[place + 1]:
            yield from self._shared(encoding, core[first : last - 1] + core[place + 1], place + 1, taken, view)
            if not taken[place + 1]:
                break
            place += 2
        place = first - 1
        while place >= 1 and core[place] in COORDINATING and not taken[place - 1]:
            yield from self._shared(encoding, core[place - 1] + core[first + 1 : last], place - 1, taken, view)
            if not taken[place - 1]:
                break
            place -= 2

    def _shared(self, encoding: Encoding, phrase: str, place: int, taken: bytearray, view: ChartView) -> Iterable[Term]:
        number = self._lexicon.phrases.get(phrase)
        if number is None:
            return
        term = self._read(encoding, place, place + 1, number, view)
        if term is not None and term.entry.codes:
            taken[place] = 1
            yield term

    def _parted(self, encoding: Encoding, taken: bytearray, view: ChartView) -> Iterable[Term]:
        """Phrases of two words with one other word between them: "lesion, hepatic" is none, "lesion focal hepatic"
        is."""
        for first, phrase in self._lexicon.table.find_parted(encoding.tokens):
            last = first + 3
            if taken.find(1, first, last) >= 0 or encoding.core[first + 1] in self._parting:
                continue
            term = self._read(encoding, first, last, phrase, view)
            if term is not None and term.entry.codes:
                taken[first:last] = b"\x01\x01\x01"
                yield term

    def _read(self, encoding: Encoding, first: int, last: int, phrase: int, view: ChartView) -> Term | None:
        """The term that a phrase is with what stands beside it; None where it means nothing there."""
        said = NOTHING if encoding.stands_alone(first, last) else attributes_around(encoding, first, last)
        start, end = encoding.span(first, last)
        choice = self._choices[phrase, said]
        entry = choice.settled or choice.entry(view, start, end)
        if entry is None:
            return None
        if choice.asks_for_side and encoding.sides and entry.codes and not has_side(entry):
            if SIDES.isdisjoint(said):
                said |= side_said_elsewhere(encoding, first, last, self._encoder.paired)
            entry = self._choices.with_side(phrase, said, view, start, end) or entry
        return Term(start, end, entry, said)
