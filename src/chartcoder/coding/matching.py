"""Finding the lexicon's terms in a chart: encode, look up, choose.

Each word of a chart becomes one character (`encoding`), so that phrases are short strings, found by the steps of a trie
(`scanning`). Of overlapping phrases the longest wins. Last, what the chart says beside a phrase
(`attributes`) chooses among its codes (`choosing`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from operator import attrgetter

import msgspec

from chartcoder.coding.attributes import attributes_of, side_said_elsewhere
from chartcoder.coding.choosing import Choices, has_side
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.encoding import Encoder, Encoding
from chartcoder.coding.inner.reading import PhraseReader
from chartcoder.coding.lexicon.artefact import AND, BREAK, COMMA, LINE, UNKNOWN, Lexicon
from chartcoder.coding.lexicon.compile import SIDES, Entry

COORDINATING = frozenset({AND, COMMA})
PARTING = frozenset({BREAK, LINE, COMMA, AND})
PARTING_WORDS = (
    "free", "no", "not", "without", "normal", "absent", "negative", "removal", "resection", "excision", "surgery",
)  # fmt: skip
"""No phrase of two words has one of these between them: "lesion-free adrenal", "surgical removal of the abdominal"."""


class Term(msgspec.Struct, frozen=True, gc=False):
    """A phrase found in a chart, with the entry that its attributes chose. Offsets are characters of the text."""

    start: int
    end: int
    entry: Entry


START = attrgetter("start")


class Matcher:
    """Finds terms. Keeps nothing of a chart but words of it (bounded)."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._encoder = Encoder(lexicon.vocabulary)
        self._choices = Choices(lexicon)
        parting = PARTING.union(map(lexicon.vocabulary.__getitem__, PARTING_WORDS)) - {UNKNOWN}
        self._parting = array("H", map(ord, parting))

    def find(self, text: str, view: ChartView) -> list[Term]:
        """The terms of a text, in order, not overlapping.

        Args:
            text: the chart.
            view: answers the conditions of the curated lexicon ("near: ...", "sex: female").
        """
        encoding = self._encoder.encode(text)
        view.learn_beginnings(encoding.beginnings)
        taken = bytearray(len(encoding.core))

        def sided(first: int, last: int, phrase: int, said: frozenset[str], entry: Entry) -> Entry:
            return self._sided(encoding, first, last, phrase, said, entry, view)

        reader = PhraseReader(
            encoding.parts, encoding.bounds, encoding.characters, self._choices, view, attributes_of, sided, Term
        )
        terms: list[Term]
        terms, longer = reader.in_turn(self._lexicon.table.find(encoding.tokens), taken)
        for first, last in longer:
            terms.extend(self._coordinated(encoding, first, last, taken, reader))
        terms.extend(self._parted(encoding, taken, reader))
        terms.sort(key=START)
        return terms

    def _coordinated(
        self, encoding: Encoding, first: int, last: int, taken: bytearray, reader: PhraseReader
    ) -> Iterable[Term]:
        """Terms that share a word with the phrase beside them: "radius and ulna" after "fracture of the distal"."""
        core = encoding.core
        place = last
        while place + 1 < len(core) and core[place] in COORDINATING and not taken[place + 1]:
            yield from self._shared(core[first : last - 1] + core[place + 1], place + 1, taken, reader)
            if not taken[place + 1]:
                break
            place += 2
        place = first - 1
        while place >= 1 and core[place] in COORDINATING and not taken[place - 1]:
            yield from self._shared(core[place - 1] + core[first + 1 : last], place - 1, taken, reader)
            if not taken[place - 1]:
                break
            place -= 2

    def _shared(self, phrase: str, place: int, taken: bytearray, reader: PhraseReader) -> Iterable[Term]:
        number = self._lexicon.phrases.get(phrase)
        term = None if number is None else reader.read(place, place + 1, number)
        if term is not None:
            taken[place] = 1
            yield term

    def _parted(self, encoding: Encoding, taken: bytearray, reader: PhraseReader) -> Iterable[Term]:
        """Phrases of two words with one other word between them: "lesion, hepatic" is none, "lesion focal hepatic"
        is."""
        for first, phrase in self._lexicon.table.find_parted(encoding.tokens, taken, self._parting):
            last = first + 3
            term = reader.read(first, last, phrase) if taken.find(1, first, last) < 0 else None
            if term is not None:
                taken[first:last] = b"\x01\x01\x01"
                yield term

    def _sided(
        self,
        encoding: Encoding,
        first: int,
        last: int,
        phrase: int,
        said: frozenset[str],
        entry: Entry,
        view: ChartView,
    ) -> Entry:
        """The entry of a phrase with the side that is said with it or elsewhere, where its entry lacks one."""
        if not encoding.sides or has_side(entry):
            return entry
        if SIDES.isdisjoint(said):
            said |= side_said_elsewhere(encoding, first, last, self._encoder.paired)
        return self._choices.with_side(phrase, said, view, *encoding.span(first, last)) or entry
