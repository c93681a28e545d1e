"""Which code a phrase means: its entries each ask for attributes, and perhaps for a condition of the chart.

The entry that asks for most of what the chart says, and for nothing it does not say, gives the code.
"""

from __future__ import annotations

from itertools import starmap
from typing import cast

from chartcoder.coding.conditions import ChartView, condition
from chartcoder.coding.inner.reading import Choice
from chartcoder.coding.lexicon.artefact import Lexicon
from chartcoder.coding.lexicon.compile import SIDES, Entry
from chartcoder.coding.lexicon.normalise import ATTRIBUTES

NOT_RULED_OUT, MEANS_NOTHING, FITS_CONTEXT = 0.25, 0.5, 0.75
"""Added to an entry's fit: one that the words around it ask for is better than one that means nothing, which is better
than one that they merely do not rule out ("not near")."""
REMEMBERED = 50_000  # phrases with attributes

UNCODED = Entry((), (), 0)
"""What means nothing: one for all, so that it is at hand in the processor's cache."""

IMPLIED = frozenset({"primary", "essential", "unilateral", "closed", "displaced"})
"""Attributes that a code may ask for and a chart need not say, by the release's own defaults (a fracture not said to be
open is closed, one not said to be aligned is displaced: Official Guidelines I.C.19.c)."""
IMPLYING_CHAPTERS = frozenset("IMST")
"""Circulation, bones and joints, injuries: elsewhere what is not said is not implied."""


class Choices(dict[tuple[int, frozenset[str]], Choice]):
    """Phrase and the attributes said beside it -> its choice, remembered once made: charts repeat themselves."""

    def __init__(self, lexicon: Lexicon) -> None:
        super().__init__()
        self._lexicon = lexicon
        self.alone: list[Choice | None] = [None] * len(lexicon.phrases)
        """By phrase: its choice where nothing stands beside it, if a side that stands elsewhere would not matter. As
        far as known."""

    def __missing__(self, key: tuple[int, frozenset[str]]) -> Choice:
        phrase, said = key
        entries = self._lexicon.entries(phrase)
        ranked = tuple(
            (entry if entry.codes else UNCODED, tuple(starmap(condition, entry.when)))
            for entry in rank_entries(entries, said)
        )
        settled = ranked[0][0] if ranked and not ranked[0][1] else None
        if len(self) >= REMEMBERED:
            self.clear()
        asks_for_side = any(map(has_side, entries)) and not (settled is not None and has_side(settled))
        choice = self[key] = Choice(settled, ranked, asks_for_side)
        if not said and not (choice.asks_for_side and ranked):
            self.alone[phrase] = choice
        return choice

    def with_side(self, phrase: int, said: frozenset[str], view: ChartView, start: int, end: int) -> Entry | None:
        """The entry with the side said; for both sides, where no bilateral code exists, both codes (I.B.13)."""

        def chosen(attributes: frozenset[str]) -> Entry | None:
            return cast("Entry | None", self[phrase, attributes].entry(view, start, end))

        entry = chosen(said)
        if entry is None or "bilateral" not in said or has_side(entry):
            return entry
        plain = said - SIDES
        left, right = (chosen(plain | {side}) for side in ("left", "right"))
        if left and right and has_side(left) and has_side(right):
            return right._replace(codes=right.codes + left.codes)
        return entry


def has_side(entry: Entry) -> bool:
    """Whether an entry asks for a side."""
    return not SIDES.isdisjoint(entry.attributes)


def rank_entries(entries: tuple[Entry, ...], said: frozenset[str]) -> tuple[Entry, ...]:
    """The entries that ask for nothing the chart does not say, the one that says most of what it says first.

    Ends with the first entry without a condition: nothing behind it can be chosen.
    """
    axes_said = {ATTRIBUTES[attribute] for attribute in said}
    fitting = [(fit, entry) for entry in entries if (fit := _fit(entry, said, axes_said)) is not None]
    fitting.sort(key=lambda fitted: (-_standing(*fitted), fitted[1].rank))
    ranked: list[Entry] = []
    for _, entry in fitting:
        ranked.append(entry)
        if not entry.when:
            break
    return tuple(ranked)


def _standing(fit: float, entry: Entry) -> float:
    asked_for = any(name != "not near" for name, _ in entry.when)
    context = FITS_CONTEXT if asked_for else NOT_RULED_OUT if entry.when else 0
    return fit + context + MEANS_NOTHING * (not entry.codes)


def _implies(entry: Entry) -> bool:
    return bool(entry.codes) and entry.codes[0][0] in IMPLYING_CHAPTERS


def _fit(entry: Entry, said: frozenset[str], axes_said: set[str]) -> float | None:
    """How well attributes fit; None where one is asked for that the chart does not say or contradicts."""
    fit = 0.0
    for attribute in entry.attributes:
        if attribute in said:
            fit += 2
        elif attribute in IMPLIED and ATTRIBUTES[attribute] not in axes_said and _implies(entry):
            fit -= 0.5
        else:
            return None
    return fit
