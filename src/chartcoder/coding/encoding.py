"""A chart's text as characters of the lexicon: one for each word, one for what stands between two words.

The text is cut at its spaces into *chunks* ("knee,", "well-controlled"). Charts repeat their chunks as they repeat
their words: each is read once and remembered, so that most of a chart costs one look into a dictionary for each chunk.

Two strings come out. `characters` has every word and every separator, at odd and even places. `core` is what is left
of it without fillers and attributes: "pain in the left knee" reads `pain knee`. Phrases are looked for in `core`, and
what stands beside them is read in `characters`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate, count, pairwise
from operator import add
from sys import intern

from chartcoder.coding.lexicon.artefact import (
    AND,
    ATTRIBUTE_CHARACTERS,
    ATTRIBUTE_OF_CHARACTER,
    BREAK,
    COMMA,
    LINE,
    LONGEST_WORD,
    SKIP,
    UNKNOWN,
    Vocabulary,
)
from chartcoder.coding.lexicon.compile import SIDES
from chartcoder.coding.lexicon.normalise import LETTER_A, WORD

OUTSIDE_PHRASES = frozenset(ATTRIBUTE_OF_CHARACTER) | {SKIP}

CACHED_CHUNKS = 50_000
CACHED_SEPARATORS = 10_000

INVISIBLE = " \t\r\xa0\"'_\u2018\u2019\u201c\u201d"
"""Spaces and quotation marks: nothing between two words."""
LINE_BEFORE_LETTER = re.compile(rf"\n[{INVISIBLE}]*([^\W\d_])")
ARTICLE = re.compile(rf"{LETTER_A}(?![^\W_])")
NEIGHBOURHOOD = 100  # characters around a capital A that are looked at

LONGEST_CHUNK = 500
"""Characters. A text with a longer stretch without a space is cut at every word: time stays in proportion to length."""
TO_JOIN, TO_CUT = "\x00", "\x01"
"""Stand for a chunk that must be read with the one before it, and for one that is too long."""
WORD_WITH_SEPARATOR = re.compile(r"[^\W_]+[\W_]*|[\W_]+")


PAIRED = (
    "ankle", "arm", "axilla", "breast", "buttock", "calf", "cheek", "ear", "elbow", "eye", "eyelid", "finger", "flank",
    "foot", "forearm", "groin", "hand", "heel", "hip", "kidney", "knee", "leg", "lung", "nostril", "ovary", "shin",
    "shoulder", "testis", "thigh", "thumb", "toe", "ureter", "wrist",
)  # fmt: skip
"""Sites that have sides, in their canonical spelling."""


class Remembered(dict[str, str]):
    """A function of strings that remembers its answers: a dictionary, since a look into one costs no call.

    Long strings are not remembered (no words: what a scanner made of a line, or worse), and never more than `most`, so
    that memory is bounded however many charts a process reads.
    """

    def __init__(self, read: Callable[[str], str], *, most: int) -> None:
        super().__init__()
        self._read = read
        self._most = most

    def __missing__(self, piece: str) -> str:
        answer = intern(self._read(piece))  # many pieces have one answer
        if len(piece) <= LONGEST_WORD:
            if len(self) >= self._most:
                self.clear()
            self[piece] = answer
        return answer


def _core_of(characters: str) -> str:
    return "".join(character for character in characters if character not in OUTSIDE_PHRASES)


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


class Encoding:
    """A chart's text as `characters` and `core`; says where in the text a place in `core` is."""

    def __init__(self, text: str, starts: list[int], encoded: list[str], cores: list[str]) -> None:
        """
        Args:
            text: the chart, or one of its length with its words at the same places.
            starts: where in it each chunk begins.
            encoded: the characters of each chunk.
            cores: those of them that belong to phrases, likewise.
        """
        self.characters = "".join(encoded)
        self.core = "".join(cores)
        self.sides: dict[str, frozenset[str]] = {}  # core token -> the sides the chart gives it, as far as asked for
        self._text = text
        self._starts = starts
        self._encoded = encoded
        self._character_ends = list(accumulate(map(len, encoded)))
        self._core_ends = list(accumulate(map(len, cores)))

    def character_at(self, core_place: int) -> int:
        """The place in `characters` of a place in `core`."""
        return self.word_at(core_place)[0]

    def word_at(self, core_place: int) -> tuple[int, int, int]:
        """Where the word at a place in `core` stands: its place in `characters`, its start and end in the text."""
        chunk = bisect_right(self._core_ends, core_place)
        encoded = self._encoded[chunk]
        following = self._core_ends[chunk] - core_place  # core tokens of the chunk from this one on
        piece = len(encoded)
        while following:
            piece -= 1
            following -= encoded[piece] not in OUTSIDE_PHRASES
        words = WORD.finditer(self._text, self._starts[chunk])
        for _ in range(piece // 2):  # words and separators take turns
            next(words)
        start, end = next(words).span()
        return self._character_ends[chunk] - len(encoded) + piece, start, end


class Encoder:
    """Encodes texts. Keeps nothing of a chart but words and chunks of them (bounded)."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._separators = Remembered(_separator_character, most=CACHED_SEPARATORS)
        self._chunks = Remembered(self._read_chunk, most=CACHED_CHUNKS)
        self._cores = Remembered(_core_of, most=CACHED_CHUNKS)
        self.paired = frozenset(map(vocabulary.__getitem__, PAIRED)) - {UNKNOWN}
        sites, sides = "".join(self.paired), "".join(ATTRIBUTE_CHARACTERS[side] for side in SIDES)
        self._inverting = re.compile(f"{COMMA}(?<![{sites}]{COMMA})(?={SKIP}*[{sides}]{SKIP}*[{sites}])")
        """The comma of "osteoarthritis, left knee", which only turns the phrase around."""

    def encode(self, text: str) -> Encoding:
        """The text's encoding, in time proportional to its length."""
        text = self._without_articles(without_wraps(text))
        chunks = text.split(" ")
        encoded = list(map(self._chunks.__getitem__, chunks))
        self._join_separators(chunks, encoded)
        if TO_CUT in encoded:
            chunks = WORD_WITH_SEPARATOR.findall(text)
            encoded = list(map(self._read, chunks))
            starts = list(accumulate(map(len, chunks), initial=0))
        else:
            starts = list(map(add, accumulate(map(len, chunks), initial=0), count()))  # a space between two
        self._turn_around(encoded)
        return Encoding(text, starts, encoded, list(map(self._cores.__getitem__, encoded)))

    def _read_chunk(self, chunk: str) -> str:
        """The characters of a chunk and of the space behind it."""
        if len(chunk) > LONGEST_CHUNK:
            return TO_CUT
        return self._read(chunk + " ") if WORD.match(chunk) else TO_JOIN

    def _read(self, chunk: str) -> str:
        pieces = WORD.split(chunk)  # separators and words in turn
        nothing_before = not pieces[0]
        pieces[0::2] = map(self._separators.__getitem__, pieces[0::2])
        pieces[1::2] = map(self._vocabulary.__getitem__, pieces[1::2])
        return "".join(pieces[nothing_before:])

    def _join_separators(self, chunks: list[str], encoded: list[str]) -> None:
        """Read each chunk that does not begin with a word, "(left)", together with the chunk before it: what stands
        between two words is one separator."""
        end = 0
        for place in [place for place, characters in enumerate(encoded) if characters == TO_JOIN]:
            if place < end:
                continue  # joined with the one before
            start, end = max(0, place - 1), place + 1
            while end < len(encoded) and encoded[end] == TO_JOIN:
                end += 1
            joined = " ".join(chunks[start:end])
            encoded[start] = TO_CUT if len(joined) > LONGEST_CHUNK else self._read(joined + " ")
            encoded[start + 1 : end] = [""] * (end - start - 1)

    def _turn_around(self, encoded: list[str]) -> None:
        """Take the comma out of phrases that are turned around by it."""
        commas = [found.start() for found in self._inverting.finditer("".join(encoded))]
        if not commas:
            return
        ends = list(accumulate(map(len, encoded)))
        for comma in commas:
            chunk = bisect_right(ends, comma)
            piece = comma - ends[chunk] + len(encoded[chunk])
            encoded[chunk] = encoded[chunk][:piece] + SKIP + encoded[chunk][piece + 1 :]

    def _without_articles(self, text: str) -> str:
        """A capital A that begins a sentence or an item, or stands in a text of capitals, is the article."""
        articles = [found.start() for found in ARTICLE.finditer(text) if self._is_article(text, found.start())]
        return replace_at(text, articles, LETTER_A.lower())

    def _is_article(self, text: str, place: int) -> bool:
        before = text[max(0, place - NEIGHBOURHOOD) : place]
        words = WORD.split(before)  # words and separators in turn; the last is what stands before the A
        if before and not words[-1]:
            return False  # the end of a word
        if len(words) == 1 and place <= NEIGHBOURHOOD:
            return True  # the first word of the chart
        if self._separators[words[-1]] in {BREAK, LINE}:
            return True
        following = WORD.search(text, place + 1, place + NEIGHBOURHOOD)
        in_capitals = len(words) > 1 and words[-2].isupper()
        return bool(in_capitals and following and len(following[1]) > 1 and following[1].isupper())


def without_wraps(text: str) -> str:
    """The text with a space for the end of each line that is only wrapped: the next goes on in lower case."""
    wraps = [
        found.start()
        for found in LINE_BEFORE_LETTER.finditer(text)
        if found[1].islower() and _follows_a_word(text, found.start())
    ]
    return replace_at(text, wraps, " ")


def _follows_a_word(text: str, place: int) -> bool:
    """Whether only spaces and quotation marks stand between a word, or the beginning, and a place."""
    while place and text[place - 1] in INVISIBLE:
        place -= 1
    return not place or text[place - 1].isalnum()


def replace_at(text: str, places: list[int], character: str) -> str:
    """The text with `character` at each of some places."""
    if not places:
        return text
    bounds = [-1, *places, len(text)]
    return character.join(text[start + 1 : end] for start, end in pairwise(bounds))
