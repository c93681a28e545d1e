"""What a chart says beside a phrase: left or right, acute or chronic, the stage. Read in an encoding's `characters`.

Attributes are taken from inside a phrase and from the run of fillers and attributes on both its sides. A side may also
stand with the site further on ("cyst of the right knee"), in the clause before, or where the chart names the same site
elsewhere.
"""

from __future__ import annotations

from chartcoder.coding.encoding import OUTSIDE_PHRASES, Encoding
from chartcoder.coding.lexicon.artefact import (
    AND,
    ATTRIBUTE_CHARACTERS,
    ATTRIBUTE_OF_CHARACTER,
    BREAK,
    COMMA,
    LINE,
    SKIP,
    UNKNOWN,
)
from chartcoder.coding.lexicon.compile import SIDES

ENDS_A_RUN = frozenset({BREAK, COMMA, LINE, AND, UNKNOWN})
SIDE_CHARACTERS = frozenset(ATTRIBUTE_CHARACTERS[side] for side in SIDES)
LONGEST_CLAUSE = 120  # pieces
MOST_COMMAS = 3  # between the attributes behind a phrase: "glaucoma, bilateral, moderate"
NOTHING: frozenset[str] = frozenset()


def attributes_around(characters: str, first: int, last: int) -> frozenset[str]:
    """The attributes inside the phrase from place `first` to `last`, directly before it, and directly after it where
    they do not lead to another word."""
    start, end, commas = first, last + 1, 0
    while start and characters[start - 1] in OUTSIDE_PHRASES:
        start -= 1
    length = len(characters)
    while end < length and (characters[end] in OUTSIDE_PHRASES or (characters[end] == COMMA and commas < MOST_COMMAS)):
        commas += characters[end] == COMMA
        end += 1
    if end < length and characters[end] not in ENDS_A_RUN:
        end = last + 1
    return attributes_in(characters[start:end])


def attributes_in(characters: str) -> frozenset[str]:
    """The attributes among some characters; left and right together are both sides."""
    if characters.isascii():  # attributes are not: nearly always there is none
        return NOTHING
    found = {ATTRIBUTE_OF_CHARACTER[character] for character in characters if character in ATTRIBUTE_OF_CHARACTER}
    if {"left", "right"} <= found:
        found = found - {"left", "right"} | {"bilateral"}
    return frozenset(found)


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
    place = encoding.character_at(first)
    floor = max(0, place - LONGEST_CLAUSE)
    clause_start = max(characters.rfind(mark, floor, place) for mark in (BREAK, LINE)) + 1
    sides = _sides_in(characters[max(floor, clause_start) : place])
    if len(sides) == 1:
        return sides
    tokens = set(encoding.core[first:last]) - {AND}
    sides = NOTHING.union(*(_sides_of_token(encoding, token) for token in tokens))
    return sides if len(sides) == 1 else NOTHING


def _side_of_site_behind(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side directly behind a phrase: after a filler ("of the right", "in her left"), or with a site that is the
    phrase's own or its only one (", right eye")."""
    characters, place = encoding.characters, encoding.character_at(last - 1) + 1
    run = place
    while run < len(characters) and (characters[run] in OUTSIDE_PHRASES or characters[run] == COMMA):
        run += 1
    behind = characters[place:run]
    sides = _sides_in(behind)
    if len(sides) != 1 or behind.count(COMMA) > 1:
        return NOTHING
    named = paired.intersection(encoding.core[first:last])
    leads_to_its_site = characters[run : run + 1] in (named or paired)
    return sides if leads_to_its_site or behind.startswith(SKIP * 3) else NOTHING


def _sides_in(characters: str) -> frozenset[str]:
    return frozenset(ATTRIBUTE_OF_CHARACTER[character] for character in characters if character in SIDE_CHARACTERS)


def _sides_of_token(encoding: Encoding, token: str) -> frozenset[str]:
    """The sides that the chart gives a word, wherever it stands; read once for each word."""
    sides = encoding.sides.get(token)
    if sides is None:
        sides = NOTHING
        place = encoding.core.find(token)
        while place >= 0:
            low, high = encoding.character_at(max(0, place - 2)), encoding.character_at(place)
            sides |= _sides_in(encoding.characters[low:high])
            place = encoding.core.find(token, place + 1)
        encoding.sides[token] = sides
    return sides
