# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The innermost loops: a text's characters into runs, runs into points, points into phrases.

Plain Python with types for Cython: `python -m chartcoder.coding.machine_code` makes machine code of this file where a C
compiler is at hand. Without, Python runs it as it is, slower, with the same answers.

- A **run** is a word (the longest stretch of letters and digits) or what stands between two words.
- Its **point** is the code point of its character in the lexicon (`lexicon/artefact.py`). What a run reads is asked
  once and kept in a table by the run's hash.
- The lexicon's **phrases** are a trie, kept as a table of steps: from a node by a token to the next node.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

import cython

SLOTS = 1 << 20
"""Of the table of phrases; the lexicon has some 235,000 steps."""

MULTIPLIER = cython.declare(cython.ulonglong, 0x9E37_79B9_7F4A_7C15)  # 2 ** 64 divided by the golden ratio, and odd
ALL_64 = cython.declare(cython.ulonglong, 0xFFFF_FFFF_FFFF_FFFF)
KNOWN_SLOTS = cython.declare(cython.ulonglong, 1 << 18)
POINT = cython.declare(cython.ulonglong, 0xFFFF)

STEP_SHIFT = cython.declare(cython.int, 44)  # leaves the upper 20 bits: a slot
LAST_SLOT = cython.declare(cython.ulonglong, (1 << 20) - 1)
ROOT = cython.declare(cython.longlong, 1 << 20)  # no slot's number

FILLER = cython.declare(cython.int, 0x20)
COMMA = cython.declare(cython.int, 0x2C)
FIRST_ATTRIBUTE = cython.declare(cython.int, 0x100)
FIRST_CORE = cython.declare(cython.int, 0x1000)
"""As in `lexicon/artefact.py`, which a test compares."""


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _in_word(character: cython.Py_UCS4) -> cython.bint:
    if character < "\x80":
        return "a" <= character <= "z" or "A" <= character <= "Z" or "0" <= character <= "9"
    return character.isalnum()


def lone_capitals(text: str) -> list[int]:
    """Where a capital from A to Z is a word by itself, or an O the beginning of OD, OS or OU."""
    length: cython.Py_ssize_t = len(text)
    place: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    within: cython.bint = False  # a word
    found: list = []
    for place in range(length):
        if not within and "A" <= text[place] <= "Z":
            behind = place + 1
            if text[place] == "O" and behind < length and text[behind] in "DSU":
                behind += 1
            if behind == length or not _in_word(text[behind]):
                found.append(place)
        within = _in_word(text[place])
    return found


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mixed(key: cython.ulonglong) -> cython.ulonglong:
    """The key with its upper bits in its lower ones too; no two keys become one."""
    return key ^ (key >> 32)


@cython.cclass
class RunReader:
    """Reads the runs of texts. What runs read is kept by their hash, in 2 MB however many charts a process reads.

    A run's slot is its hash's lower bits, so that the lowest sixteen need not be kept: in their place stands its point.
    A run that comes later takes the slot of one before it. Two words of one hash are to be expected once in billions.
    """

    _character_of: Callable[[str], str]
    _known: cython.ulonglong[::1]

    def __init__(self, character_of: Callable[[str], str]) -> None:
        """`character_of` says what a run reads."""
        self._character_of = character_of
        self._known = array("Q", bytes(8 * KNOWN_SLOTS))

    def read(self, text: str) -> tuple[array[int], array[int]]:
        """The points of a text's runs, and their bounds: run i is text[bounds[i] : bounds[i + 1]]."""
        length: cython.Py_ssize_t = len(text)
        all_points, all_bounds = array("H", bytes(2 * length)), array("i", bytes(4 * (length + 1)))
        points: cython.ushort[::1] = all_points
        bounds: cython.int[::1] = all_bounds
        count: cython.Py_ssize_t = 0
        start: cython.Py_ssize_t
        place: cython.Py_ssize_t = 0
        key: cython.ulonglong
        held: cython.ulonglong
        word: cython.bint
        character: cython.Py_UCS4
        while place < length:
            start = place
            character = text[start]
            word = _in_word(character)
            key = MULTIPLIER
            while _in_word(character) == word:
                key = ((key ^ ord(character)) * MULTIPLIER) & ALL_64
                place += 1
                if place == length:
                    break
                character = text[place]
            key = _mixed(key)
            held = self._known[key & (KNOWN_SLOTS - 1)]
            if (held ^ key) > POINT:  # more than the point differs
                held = (key & ~POINT) | ord(self._character_of(text[start:place]))
                self._known[key & (KNOWN_SLOTS - 1)] = held
            points[count] = held & POINT
            bounds[count] = start
            count += 1
        bounds[count] = length
        return all_points[:count], all_bounds[: count + 1]


class Parts(NamedTuple):
    """The points of a text apart: those that phrases are made of, and where attributes stand."""

    core: array[int]
    places: array[int]  # of each of `core` among all points
    attributes: list[int]  # their places
    beside: bytearray  # 1 for each of `core`, and for the end, before which an attribute stands, or commas and one


def parts_of(all_points: array[int]) -> Parts:
    """Core tokens and attributes among the points of a text; fillers belong to neither."""
    points: cython.ushort[::1] = all_points
    count: cython.Py_ssize_t = len(all_points)
    all_core, all_places, all_beside = array("H", bytes(2 * count)), array("i", bytes(4 * count)), bytearray(count + 1)
    core: cython.ushort[::1] = all_core
    places: cython.int[::1] = all_places
    beside: cython.uchar[::1] = all_beside
    attributes: list = []
    place: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    length: cython.Py_ssize_t = 0
    point: cython.int
    for place in range(count):
        point = points[place]
        if FIRST_ATTRIBUTE <= point < FIRST_CORE:
            attributes.append(place)
            behind = length
            beside[behind] = 1
            while behind and core[behind - 1] == COMMA:
                behind -= 1
                beside[behind] = 1
        elif point != FILLER:
            core[length] = point
            places[length] = place
            length += 1
    return Parts(all_core[:length], all_places[:length], attributes, all_beside[: length + 1])


@cython.cclass
class PhraseTable:
    """The lexicon's phrases: a trie whose steps stand in a table with open addressing (Knuth, volume 3, 6.4).

    A step is a node and a token, as one number; the slot that it stands in is the node it leads to. Beside it stands
    the number of the phrase that ends there, from 1.
    """

    _steps: cython.ulonglong[::1]
    _phrases: cython.uint[::1]

    def __init__(self, steps: object, phrases: object) -> None:
        """Buffers of `SLOTS` numbers each, of 64 and of 32 bits, that are empty or that `add` filled."""
        self._steps = steps
        self._phrases = phrases

    @cython.cfunc
    @cython.exceptval(check=False)
    def _slot(self, node: cython.longlong, token: cython.longlong) -> cython.longlong:
        """The slot of a step: the one it stands in, or where it would."""
        step: cython.ulonglong = (node << 16) | token
        slot: cython.ulonglong = ((step * MULTIPLIER) & ALL_64) >> STEP_SHIFT
        while self._steps[slot] != step and self._steps[slot] != 0:
            slot = (slot + 1) & LAST_SLOT
        return slot

    def add(self, phrase: array[int], number: int) -> None:
        """Put in a phrase."""
        node: cython.longlong = ROOT
        for token in phrase:
            slot: cython.longlong = self._slot(node, token)
            self._steps[slot] = (node << 16) | token
            node = slot
        self._phrases[node] = number + 1

    def find(self, core: array[int]) -> list[tuple[int, int, int, int]]:
        """Every phrase among core tokens as (-length, first, last, number), longest first."""
        tokens: cython.ushort[::1] = core
        count: cython.Py_ssize_t = len(core)
        first: cython.Py_ssize_t
        last: cython.Py_ssize_t
        node: cython.longlong
        number: cython.uint
        found: list = []
        for first in range(count):
            node = ROOT
            last = first
            while last < count:
                node = self._slot(node, tokens[last])
                if self._steps[node] == 0:
                    break
                last += 1
                number = self._phrases[node]
                if number:
                    found.append((first - last, first, last, number - 1))
        found.sort()
        return found

    def find_parted(self, core: array[int]) -> list[tuple[int, int]]:
        """Every phrase of two tokens with one other between them, as (first, number)."""
        tokens: cython.ushort[::1] = core
        first: cython.Py_ssize_t
        node: cython.longlong
        number: cython.uint
        found: list = []
        for first in range(len(core) - 2):
            node = self._slot(ROOT, tokens[first])
            if self._steps[node] != 0:
                node = self._slot(node, tokens[first + 2])
                number = self._phrases[node]  # 0 where no step stands
                if number:
                    found.append((first, number - 1))
        return found


@cython.ccall
def first_that_holds(ranked: tuple, view: object, start: object, end: object) -> object:
    """Of entries with conditions the first whose conditions all hold for the phrase at [start, end); None if none."""
    for entry, conditions in ranked:
        for holds in conditions:
            if not holds(view, start, end):
                break
        else:
            return entry
    return None


def read_in_turn(
    found: list[tuple[int, int, int, int]],
    encoding: Parts,
    bounds: array[int],
    taken: bytearray,
    alone: list[Any],
    view: Any,
    read: Callable[[int, int, int], Any],
    term: Callable[[int, int, Any], Any],
) -> tuple[list[Any], list[tuple[int, int]]]:
    """The terms with codes among the phrases found in a text, and where those of more than one token stand.

    Of two phrases that share a token the first counts. Most stand alone, and what they mean there is known; so no more
    is done for those than is needed.

    Args:
        found: what `PhraseTable.find` found.
        encoding: the text's parts.
        bounds: the text's runs.
        taken: 1 for each core token that a term has; filled in here.
        alone: by a phrase's number its choice where it stands alone, if it is known and no side elsewhere matters.
        view: answers the choices' conditions.
        read: (first, last, phrase) -> the term of any other phrase, or None.
        term: (start, end, entry) -> the term of a phrase that stands alone.
    """
    places: cython.int[::1] = encoding.places
    beside: cython.uchar[::1] = encoding.beside
    ends: cython.int[::1] = bounds
    free: cython.uchar[::1] = taken
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    place: cython.Py_ssize_t
    phrase: cython.Py_ssize_t
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    stands_alone: cython.bint
    terms: list = []
    longer: list = []
    for _, first, last, phrase in found:
        place = first
        while place < last and not free[place]:
            place += 1
        if place < last:
            continue
        stands_alone = not beside[last]
        for place in range(first, last):
            stands_alone = stands_alone and not beside[place]
        choice = alone[phrase] if stands_alone else None
        if choice is None:
            one = read(first, last, phrase)
            entry = None if one is None else one.entry
        else:
            start, end = ends[places[first]], ends[places[last - 1] + 1]
            entry, ranked, _ = choice
            if entry is None and ranked:
                entry = first_that_holds(ranked, view, start, end)
        if entry is None:
            continue
        for place in range(first, last):
            free[place] = 1
        if entry.codes:
            terms.append(one if choice is None else term(start, end, entry))
            if last - first > 1:
                longer.append((first, last))
    return terms, longer


@cython.cclass
class AnyWord:
    """Whether one of some words stands in a stretch of a text."""

    _stems: list
    _wholes: list

    def __init__(self, words: list[str]) -> None:
        """Words in lower case; one that ends in "*" is the beginning of a word."""
        self._stems = [word.rstrip("*") for word in words]
        self._wholes = [not word.endswith("*") for word in words]

    def stands_in(self, text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Whether one stands in text[start:end], a lower-case text. What is outside of it does not count, not even as
        the rest of a word."""
        number: cython.Py_ssize_t
        start = max(start, 0)
        end = min(end, len(text))
        for number in range(len(self._stems)):  # noqa: SIM110 - no generator in an innermost loop
            if self._stands_in(number, text, start, end):
                return True
        return False

    def stands_near(
        self, text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t, reach: cython.Py_ssize_t
    ) -> cython.bint:
        """Whether one stands in the `reach` characters before text[start:end], or in those behind it."""
        number: cython.Py_ssize_t
        floor: cython.Py_ssize_t = max(start - reach, 0)
        limit: cython.Py_ssize_t = min(end + reach, len(text))
        start = min(start, len(text))
        for number in range(len(self._stems)):
            stem: str = self._stems[number]
            if text.find(stem, floor, limit) < 0:  # mostly so
                continue
            if self._stands_in(number, text, floor, start) or self._stands_in(number, text, end, limit):
                return True
        return False

    @cython.cfunc
    def _stands_in(
        self, number: cython.Py_ssize_t, text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.bint:
        """Whether a word stands in text[start:end]; both lie within the text."""
        stem: str = self._stems[number]
        behind: cython.Py_ssize_t
        place: cython.Py_ssize_t = text.find(stem, start, end)
        while place >= 0:
            behind = place + len(stem)
            if (place == start or not _in_word(text[place - 1])) and (
                behind == end or not self._wholes[number] or not _in_word(text[behind])
            ):
                return True
            place = text.find(stem, place + 1, end)
        return False
