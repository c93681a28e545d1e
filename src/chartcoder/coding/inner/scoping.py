# cython: language_level=3, boundscheck=False, initializedcheck=False
"""ConText when a chart is read: which triggers count, how far each reaches, and which terms it reaches.

The rules are in `context.py`; the algorithm is medspaCy's. As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import cython

FORWARD, BACKWARD, BIDIRECTIONAL, TERMINATE, PSEUDO = "FORWARD", "BACKWARD", "BIDIRECTIONAL", "TERMINATE", "PSEUDO"


NO_CUES: dict[str, str] = {}
"""Of the terms that no trigger reaches; nobody changes it."""


class Trigger(NamedTuple):
    """A string that begins or ends a scope. `tokens` is its length as medspaCy counts it: the longer trigger wins."""

    category: str
    direction: str
    tokens: int


DIRECTION, TOKENS = cython.declare(cython.Py_ssize_t, 1), cython.declare(cython.Py_ssize_t, 2)  # in a trigger

Found: TypeAlias = tuple[int, int, tuple[str, str, int]]
"""Where a trigger begins and ends, in characters, and which it is: a plain tuple, which machine code takes apart at
once."""


def prune_overlapping(found: list) -> list:
    """Of overlapping triggers keep the one with more tokens; of equals the first. medspaCy's
    `prune_overlapping_matches`: it looks at two neighbours, keeps one, goes on behind both, and begins again until
    none overlap. So of "was not demonstrated" remains "was not", and not the "demonstrated" that ends its scope.
    """
    place: cython.Py_ssize_t
    count: cython.Py_ssize_t
    end: cython.Py_ssize_t
    following_start: cython.Py_ssize_t
    while True:
        kept: list = []
        place, count = 0, len(found)
        while place < count:
            current = found[place]
            place += 1
            if place < count:
                following = found[place]
                end, following_start = current[1], following[0]
                if following_start < end:
                    place += 1
                    if following[2][TOKENS] > current[2][TOKENS]:
                        current = following
            kept.append(current)
        if len(kept) == count:
            return kept
        found = kept


@cython.cclass
class Modifier:
    """A trigger in a sentence, and the stretch of it that it acts on. Offsets in characters."""

    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    scope_start: cython.Py_ssize_t
    scope_end: cython.Py_ssize_t
    category: str
    direction: str

    @cython.cfunc
    def limit(self, by: Modifier) -> cython.void:
        """Cut the scope at a terminator, or at another modifier of the same category, that lies in it."""
        if by.direction != TERMINATE and by.category != self.category:
            return
        if self.direction == TERMINATE or not overlap(self.scope_start, self.scope_end, by.scope_start, by.scope_end):
            return
        if self.direction != BACKWARD and self.direction != PSEUDO and self.start < by.start < self.scope_end:
            self.scope_end = by.start
        if self.direction != FORWARD and self.direction != PSEUDO and self.scope_start < by.end < self.start:
            self.scope_start = by.end


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def overlap(
    start: cython.Py_ssize_t, end: cython.Py_ssize_t, other_start: cython.Py_ssize_t, other_end: cython.Py_ssize_t
) -> cython.bint:
    """Whether two stretches overlap, by medspaCy's test: an end of the first lies in the second."""
    return start <= other_start < end or start < other_end <= end


@cython.cfunc
def _in_scope(found: list, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> list:
    """The triggers found in the sentence [start, end), each with its scope, ended by terminators and by its like; those
    that only end others' scopes are left out."""
    modifiers: list = []
    modifier: Modifier
    other: Modifier
    place: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    for trigger_start, trigger_end, trigger in found:
        modifier = Modifier.__new__(Modifier)
        modifier.category, modifier.direction, _ = trigger
        modifier.start, modifier.end = trigger_start, trigger_end
        modifier.scope_start = trigger_end if modifier.direction == FORWARD else start
        modifier.scope_end = trigger_start if modifier.direction == BACKWARD else end
        modifiers.append(modifier)
    for place in range(len(modifiers)):
        modifier = modifiers[place]
        for behind in range(place + 1, len(modifiers)):
            other = modifiers[behind]
            modifier.limit(other)
            other.limit(modifier)
    return [modifier for modifier in modifiers if modifier.direction not in (TERMINATE, PSEUDO)]


@cython.cfunc
def _cues_of(
    modifiers: list, start: cython.Py_ssize_t, end: cython.Py_ssize_t, low: str, own_words_act: cython.bint
) -> dict:
    """The cues that reach the term at [start, end): category -> the trigger's words."""
    cues: dict = NO_CUES
    modifier: Modifier
    for modifier in modifiers:
        if not overlap(modifier.scope_start, modifier.scope_end, start, end):
            continue
        if overlap(modifier.start, modifier.end, start, end):
            runs_into = modifier.direction == FORWARD and modifier.start < start and modifier.end < end
            if own_words_act or not runs_into:
                continue
        if not own_words_act and modifier.start >= start and modifier.end <= end:
            continue
        if not cues:
            cues = {}
        if modifier.category not in cues:
            cues[modifier.category] = low[modifier.start : modifier.end]
    return cues


def cues_of_terms(
    found: list,
    spans: Sequence[tuple[int, int]],
    low: str,
    sentence_around: Callable[[int], tuple[int, int]],
    own_words_act: bool = False,
) -> list:
    """For each term the cues that reach it: category -> the trigger's words.

    A trigger inside a term ("nausea without vomiting") is none; one that begins before a term and ends in it ("no
    history of" at "history of trauma") is one. medspaCy has it otherwise in both, which `own_words_act` restores.

    Args:
        found: the triggers of the text, in order.
        spans: the terms, in order.
        low: the text, in lower case.
        sentence_around: where the sentence around an offset begins and ends.
    """
    if not own_words_act:
        found = _outside(spans, found)
    cues: list = []
    modifiers: list = []
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t = 0
    count: cython.Py_ssize_t = len(found)
    sentence_start: cython.Py_ssize_t
    sentence_end: cython.Py_ssize_t = -1
    for span in spans:
        start, end = span
        if start >= sentence_end:
            sentence_start, sentence_end = sentence_around(start)
            while last < count and _start_of(found, last) < sentence_start:
                last += 1
            first = last
            while last < count and _start_of(found, last) < sentence_end:
                last += 1
            modifiers = _in_scope(found[first:last], sentence_start, sentence_end) if first < last else []
        cues.append(_cues_of(modifiers, start, end, low, own_words_act) if modifiers else NO_CUES)
    return cues


@cython.cfunc
@cython.inline
def _start_of(found: list, place: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where a trigger begins."""
    one: tuple = found[place]
    return one[0]


@cython.cfunc
def _outside(spans: Sequence[tuple[int, int]], found: list) -> list:
    """The triggers but those that a term ends with: "PR negative" denies no cancer before it, while "nausea without
    vomiting" goes on to what follows, and "positive for influenza" ends a denial."""
    outside: list = []
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    span_end: cython.Py_ssize_t = -1  # of the last term that begins before a trigger
    following: cython.Py_ssize_t = 0
    count: cython.Py_ssize_t = len(spans)
    for one in found:
        start, end, trigger = one
        while following < count and spans[following][0] <= start:
            span_end = spans[following][1]
            following += 1
        if end > span_end or trigger[DIRECTION] not in (BACKWARD, BIDIRECTIONAL):
            outside.append(one)
    return outside
