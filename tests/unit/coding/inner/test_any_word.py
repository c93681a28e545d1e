"""Words of conditions stand as words, whatever the chart's own words begin with."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding.inner.scanning import RunReader
from tests.unit.coding.inner.sources import both

MODULES = both("any_word")
WORDS = ["wheez*", "copd", "s/p", "end stage", "\N{LATIN SMALL LETTER E WITH ACUTE}tude*", "ms"]
SAID = st.lists(
    st.sampled_from(["wheezing", "copd", "acopd", "copds", "s/p", "end stage", "end", " ", ",", "étude", "ms"])
)


def as_pattern(word: str) -> str:
    stem = rf"(?<![^\W_]){re.escape(word.rstrip('*'))}"
    return stem if word.endswith("*") else stem + r"(?![^\W_])"


def beginnings_of(text: str) -> bytearray:
    return RunReader(lambda run: run[0]).read(text + " ").beginnings


@given(SAID, st.integers(-5, 60), st.integers(0, 80))
def test_they_stand_in_a_stretch(pieces: list[str], start: int, end: int) -> None:
    text = "".join(pieces)
    expected = any(
        max(start, 0) <= found.start() and found.end() <= end
        for word in WORDS
        for found in re.finditer(as_pattern(word), text)
    )
    for module in MODULES:
        assert module.AnyWord(WORDS).stands_in(text, start, end) == expected


@given(SAID)
def test_they_are_counted(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = sum(len(re.findall(as_pattern(word), text)) for word in WORDS)
    for module in MODULES:
        words = module.AnyWord(WORDS)
        assert words.count(text) == words.count(text, beginnings_of(text)) == expected
        assert words.stands_in(text, 0, len(text), beginnings_of(text)) == (expected > 0)


@given(SAID, st.integers(0, 30), st.integers(0, 9), st.integers(0, 20))
def test_they_stand_near_on_one_side(pieces: list[str], start: int, length: int, reach: int) -> None:
    text = "".join(pieces)
    for module in MODULES:
        words, end = module.AnyWord(WORDS), start + length
        beside = words.stands_in(text, start - reach, start) or words.stands_in(text, end, end + reach)
        assert words.stands_near(text, start, end, reach) == beside
        assert words.stands_near(text, start, end, reach, beginnings_of(text)) == beside
