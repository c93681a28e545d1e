"""What a chart says beside a phrase: left or right, acute or chronic, the stage. Read in an encoding's `characters`.

Attributes are taken from inside a phrase and from the run of fillers and attributes on both its sides. A side may also
stand with the site further on ("cyst of the right knee"), in the clause before, or where the chart names the same site
elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from chartcoder.coding.encoding import SIDE_CHARACTERS, Encoding
from chartcoder.coding.lexicon.artefact import AND, ATTRIBUTE_OF_CHARACTER, BREAK, COMMA, LINE, SKIP, UNKNOWN

ENDS_A_RUN = frozenset({BREAK, COMMA, LINE, AND, UNKNOWN})
LONGEST_CLAUSE = 120  # pieces
MOST_COMMAS = 3  # between the attributes behind a phrase: "glaucoma, bilateral, moderate"
NOTHING: frozenset[str] = frozenset()
REMEMBERED = 10_000  # combinations of attributes


def attributes_around(encoding: Encoding, first: int, last: int) -> frozenset[str]:
    """The attributes inside the phrase at [first, last) of `core`, directly before it, and directly after it where
    they do not lead to another word: else as far as the last comma ("knee pain, left, without swelling").

    What stands between two neighbours in `core` is fillers and attributes: so one looks from the neighbour before the
    phrase to the one behind it.
    """
    core, places, attributes = encoding.core, encoding.places, encoding.attributes
    behind, length = last, len(core)
    while behind < length and core[behind] == COMMA and behind - last < MOST_COMMAS:
        behind += 1
    end = places[behind] if behind < length else len(encoding.characters)
    if behind < length and core[behind] not in ENDS_A_RUN:
        end = places[behind - 1]
    low = bisect_left(attributes, places[first - 1]) if first else 0
    if low == len(attributes) or attributes[low] > end:
        return NOTHING
    said = attributes[low : bisect_left(attributes, end, low)]
    return attributes_of("".join([encoding.characters[place] for place in said]))


@lru_cache(REMEMBERED)
def attributes_of(characters: str) -> frozenset[str]:
    """The attributes that some characters stand for; left and right together are both sides."""
    found = frozenset(ATTRIBUTE_OF_CHARACTER[character] for character in characters)
    return found - {"left", "right"} | {"bilateral"} if {"left", "right"} <= found else found


def side_said_elsewhere(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side of the phrase at [first, last) of `core` that the chart gives not beside it but with its site ("cyst of
    the right knee", "cataract, right eye"), in its clause before it, or wherever it names the same site; `paired` are
    the sites that have sides.

    Taken only where the chart names one side: with two, the phrase stays unspecified.
    """
    characters = encoding.characters
    sides = _side_of_site_behind(encoding, first, last, paired)
    if sides:
        return sides
    place = encoding.places[first]
    floor = max(0, place - LONGEST_CLAUSE)
    clause_start = max(characters.rfind(mark, floor, place) for mark in (BREAK, LINE)) + 1
    sides = _sides_in(characters[max(floor, clause_start) : place])
    if len(sides) == 1:
        return sides
    tokens = set(encoding.core[first:last]) - {AND}
    sides = _sides_in("".join(encoding.sides_of_words.get(token, "") for token in tokens))
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
    behind = characters[place:run]
    sides = _sides_in(behind)
    if len(sides) != 1 or behind.count(COMMA) > 1:
        return NOTHING
    named = paired.intersection(core[first:last])
    leads_to_its_site = core[following : following + 1] in (named or paired)
    return sides if leads_to_its_site or behind.startswith(SKIP * 3) else NOTHING


def _sides_in(characters: str) -> frozenset[str]:
    if characters.isascii():  # attributes are not
        return NOTHING
    return frozenset(ATTRIBUTE_OF_CHARACTER[character] for character in characters if character in SIDE_CHARACTERS)
