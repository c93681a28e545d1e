"""Finding the lexicon's terms in a chart: encode, look up, choose.

A chart's text is split into words once; each word becomes one character of the *encoding* (see `lexicon.artefact`).
Fillers and attributes are taken out of it, so that phrases match across them: "pain in the left knee" reads `pain
knee`. Phrases are then prefixes in a trie, tried only where a pair of characters begins one. Of overlapping phrases
the longest wins. Last, each match's attributes choose among the codes of its phrase.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple

from chartcoder.coding.conditions import ChartView, all_met
from chartcoder.coding.lexicon.artefact import (
    AND,
    ATTRIBUTE_CHARACTERS,
    ATTRIBUTE_OF_CHARACTER,
    BREAK,
    COMMA,
    LINE,
    SKIP,
    UNKNOWN,
    Lexicon,
)
from chartcoder.coding.lexicon.compile import LONGEST, SIDES, Entry
from chartcoder.coding.lexicon.normalise import ATTRIBUTES, LETTER_A, WORD

OUTSIDE_PHRASES = frozenset(ATTRIBUTE_OF_CHARACTER) | {SKIP}
COORDINATING = frozenset({AND, COMMA})
PARTING = frozenset({BREAK, LINE, COMMA, AND})
ENDS_A_RUN = frozenset({BREAK, COMMA, LINE, AND, UNKNOWN})

NOT_RULED_OUT, MEANS_NOTHING, FITS_CONTEXT = 0.25, 0.5, 0.75
"""Added to an entry's fit: one that the words around it ask for is better than one that means nothing, which is better
than one that they merely do not rule out ("not near")."""

REMEMBERED = 50_000  # phrases with attributes
LONGEST_CLAUSE = 120  # pieces
MOST_COMMAS = 3  # between the attributes behind a phrase: "glaucoma, bilateral, moderate"
SIDE_CHARACTERS = frozenset(ATTRIBUTE_CHARACTERS[side] for side in SIDES)

PAIRED = (
    "ankle", "arm", "axilla", "breast", "buttock", "calf", "cheek", "ear", "elbow", "eye", "eyelid", "finger", "flank",
    "foot", "forearm", "groin", "hand", "heel", "hip", "kidney", "knee", "leg", "lung", "nostril", "ovary", "shin",
    "shoulder", "testis", "thigh", "thumb", "toe", "ureter", "wrist",
)  # fmt: skip
"""Sites that have sides, in their canonical spelling."""

IMPLIED = frozenset({"primary", "essential", "unilateral", "closed", "displaced"})
"""Attributes that a code may ask for and a chart need not say, by the release's own defaults (a fracture not said to be
open is closed, one not said to be aligned is displaced: Official Guidelines I.C.19.c)."""
IMPLYING_CHAPTERS = frozenset("IMST")
"""Circulation, bones and joints, injuries: elsewhere what is not said is not implied."""


class Term(NamedTuple):
    """A phrase found in a chart, with the entry that its attributes chose. Offsets are characters of the text."""

    start: int
    end: int
    entry: Entry
    attributes: frozenset[str]  # what the chart says beside it


class Encoding(NamedTuple):
    """A chart's text as characters of the lexicon, and where each stands."""

    characters: str  # one a piece: separators at even places, words at odd ones
    core: str  # without fillers and attributes
    places: list[int]  # place in `core` -> place in `characters`
    offsets: list[int]  # place in `characters` -> offset in the text where the piece ends
    sides: dict[str, frozenset[str]]  # core token -> the sides the chart gives it, as far as asked for


INVISIBLE = " \t\r\xa0\"'_\u2018\u2019\u201c\u201d"
"""Spaces and quotation marks: nothing between two words."""


class _Separators(dict[str, str]):
    """What stands between two words -> its character."""

    def __missing__(self, separator: str) -> str:
        if len(self) > 10_000:
            self.clear()
        character = self[separator] = _separator_character(separator)
        return character


def _separator_character(separator: str) -> str:
    bare = separator.strip(INVISIBLE)
    if not bare or bare == "-" == separator:
        return SKIP
    if bare == "\n":
        return LINE
    if bare in {",", "(", ")", "),", "(,", "[", "]"}:
        return COMMA
    if bare in {"/", "&", "+"}:
        return AND
    return BREAK


class Matcher:
    """Finds terms. Keeps nothing of a chart but normalised words (bounded)."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._separators = _Separators()
        self._paired = frozenset(map(lexicon.vocabulary.__getitem__, PAIRED)) - {UNKNOWN}
        sites = "".join(self._paired)
        self._inverted = re.compile(f"(?<![{sites}]){COMMA}(?={SKIP}*[{''.join(SIDE_CHARACTERS)}]{SKIP}*[{sites}])")
        """The comma of "osteoarthritis, left knee", which only turns the phrase around."""
        self._remembered: dict[tuple[int, frozenset[str]], tuple[Entry, ...]] = {}

    def encode(self, text: str) -> Encoding:
        """The text's encoding, in time proportional to its length."""
        pieces = WORD.split(text)
        characters = [SKIP] * len(pieces)
        characters[0::2] = map(self._separators.__getitem__, pieces[0::2])
        characters[1::2] = map(self._lexicon.vocabulary.__getitem__, pieces[1::2])
        self._mark_articles(pieces, characters)
        place = -1
        for _ in range(characters.count(LINE)):
            place = characters.index(LINE, place + 1)
            if place + 1 < len(pieces) and pieces[place + 1][0].islower():
                characters[place] = SKIP  # a wrapped line, not a new item
        encoded = self._inverted.sub(SKIP, "".join(characters))
        places = [place for place, character in enumerate(encoded) if character not in OUTSIDE_PHRASES]
        offsets = list(accumulate(map(len, pieces)))
        return Encoding(encoded, "".join(map(encoded.__getitem__, places)), places, offsets, {})

    def _mark_articles(self, pieces: list[str], characters: list[str]) -> None:
        """A capital A that begins a sentence or an item, or stands in a text of capitals, is the article."""
        letter = self._lexicon.vocabulary[LETTER_A]
        place = -1
        for _ in range(characters.count(letter)):
            place = characters.index(letter, place + 1)
            begins = place == 1 or characters[place - 1] in {BREAK, LINE}
            following = pieces[place + 2] if place + 2 < len(pieces) else ""
            in_capitals = place > 1 and pieces[place - 2].isupper() and len(following) > 1 and following.isupper()
            if begins or in_capitals:
                characters[place] = SKIP

    def find(self, text: str, view: ChartView) -> list[Term]:
        """The terms of a text, in order, not overlapping.

        Args:
            text: the chart.
            view: answers the conditions of the curated lexicon ("near: ...", "sex: female").
        """
        encoding = self.encode(text)
        terms: list[Term] = []
        matched: list[tuple[int, int]] = []
        taken = bytearray(len(encoding.core))
        for first, last, phrase in self._candidates(encoding.core):
            if any(taken[first:last]):
                continue
            term = self._read(encoding, (first, last), phrase, view)
            if term is not None:
                taken[first:last] = b"\x01" * (last - first)
                if term.entry.codes:
                    terms.append(term)
                    matched.append((first, last))
        for first, last in matched:
            terms.extend(self._coordinated(encoding, first, last, taken, view))
        terms.extend(self._parted(encoding, taken, view))
        terms.sort()
        return terms

    def _coordinated(
        self, encoding: Encoding, first: int, last: int, taken: bytearray, view: ChartView
    ) -> Iterable[Term]:
        """Terms that share a word with the phrase beside them: "radius and ulna" after "fracture of the distal"."""
        core = encoding.core
        if last - first < 2:
            return
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
        term = self._read(encoding, (place, place + 1), number, view)
        if term is not None and term.entry.codes:
            taken[place] = 1
            yield term

    def _parted(self, encoding: Encoding, taken: bytearray, view: ChartView) -> Iterable[Term]:
        """Phrases of two words with one other word between them: "lesion, hepatic" is none, "lesion focal hepatic"
        is."""
        core, begins, pairs = encoding.core, self._lexicon.begins, self._lexicon.pairs
        open_places = [
            first
            for first, character in enumerate(core[:-2])
            if character in begins and not taken[first] and character + core[first + 2] in pairs
        ]
        for first in open_places:
            if not any(taken[first : first + 3]) and core[first + 1] not in PARTING:
                number = self._lexicon.phrases.get(core[first] + core[first + 2])
                if number is not None:
                    term = self._read(encoding, (first, first + 3), number, view)
                    if term is not None and term.entry.codes:
                        taken[first : first + 3] = b"\x01\x01\x01"
                        yield term

    def _candidates(self, core: str) -> Iterable[tuple[int, int, int]]:
        """Every phrase in the encoding as (first, last, phrase), longest first."""
        words, pairs, prefixes = self._lexicon.words, self._lexicon.pairs, self._lexicon.phrases.iter_prefixes_with_ids
        known = self._lexicon.begins
        found = [
            (first, first + len(prefix), phrase)
            for first, character in enumerate(core)
            if character in known and (character in words or core[first : first + 2] in pairs)
            for prefix, phrase in prefixes(core[first : first + LONGEST])
        ]
        found.sort(key=lambda match: (match[0] - match[1], match[0]))
        return found

    def _ranked(self, phrase: int, said: frozenset[str]) -> tuple[Entry, ...]:
        """`rank_entries`, remembered: charts repeat themselves."""
        ranked = self._remembered.get((phrase, said))
        if ranked is None:
            if len(self._remembered) > REMEMBERED:
                self._remembered.clear()
            ranked = self._remembered[phrase, said] = rank_entries(self._lexicon.entries(phrase), said)
        return ranked

    def _read(self, encoding: Encoding, span: tuple[int, int], phrase: int, view: ChartView) -> Term | None:
        first, last = span
        start_place, end_place = encoding.places[first], encoding.places[last - 1]
        start, end = encoding.offsets[start_place - 1], encoding.offsets[end_place]
        said = _attributes_around(encoding.characters, start_place, end_place)
        entries = self._lexicon.entries(phrase)

        def choose(attributes: frozenset[str]) -> Entry | None:
            ranked = self._ranked(phrase, attributes)
            return choose_entry(ranked, lambda when: all_met(when, view, start, end))

        entry = choose(said)
        if entry is None:
            return None
        if entry.codes and has_side(entries) and not has_side([entry]):
            if SIDES.isdisjoint(said):
                said |= side_said_elsewhere(encoding, first, last, self._paired)
            entry = _choose_side(said, choose) or entry
        return Term(start, end, entry, said)


def has_side(entries: Iterable[Entry]) -> bool:
    """Whether an entry asks for a side."""
    return any(not SIDES.isdisjoint(entry.attributes) for entry in entries)


def _choose_side(said: frozenset[str], choose: Callable[[frozenset[str]], Entry | None]) -> Entry | None:
    """The entry with the side that was said; for both sides, where no bilateral code exists, both codes (I.B.13)."""
    entry = choose(said)
    if entry is None or "bilateral" not in said or has_side([entry]):
        return entry
    plain = said - SIDES
    left, right = choose(plain | {"left"}), choose(plain | {"right"})
    if left and right and has_side([left]) and has_side([right]):
        return right._replace(codes=right.codes + left.codes)
    return entry


def side_said_elsewhere(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side of a phrase that the chart gives not beside it but with its site ("cyst of the right knee", "cataract,
    right eye"), in its clause before it, or wherever it names the same site; `paired` are the sites that have sides.

    Taken only where the chart names one side: with two, the phrase stays unspecified.
    """
    sides = _side_of_site_behind(encoding, first, last, paired)
    if sides:
        return sides
    place = encoding.places[first]
    floor = max(0, place - LONGEST_CLAUSE)
    clause_start = max(encoding.characters.rfind(mark, floor, place) for mark in (BREAK, LINE)) + 1
    sides = _sides_in(encoding.characters[max(floor, clause_start) : place])
    if len(sides) == 1:
        return sides
    sides = frozenset().union(*(_sides_of_token(encoding, token) for token in set(encoding.core[first:last]) - {AND}))
    return sides if len(sides) == 1 else frozenset()


def _side_of_site_behind(encoding: Encoding, first: int, last: int, paired: frozenset[str]) -> frozenset[str]:
    """The side directly behind a phrase: after a filler ("of the right", "in her left"), or with a site that is the
    phrase's own or its only one (", right eye")."""
    characters, place = encoding.characters, encoding.places[last - 1] + 1
    run = place
    while run < len(characters) and (characters[run] in OUTSIDE_PHRASES or characters[run] == COMMA):
        run += 1
    behind = characters[place:run]
    sides = _sides_in(behind)
    if len(sides) != 1 or behind.count(COMMA) > 1:
        return frozenset()
    named = paired.intersection(encoding.core[first:last])
    leads_to_its_site = characters[run : run + 1] in (named or paired)
    return sides if leads_to_its_site or behind.startswith(SKIP * 3) else frozenset()


def _sides_in(characters: str) -> frozenset[str]:
    return frozenset(ATTRIBUTE_OF_CHARACTER[character] for character in characters if character in SIDE_CHARACTERS)


def _sides_of_token(encoding: Encoding, token: str) -> frozenset[str]:
    """The sides that the chart gives a word, wherever it stands; read once for each word."""
    sides = encoding.sides.get(token)
    if sides is None:
        sides = frozenset()
        place = encoding.core.find(token)
        while place >= 0:
            low, high = encoding.places[max(0, place - 2)], encoding.places[place]
            sides |= _sides_in(encoding.characters[low:high])
            place = encoding.core.find(token, place + 1)
        encoding.sides[token] = sides
    return sides


def _attributes_around(characters: str, first: int, last: int) -> frozenset[str]:
    """The attributes inside a phrase, directly before it, and directly after it where they do not lead to another
    word."""
    found = {character for character in characters[first:last] if character in ATTRIBUTE_OF_CHARACTER}
    place = first - 1
    while place >= 0 and characters[place] in OUTSIDE_PHRASES:
        found.add(characters[place])
        place -= 1
    after: set[str] = set()
    place, commas = last + 1, 0
    while place < len(characters) and (
        characters[place] in OUTSIDE_PHRASES or (characters[place] == COMMA and commas < MOST_COMMAS)
    ):
        commas += characters[place] == COMMA
        after.add(characters[place])
        place += 1
    if place >= len(characters) or characters[place] in ENDS_A_RUN:
        found |= after
    attributes = {ATTRIBUTE_OF_CHARACTER[character] for character in found - {SKIP, COMMA}}
    if {"left", "right"} <= attributes:
        attributes = attributes - {"left", "right"} | {"bilateral"}
    return frozenset(attributes)


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


def choose_entry(ranked: Iterable[Entry], met: Callable[[tuple[tuple[str, str], ...]], bool]) -> Entry | None:
    """The first of ranked entries whose condition, if it has one, holds in the chart."""
    return next((entry for entry in ranked if not entry.when or met(entry.when)), None)


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
