"""Characters into runs, points and phrases: alike from source and as machine code, and as the lexicon has its
characters."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding.encoding import INVISIBLE
from chartcoder.coding.inner import scanning
from chartcoder.coding.lexicon import artefact
from tests.unit.coding.inner.sources import both

MODULES = both("scanning")
SAMPLES = Path(__file__).parents[4] / "samples" / "charts"
PHRASES = ["ab", "abc", "b", "bd", "cab", "dddddddd", "a&b"]


def core(text: str) -> array[int]:
    """Letters as core tokens, and what else is there as it is."""
    return array("H", [0x1000 + ord(character) if character.isalpha() else ord(character) for character in text])


def slots(sequences: dict[str, array[int]], module: ModuleType) -> array[int]:
    steps = array("Q", bytes(8 << 10))
    table = module.StepTable(steps)
    for number, tokens in enumerate(sequences.values()):
        table.add(tokens, number)
    return steps


@pytest.fixture(scope="module")
def tables() -> list[scanning.PhraseTable]:
    return [module.PhraseTable(slots({phrase: core(phrase) for phrase in PHRASES}, module)) for module in MODULES]


def test_points_are_the_lexicons_characters() -> None:
    tokens = [artefact.core_character(0), artefact.COMMA, artefact.UNKNOWN, artefact.AND, artefact.LINE, artefact.BREAK]
    attributes = list(artefact.ATTRIBUTE_CHARACTERS.values())
    points = array("H", map(ord, [*tokens, *attributes, artefact.SKIP]))
    parts = scanning.parts_of(points)
    assert list(parts.core) == list(points[: len(tokens)])
    assert list(parts.attributes) == list(range(len(tokens), len(tokens) + len(attributes)))


def test_an_attribute_stands_before_a_token_also_behind_commas() -> None:
    left = artefact.ATTRIBUTE_CHARACTERS["left"]
    knee, pain = artefact.core_character(0), artefact.core_character(1)
    parts = scanning.parts_of(array("H", map(ord, f"{pain} {knee},,{left}")))
    assert list(parts.beside) == [0, 0, 1, 1, 1]


def read(module: ModuleType, text: str) -> tuple[list[str], list[int], bytearray]:
    runs: list[str] = []
    points, bounds, beginnings = module.RunReader(lambda run: runs.append(run) or run[0]).read(text)
    assert [text[start] for start in bounds[:-1]] == [chr(point) for point in points]
    return runs, list(bounds), beginnings


@given(st.text(st.characters(max_codepoint=0xFFFF), min_size=1))
def test_runs_are_words_and_what_stands_between(text: str) -> None:
    runs, bounds, beginnings = read(scanning, text)
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    assert "".join(pieces) == text
    assert all(piece.isalnum() or not any(map(str.isalnum, piece)) for piece in pieces)
    assert all(one[0].isalnum() != other[0].isalnum() for one, other in pairwise(pieces))
    assert set(runs) == set(pieces) and len(runs) == len(set(runs)), "each run is asked for once"
    assert read(MODULES[1], text) == (runs, bounds, beginnings)


@given(st.text("abZ1 -", max_size=20), st.text("abZ1", min_size=3))
def test_every_word_of_three_characters_has_its_beginning(text: str, stem: str) -> None:
    _, _, beginnings = read(scanning, f"{text} {stem}")
    assert beginnings[scanning.place_of(stem.lower())] == beginnings[scanning.place_of(stem.upper())] == 1
    assert sum(beginnings) <= len(re.findall(r"[^\W_]{3,}", f"{text} {stem}"))


@given(st.text("ALOSD a1_.\n\u00c9", max_size=20))
def test_capitals_by_themselves_are_found_where_the_pattern_says(text: str) -> None:
    expected = [found.start() for found in re.finditer(r"(?<![^\W_])(?:O[DSU]|[A-Z])(?![^\W_])", text)]
    assert [module.lone_capitals(text) for module in MODULES] == [expected, expected]


@given(st.text("aB1.\n\r \t'\u201d\u00e9", max_size=20))
def test_lines_are_wrapped_where_a_word_goes_on_in_lower_case(text: str) -> None:
    pattern = re.compile(rf"(?:\A|(?<=[^\W_]))[{INVISIBLE}]*+(\n)(?=[{INVISIBLE}]*+([^\W\d_]))")
    between = {
        found.start(1) for place in range(len(text)) if (found := pattern.match(text, place)) and found[2].islower()
    }
    for module in MODULES:
        assert module.wrapped_ends(text, INVISIBLE) == sorted(between)


@given(st.text("abcd&,", max_size=40))
def test_every_phrase_is_found(tables: list[scanning.PhraseTable], text: str) -> None:
    expected = [
        (place, place + length, PHRASES.index(text[place : place + length]))
        for place in range(len(text))
        for length in range(1, 10)
        if place + length <= len(text) and text[place : place + length] in PHRASES
    ]
    assert [list(zip(*table.find(core(text)), strict=True)) for table in tables] == [expected, expected]


@given(st.text("abcd,", max_size=40), st.sampled_from(["", "c", "c,"]), st.integers(0, 40))
def test_phrases_of_two_are_found_around_one_other(
    tables: list[scanning.PhraseTable], text: str, parting: str, taken: int
) -> None:
    expected = [
        (place, PHRASES.index(pair))
        for place in range(len(text) - 2)
        if (pair := text[place] + text[place + 2]) in PHRASES
        and text[place + 1] not in parting
        and taken not in range(place, place + 3)
    ]
    used = bytearray(number == taken for number in range(len(text)))
    assert [table.find_parted(core(text), used, core(parting)) for table in tables] == [expected, expected]


STRINGS = ["no", "no evidence of", "n't", "n't see", "?", ", with", "of", "evidence"]


@given(
    st.lists(st.sampled_from(["no", "not", "evidence of", "didn't see", "n't", "?", ", with", " ", "-", "\U0001f600"]))
)
def test_strings_are_found_where_no_word_goes_on(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = [
        (place, place + len(string), string.upper())
        for place in range(len(text))
        for string in sorted(STRINGS, key=len)
        if text.startswith(string, place)
        and not (place and string[0].isalnum() and text[place - 1].isalnum() and not string.startswith("n't"))
        and not (string[-1].isalnum() and text[place + len(string) : place + len(string) + 1].isalnum())
    ]
    for module in MODULES:
        steps = slots({string: array("H", map(ord, string)) for string in STRINGS}, module)
        assert module.StringTable(steps, [string.upper() for string in STRINGS]).find(text) == expected


def test_charts_are_read_alike_from_source_and_as_machine_code() -> None:
    lexicon = artefact.Lexicon(artefact.ARTEFACT)
    vocabulary = lexicon.vocabulary
    steps = memoryview((artefact.ARTEFACT / artefact.STEPS).read_bytes()).cast("Q")
    slow = MODULES[1].PhraseTable(steps)
    readers = [
        module.RunReader(lambda run: vocabulary[run] if run[0].isalnum() else artefact.SKIP) for module in MODULES
    ]
    for path in sorted(SAMPLES.glob("*.txt"))[:10]:
        runs, from_python = (reader.read(path.read_text(encoding="utf-8")) for reader in readers)
        assert runs == from_python
        parts = scanning.parts_of(runs.points)
        assert parts == MODULES[1].parts_of(runs.points)
        assert lexicon.table.find(parts.core) == slow.find(parts.core)
        free, parting = bytearray(len(parts.core)), array("H")
        assert lexicon.table.find_parted(parts.core, free, parting) == slow.find_parted(parts.core, free, parting)
