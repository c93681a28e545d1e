# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The innermost loops: a text's characters into runs, runs into points, points into phrases, and strings among them.

Plain Python with types for Cython: `python -m chartcoder.coding.machine_code` makes machine code of this file where a C
compiler is at hand. Without, Python runs it as it is, slower, with the same answers.

- A **run** is a word (the longest stretch of letters and digits) or what stands between two words.
- Its **point** is the code point of its character in the lexicon (`lexicon/artefact.py`). What a run reads is asked
  once and kept in a table by the run's hash.
- The lexicon's **phrases** are a trie, kept as a table of steps: from a node by a token to the next node. So are the
  strings that are looked for among characters.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

import cython

UTF_32 = f"utf-32-{sys.byteorder[0]}e"

MULTIPLIER = cython.declare(cython.ulonglong, 0x9E37_79B9_7F4A_7C15)  # 2 ** 64 divided by the golden ratio, and odd
ALL_64 = cython.declare(cython.ulonglong, 0xFFFF_FFFF_FFFF_FFFF)
KNOWN_SLOTS = cython.declare(cython.ulonglong, 1 << 18)
BEGINNINGS = cython.declare(cython.int, 1 << 12)
POINT = cython.declare(cython.ulonglong, 0xFFFF)

MOST_SLOTS = 1 << 20
NUMBER_SHIFT = cython.declare(cython.int, 40)
STEP = cython.declare(cython.ulonglong, (1 << 40) - 1)
ROOT = cython.declare(cython.longlong, 1 << 20)  # no slot's number

LAST_TOKEN = cython.declare(cython.uint, 0xFFFF)
FIRST_STEPS = cython.declare(cython.uint, 0x80)

FILTER_BITS = 1 << 20
FILTER_SHIFT = cython.declare(cython.int, 44)  # leaves as many

FILLER = cython.declare(cython.int, 0x20)
AND = cython.declare(cython.int, 0x26)
COMMA = cython.declare(cython.int, 0x2C)
FIRST_ATTRIBUTE = cython.declare(cython.int, 0x100)
FIRST_CORE = cython.declare(cython.int, 0x1000)
"""As in `lexicon/artefact.py`, which a test compares."""


def _code_points(text: str) -> array[int]:
    """A text's characters as numbers, which are quicker to read one by one."""
    return array("I", text.encode(UTF_32, "surrogatepass"))


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _in_word(character: cython.uint) -> cython.bint:
    """Whether the character with this code point is a letter or a digit."""
    if character < 0x80:
        return 0x61 <= character | 0x20 <= 0x7A or 0x30 <= character <= 0x39  # a to z in either case, 0 to 9
    return chr(character).isalnum()


def lone_capitals(text: str) -> list[int]:
    """Where a capital from A to Z is a word by itself, or an O the beginning of OD, OS or OU."""
    characters: cython.uint[::1] = _code_points(text)
    length: cython.Py_ssize_t = len(text)
    place: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    found: list = []
    for place in range(length):
        if not 0x41 <= characters[place] <= 0x5A or (place and _in_word(characters[place - 1])):
            continue
        behind = place + 1
        if text[place] == "O" and behind < length and text[behind] in "DSU":
            behind += 1
        if behind == length or not _in_word(characters[behind]):
            found.append(place)
    return found


def wrapped_ends(text: str, invisible: str) -> list[int]:
    """The line feeds between a word, or the beginning, and one in lower case; `invisible` may stand beside them."""
    length: cython.Py_ssize_t = len(text)
    feed: cython.Py_ssize_t = text.find("\n")
    before: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    found: list = []
    while feed >= 0:
        behind = feed + 1
        while behind < length and text[behind] in invisible:
            behind += 1
        if behind < length and text[behind].islower() and text[behind].isalnum():
            before = feed
            while before and text[before - 1] in invisible:
                before -= 1
            if before == 0 or text[before - 1].isalnum():
                found.append(feed)
        feed = text.find("\n", feed + 1, length)
    return found


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mixed(key: cython.ulonglong) -> cython.ulonglong:
    """The key with its upper bits in its lower ones too; no two keys become one."""
    return key ^ (key >> 32)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _beginning(first: cython.uint, second: cython.uint, third: cython.uint) -> cython.uint:
    """The place in a table of beginnings of the words that begin with three characters, in capitals or not."""
    return ((first & 31) << 7) ^ ((second & 31) << 4) ^ (third & 31)


def place_of(stem: str) -> int:
    """The place of a stem in a table of beginnings; -1 where it does not begin with three plain letters or digits."""
    head = stem[:3]
    if len(head) < 3 or not head.isascii() or not head.isalnum():
        return -1
    return int(_beginning(ord(head[0]), ord(head[1]), ord(head[2])))


class Runs(NamedTuple):
    """The runs of a text: run i is text[bounds[i] : bounds[i + 1]]."""

    points: array[int]
    bounds: array[int]
    beginnings: bytearray  # 1 where a word of three characters or more has its beginning, see `_beginning`


ANY_BEGINNING = bytearray(b"\x01" * BEGINNINGS)
"""A table of beginnings that rules no word out."""


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

    def read(self, text: str) -> Runs:
        """The runs of a text."""
        characters: cython.uint[::1] = _code_points(text)
        length: cython.Py_ssize_t = len(text)
        all_points, all_bounds = array("H", bytes(2 * length)), array("i", bytes(4 * (length + 1)))
        all_beginnings = bytearray(BEGINNINGS)
        points: cython.ushort[::1] = all_points
        bounds: cython.int[::1] = all_bounds
        beginnings: cython.uchar[::1] = all_beginnings
        count: cython.Py_ssize_t = 0
        start: cython.Py_ssize_t
        place: cython.Py_ssize_t = 0
        key: cython.ulonglong
        held: cython.ulonglong
        word: cython.bint
        while place < length:
            start = place
            word = _in_word(characters[start])
            key = MULTIPLIER
            while place < length and _in_word(characters[place]) == word:
                key = ((key ^ characters[place]) * MULTIPLIER) & ALL_64
                place += 1
            if word and place - start >= 3:
                beginnings[_beginning(characters[start], characters[start + 1], characters[start + 2])] = 1
            key = _mixed(key)
            held = self._known[key & (KNOWN_SLOTS - 1)]
            if (held ^ key) > POINT:  # more than the point differs
                held = (key & ~POINT) | ord(self._character_of(text[start:place]))
                self._known[key & (KNOWN_SLOTS - 1)] = held
            points[count] = held & POINT
            bounds[count] = start
            count += 1
        bounds[count] = length
        return Runs(all_points[:count], all_bounds[: count + 1], all_beginnings)


class Parts(NamedTuple):
    """The points of a text apart: those that phrases are made of, and where attributes stand."""

    core: array[int]
    places: array[int]  # of each of `core` among all points
    attributes: array[int]  # their places
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
    return Parts(all_core[:length], all_places[:length], array("i", attributes), all_beside[: length + 1])


class Found(NamedTuple):
    """Phrases found: their first tokens, those behind their last, and their numbers."""

    firsts: array[int]
    lasts: array[int]
    numbers: array[int]


@cython.cclass
class StepTable:
    """A trie whose steps stand in a table with open addressing (Knuth, volume 3, 6.4).

    A step is a node and a token of 16 bits, as one number; the slot that it stands in is the node it leads to. Above it
    stands the number of what ends there, from 1.
    """

    _steps: cython.ulonglong[::1]
    _shift: cython.int  # leaves the upper bits of a hash: a slot
    _last: cython.ulonglong  # slot

    def __init__(self, steps: object) -> None:
        """A buffer, empty or filled by `add`: numbers of 64 bits, a power of two and at most `MOST_SLOTS` of them."""
        self._steps = steps
        slots: cython.ulonglong = len(self._steps)
        self._last = slots - 1
        self._shift = 64
        while slots > 1:
            slots >>= 1
            self._shift -= 1

    @cython.final
    @cython.cfunc
    @cython.exceptval(check=False)
    def _slot(self, node: cython.longlong, token: cython.longlong) -> cython.longlong:
        """The slot of a step: the one it stands in, or where it would."""
        step: cython.ulonglong = (node << 16) | token
        slot: cython.ulonglong = ((step * MULTIPLIER) & ALL_64) >> self._shift
        while self._steps[slot] & STEP != step and self._steps[slot] != 0:
            slot = (slot + 1) & self._last
        return slot

    def add(self, tokens: Iterable[int], number: int) -> None:
        """Put in a sequence of tokens."""
        node: cython.longlong = ROOT
        ends_here: cython.ulonglong = number + 1
        for token in tokens:
            slot: cython.longlong = self._slot(node, token)
            self._steps[slot] |= (node << 16) | token
            node = slot
        self._steps[node] |= ends_here << NUMBER_SHIFT


@cython.cclass
class PhraseTable(StepTable):
    """The lexicon's phrases: sequences of core tokens.

    Most of what a chart says is no phrase, and each step that is nowhere in the table would be looked for at another
    place of it, in memory that is slow. So what may be a step behind the first token is asked first of a filter
    (Bloom, 1970) that stays in the processor's cache.
    """

    _filter: cython.uchar[::1]

    def __init__(self, steps: object) -> None:
        """A buffer as `StepTable` takes it, filled."""
        StepTable.__init__(self, steps)
        self._filter = bytearray(FILTER_BITS >> 3)
        slot: cython.Py_ssize_t
        step: cython.ulonglong
        bit: cython.ulonglong
        for slot in range(len(self._steps)):
            step = self._steps[slot] & STEP
            if step >> 16 != ROOT:
                bit = self._bit(step)
                self._filter[bit >> 3] |= 1 << (bit & 7)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _bit(self, step: cython.ulonglong) -> cython.ulonglong:
        """The place of a step in the filter."""
        return ((step * MULTIPLIER) & ALL_64) >> FILTER_SHIFT

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _may_follow(self, node: cython.longlong, token: cython.longlong) -> cython.bint:
        """Whether the table may have a step from a node behind the first; what stands between words is in no phrase."""
        if token < FIRST_CORE and token != AND:
            return False
        bit: cython.ulonglong = self._bit((node << 16) | token)
        return self._filter[bit >> 3] >> (bit & 7) & 1

    def find(self, core: array[int]) -> Found:
        """Every phrase among core tokens, in order."""
        tokens: cython.ushort[::1] = core
        count: cython.Py_ssize_t = len(core)
        first: cython.Py_ssize_t
        last: cython.Py_ssize_t
        node: cython.longlong
        number: cython.longlong
        found: cython.Py_ssize_t = 0
        room: cython.Py_ssize_t = count + 1
        all_firsts, all_lasts, all_numbers = (array("i", bytes(4 * room)) for _ in range(3))
        firsts: cython.int[::1] = all_firsts
        lasts: cython.int[::1] = all_lasts
        numbers: cython.int[::1] = all_numbers
        for first in range(count):
            if tokens[first] < FIRST_CORE:
                continue
            node = self._slot(ROOT, tokens[first])
            last = first + 1
            while self._steps[node] != 0:
                number = self._steps[node] >> NUMBER_SHIFT
                if number:
                    if found == room:
                        more = array("i", bytes(4 * room))
                        firsts = all_firsts = all_firsts + more
                        lasts = all_lasts = all_lasts + more
                        numbers = all_numbers = all_numbers + more
                        room *= 2
                    firsts[found], lasts[found], numbers[found] = first, last, number - 1
                    found += 1
                if last == count or not self._may_follow(node, tokens[last]):
                    break
                node = self._slot(node, tokens[last])
                last += 1
        return Found(all_firsts[:found], all_lasts[:found], all_numbers[:found])

    def find_parted(self, core: array[int], taken: bytearray, parting: array[int]) -> list[tuple[int, int]]:
        """Every phrase of two tokens with one other between them, as (first, number).

        Args:
            core: the tokens.
            taken: 1 for each of them that does not count.
            parting: what must not stand between two.
        """
        tokens: cython.ushort[::1] = core
        used: cython.uchar[::1] = taken
        between: cython.ushort[::1] = parting
        place: cython.Py_ssize_t
        first: cython.Py_ssize_t
        node: cython.longlong
        number: cython.longlong
        found: list = []
        for first in range(len(core) - 2):
            if used[first] or used[first + 1] or used[first + 2]:
                continue
            place = 0
            while place < len(between) and between[place] != tokens[first + 1]:
                place += 1
            if place < len(between):
                continue
            if tokens[first] < FIRST_CORE or tokens[first + 2] < FIRST_CORE:
                continue
            node = self._slot(ROOT, tokens[first])
            if self._steps[node] != 0 and self._may_follow(node, tokens[first + 2]):
                node = self._slot(node, tokens[first + 2])
                number = self._steps[node] >> NUMBER_SHIFT  # 0 where no step stands
                if number:
                    found.append((first, number - 1))
        return found


@cython.cclass
class StringTable(StepTable):
    """Strings, each with a meaning, that are looked for in a text where neither of their ends lies inside a word; only
    "n't" may begin inside one."""

    _meanings: list
    _first_steps: cython.longlong[::1]  # by the character: the node after it, or its empty slot

    def __init__(self, steps: object, meanings: list) -> None:
        """A buffer as `StepTable` takes it; the meanings by their number."""
        StepTable.__init__(self, steps)
        self._meanings = meanings
        self._first_steps = array("q", [self._slot(ROOT, character) for character in range(FIRST_STEPS)])

    def find(self, text: str) -> list[tuple[int, int, object]]:
        """Every string in a text as (start, end, meaning), in order; they may overlap."""
        characters: cython.uint[::1] = _code_points(text)
        length: cython.Py_ssize_t = len(text)
        start: cython.Py_ssize_t
        end: cython.Py_ssize_t
        node: cython.longlong
        number: cython.longlong
        in_word: cython.bint = False
        was_in_word: cython.bint
        found: list = []
        for start in range(length):
            was_in_word, in_word = in_word, _in_word(characters[start])
            if was_in_word and in_word and not (characters[start] == 0x6E and text.startswith("n't", start)):
                continue
            if characters[start] < FIRST_STEPS:
                node = self._first_steps[characters[start]]
            elif characters[start] <= LAST_TOKEN:
                node = self._slot(ROOT, characters[start])
            else:
                continue
            end = start + 1
            while self._steps[node] != 0:
                number = self._steps[node] >> NUMBER_SHIFT
                if number and not (end < length and _in_word(characters[end - 1]) and _in_word(characters[end])):
                    found.append((start, end, self._meanings[number - 1]))
                if end == length or characters[end] > LAST_TOKEN:
                    break
                node = self._slot(node, characters[end])
                end += 1
        return found
