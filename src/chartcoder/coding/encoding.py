"""A chart's text as characters of the lexicon: one for each word, one for what stands between two words.

The text is cut into runs (`scanning`), words and separators in turn; what a run reads is remembered, since charts
repeat themselves.

Two strings come out. `characters` has every word and every separator. `core` is what is left of it without fillers and
attributes: "pain in the left knee" reads `pain knee`. Phrases are looked for in `core`, and what stands beside them is
read in `characters`.
"""

from __future__ import annotations

import re
import sys
from array import array
from bisect import bisect_left
from functools import cached_property
from itertools import pairwise

from chartcoder.coding.inner.scanning import RunReader, lone_capitals, parts_of, wrapped_ends
from chartcoder.coding.lexicon.artefact import (
    AND,
    ATTRIBUTE_CHARACTERS,
    BREAK,
    COMMA,
    LINE,
    SKIP,
    UNKNOWN,
    Vocabulary,
)
from chartcoder.coding.lexicon.compile import SIDES
from chartcoder.coding.lexicon.normalise import LETTER_A, WORD

UTF_16 = f"utf-16-{sys.byteorder[0]}e"

INVISIBLE = " \t\r\xa0\"'_\u2018\u2019\u201c\u201d"
"""Spaces and quotation marks: nothing between two words."""
SHORTHAND = re.compile(r"[A-Z](?:(?<=[LR])(?=,? [^\W\d_])|\.(?= ?[a-z])|(?<=O)[DSU](?![^\W_]))")
"""What is written short: a side ("pressure ulcer L heel"), the genus of an organism ("E. coli"), an eye ("OU")."""
IN_WORDS = {"L": "\N{LATIN SMALL LETTER THORN}", "R": "\N{LATIN SMALL LETTER ETH}", "OD": "rt", "OS": "lt", "OU": "ou"}
"""The sides in words of the same length that `normalise` knows for them: a letter that no word of a chart is, or the
word itself."""
EYES = frozenset({"OD", "OS", "OU"})
NEIGHBOURHOOD = 100  # characters around a capital A that are looked at

PAIRED = (
    "ankle", "arm", "axilla", "breast", "buttock", "calf", "cheek", "ear", "elbow", "eye", "eyelid", "finger", "flank",
    "foot", "forearm", "groin", "hand", "heel", "hip", "kidney", "knee", "leg", "lung", "nostril", "ovary", "shin",
    "shoulder", "testis", "thigh", "thumb", "toe", "ureter", "wrist",
)  # fmt: skip
"""Sites that have sides, in their canonical spelling."""

SIDE_CHARACTERS = frozenset(ATTRIBUTE_CHARACTERS[side] for side in SIDES)


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


def _text_of(points: array[int]) -> str:
    return points.tobytes().decode(UTF_16)


class Encoding:
    """A chart's text as `characters` and `core`; says where in the text a place in `core` is.

    Attributes:
        characters: one for each run of the text.
        core: those of them that belong to phrases.
        tokens: `core` as code points.
        places: where in `characters` each of them stands.
        attributes: the places of attributes in `characters`.
        parts: these three, and where no attribute stands beside a phrase.
        bounds: where in the text each run begins, and the last ends.
        beginnings: of its words, see `scanning.Runs`.
    """

    def __init__(self, characters: str, points: array[int], bounds: array[int], beginnings: bytearray) -> None:
        """
        Args:
            characters: one for each run of a text.
            points: their code points.
            bounds: where in the text each run begins, and the last ends.
            beginnings: of its words, see `scanning.Runs`.
        """
        self.characters = characters
        self.parts = parts_of(points)
        self.tokens, self.places, self.attributes, _ = self.parts
        self.core = _text_of(self.tokens)
        self.bounds = bounds
        self.beginnings = beginnings

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Where in the text the words at [first, last) of `core` begin and end."""
        return self.bounds[self.places[first]], self.bounds[self.places[last - 1] + 1]

    @cached_property
    def sides(self) -> list[int]:
        """The places of sides in `characters`."""
        return [place for place in self.attributes if self.characters[place] in SIDE_CHARACTERS]

    def has_side_between(self, start: int, end: int) -> bool:
        """Whether a side is among `characters`[start:end]."""
        first = bisect_left(self.sides, start)
        return first < len(self.sides) and self.sides[first] < end

    def sides_between(self, start: int, end: int) -> str:
        """The sides among `characters`[start:end]."""
        first = bisect_left(self.sides, start)
        return "".join([self.characters[place] for place in self.sides[first : bisect_left(self.sides, end, first)]])

    @cached_property
    def sides_of_words(self) -> dict[str, str]:
        """The sides, as characters, that the chart gives each core token anywhere: those directly before it or before
        the one before it."""
        given: dict[str, str] = {}
        for place in self.sides:
            following = bisect_left(self.places, place)
            for token in self.core[following : following + 2] if following else "":
                given[token] = given.get(token, "") + self.characters[place]
        return given


class Encoder:
    """Encodes texts. Keeps nothing of a chart but its words (bounded) and keys of runs."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._runs = RunReader(self._character)
        self.paired = frozenset(map(vocabulary.__getitem__, PAIRED)) - {UNKNOWN}
        sites, sides = "".join(self.paired), "".join(SIDE_CHARACTERS)
        self._inverting = re.compile(f"{COMMA}(?<![{sites}]{COMMA})(?={SKIP}*[{sides}]{SKIP}*[{sites}])")
        """The comma of "osteoarthritis, left knee", which only turns the phrase around."""

    def encode(self, text: str) -> Encoding:
        """The text's encoding, in time proportional to its length."""
        text = without_wraps(text)
        capitals = lone_capitals(text)
        text = spelled_out(without_articles(text, capitals), capitals) + " "  # a word is never the last run
        points, bounds, beginnings = self._runs.read(text)
        characters = _text_of(points)
        commas = [found.start() for found in self._inverting.finditer(characters)]
        if commas:
            for comma in commas:
                points[comma] = ord(SKIP)
            characters = _text_of(points)
        return Encoding(characters, points, bounds, beginnings)

    def _character(self, run: str) -> str:
        return self._vocabulary[run] if run[0].isalnum() else _separator_character(run)


def without_articles(text: str, capitals: list[int]) -> str:
    """A capital A that begins a sentence or an item, or stands in a text of capitals, is the article."""
    articles = [place for place in capitals if text[place] == LETTER_A and _is_article(text, place)]
    return replace_at(text, articles, LETTER_A.lower())


def _is_article(text: str, place: int) -> bool:
    before = text[max(0, place - NEIGHBOURHOOD) : place]
    words = WORD.split(before)  # words and separators in turn; the last is what stands before the A
    if len(words) == 1 and place <= NEIGHBOURHOOD:
        return True  # the first word of the chart
    if _separator_character(words[-1]) in {BREAK, LINE}:
        return True
    following = WORD.search(text, place + 1, place + NEIGHBOURHOOD)
    in_capitals = len(words) > 1 and words[-2].isupper()
    return bool(in_capitals and following and len(following[1]) > 1 and following[1].isupper())


def spelled_out(text: str, capitals: list[int]) -> str:
    """The text with sides for the letters that mean them, and with genera whose initial ends no sentence.

    A letter of a longer word or behind a number ("2 L oxygen") is no side, nor one that a slash follows ("R/O"). OD is
    the right eye only where the chart has OS or OU as well: else it may be an overdose.
    """
    found = [short for place in capitals if (short := SHORTHAND.match(text, place)) and not _is_litres(text, place)]
    if not found:
        return text
    eyes = not {"OS", "OU"}.isdisjoint(short[0] for short in found)
    pieces: list[str] = []
    end = 0
    for short in found:
        word = short[0]
        if word in EYES and not eyes:
            continue
        pieces += text[end : short.start()], IN_WORDS.get(word) or f"{word[0]}'"
        end = short.end()
    return "".join(pieces) + text[end:]


def _is_litres(text: str, place: int) -> bool:
    return text[place] == "L" and text[max(0, place - 2) : place][:1].isdigit()


def without_wraps(text: str) -> str:
    """The text with a space for the end of each line that is only wrapped: the next goes on in lower case."""
    return replace_at(text, wrapped_ends(text, INVISIBLE), " ")


def replace_at(text: str, places: list[int], character: str) -> str:
    """The text with `character` at each of some places."""
    if not places:
        return text
    bounds = [-1, *places, len(text)]
    return character.join(text[start + 1 : end] for start, end in pairwise(bounds))
