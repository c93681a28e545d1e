"""What a chart says beside a phrase: left or right, acute or chronic, the stage. Read in an encoding's `characters`.

Attributes are taken from inside a phrase and from the run of fillers and attributes on both its sides. A side may also
stand with the site further on ("cyst of the right knee"), in the clause before, or where the chart names the same site
elsewhere.
"""

from __future__ import annotations

from functools import lru_cache

from chartcoder.coding.encoding import Encoding
from chartcoder.coding.inner.reading import NOTHING
from chartcoder.coding.lexicon.artefact import AND, ATTRIBUTE_OF_CHARACTER, BREAK, COMMA, LINE, SKIP

LONGEST_CLAUSE = 120  # pieces
REMEMBERED = 10_000  # combinations of attributes


@lru_cache(REMEMBERED)
def attributes_of(characters: str) -> frozenset[str]:
    """The attributes that some characters stand for; left and right together are both sides."""
    found = _named(characters)
    return found - {"left", "right"} | {"bilateral"} if {"left", "right"} <= found else found


def side_said_elsewhere(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side of the phrase at [first, last) of `core` that the chart gives not beside it but with its site ("cyst of
    the right knee", "cataract, right eye"), in its clause before it, or wherever it names the same site; `paired` are
    the sites that have sides.

    Taken only where the chart names one side: with two, the phrase stays unspecified.
    """
    sides = _side_of_site_behind(encoding, first, last, paired)
    if sides:
        return sides
    place = encoding.places[first]
    floor = max(0, place - LONGEST_CLAUSE)
    if encoding.has_side_between(floor, place):
        clause_start = max(encoding.characters.rfind(mark, floor, place) for mark in (BREAK, LINE)) + 1
        sides = _named(encoding.sides_between(max(floor, clause_start), place))
        if len(sides) == 1:
            return sides
    core, given = encoding.core[first:last], encoding.sides_of_words
    if given.keys().isdisjoint(core):
        return NOTHING
    sides = _named("".join([given.get(token, "") for token in set(core) - {AND}]))
    return sides if len(sides) == 1 else NOTHING


def _side_of_site_behind(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side directly behind a phrase: after a filler ("of the right", "in her left"), or with a site that is the
    phrase's own or its only one (", right eye")."""
    characters, core = encoding.characters, encoding.core
    place = encoding.places[last - 1] + 1
    following = last
    while following < len(core) and core[following] == COMMA:
        following += 1
    run = encoding.places[following] if following < len(core) else len(characters)
    if not encoding.has_side_between(place, run):
        return NOTHING
    sides = _named(encoding.sides_between(place, run))
    behind = characters[place:run]
    if len(sides) != 1 or behind.count(COMMA) > 1:
        return NOTHING
    named = paired.intersection(core[first:last])
    leads_to_its_site = core[following : following + 1] in (named or paired)
    return sides if leads_to_its_site or behind.startswith(SKIP * 3) else NOTHING


def _named(characters: str) -> frozenset[str]:
    return frozenset(map(ATTRIBUTE_OF_CHARACTER.__getitem__, characters)) if characters else NOTHING
