"""Sentences end where the pattern says, alike from source and as machine code."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.coding.inner.sources import both

MODULES = both("splitting")
SENTENCE_END = re.compile(
    r"(?<=[.!?;])[\"')\]]?\s+(?=[\"'(\[#*•-]?[A-Z0-9])|(?<=;)\s|(?<=\.)\s(?=\S)|(?<=\s[•*])(?<![.;]\s[•*])\s"
)
SAID = ["gout", "Gout", "2", ".", "!", "?", ";", "•", "*", " ", "  ", "\t", '"', ")", "(", "-", "\xa0", "É"]


@given(st.lists(st.sampled_from(SAID), max_size=30))
def test_sentences_end_where_the_pattern_says(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = [0, *(found.end() for found in SENTENCE_END.finditer(text)), len(text)]
    for module in MODULES:
        sentences = module.Sentences(text)
        assert {sentences.around(offset) for offset in range(len(text))} == {
            (start, end) for start, end in pairwise(expected) if start < end
        }


@given(st.lists(st.sampled_from(["Dr.", "b.i.d.", "approx.", "The", "gout", "No", ". ", "\n", " ", "\t", "x" * 700])))
def test_sentences_are_the_same_from_source_and_as_machine_code(pieces: list[str]) -> None:
    text = " ".join(pieces)
    fast, slow = (module.Sentences(text) for module in MODULES)
    assert [fast.around(offset) for offset in range(len(text))] == [slow.around(offset) for offset in range(len(text))]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("No hepatitis B. Pneumonia was found.", 2),
        ("No nodule in segment V. Ascites was found.", 2),
        ("Seen by J. Smith for gout.", 1),
        ("Grown were E. coli and others.", 1),
        ("Told to nurse J. Fever was found.", 1),
        ("Told to nurse J. The fever went.", 2),
    ],
)
def test_a_letter_before_a_period_is_an_initial_or_belongs_to_the_word_before(text: str, count: int) -> None:
    for module in MODULES:
        sentences = module.Sentences(text)
        assert len({sentences.around(offset) for offset in range(len(text))}) == count
