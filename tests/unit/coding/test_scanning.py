"""The innermost loops answer alike from source and as machine code, and know the lexicon's characters."""

from __future__ import annotations

import importlib.util
import re
from array import array
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding import machine_code, scanning, scoping, splitting
from chartcoder.coding.lexicon import artefact

SAMPLES = Path(__file__).parents[3] / "samples" / "charts"
PHRASES = ["ab", "abc", "b", "bd", "cab", "dddddddd"]


def run_from_source(source: Path) -> ModuleType:
    """A module as Python runs it where there is no compiler."""
    spec = importlib.util.spec_from_file_location(f"{source.stem}_from_source", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def from_source() -> ModuleType:
    return run_from_source(machine_code.SOURCES[0])


def filled(module: ModuleType) -> object:
    table = module.PhraseTable(array("Q", bytes(8 * module.SLOTS)), array("I", bytes(4 * module.SLOTS)))
    for number, phrase in enumerate(PHRASES):
        table.add(array("H", map(ord, phrase)), number)
    return table


@pytest.fixture(scope="module")
def tables(from_source: ModuleType) -> list[object]:
    return [filled(scanning), filled(from_source)]


def test_the_libraries_are_made_of_these_sources() -> None:
    if missing := machine_code.what_is_missing():
        pytest.skip(f"no machine code here, where {missing} is missing")
    assert all(library.exists() for library in machine_code.libraries()), "`make setup` makes the machine code"
    assert machine_code.MADE_FROM.read_text(encoding="utf-8").strip() == machine_code.digest_of_sources(), (
        "a source was changed: `python -m chartcoder.coding.machine_code` makes the libraries anew"
    )
    assert [scanning.__file__, scoping.__file__, splitting.__file__] == list(map(str, machine_code.libraries()))


def test_points_are_the_lexicons_characters() -> None:
    tokens = [artefact.core_character(0), artefact.COMMA, artefact.UNKNOWN, artefact.AND, artefact.LINE, artefact.BREAK]
    attributes = list(artefact.ATTRIBUTE_CHARACTERS.values())
    points = array("H", map(ord, [*tokens, *attributes, artefact.SKIP]))
    parts = scanning.parts_of(points)
    assert list(parts.core) == list(points[: len(tokens)])
    assert parts.attributes == list(range(len(tokens), len(tokens) + len(attributes)))


def test_an_attribute_stands_before_a_token_also_behind_commas() -> None:
    left = artefact.ATTRIBUTE_CHARACTERS["left"]
    knee, pain = artefact.core_character(0), artefact.core_character(1)
    parts = scanning.parts_of(array("H", map(ord, f"{pain} {knee},,{left}")))
    assert list(parts.beside) == [0, 0, 1, 1, 1]


def read(module: ModuleType, text: str) -> tuple[list[str], list[int]]:
    runs: list[str] = []
    points, bounds = module.RunReader(lambda run: runs.append(run) or run[0]).read(text)
    assert [text[start] for start in bounds[:-1]] == [chr(point) for point in points]
    return runs, list(bounds)


@given(st.text(st.characters(max_codepoint=0xFFFF), min_size=1))
def test_runs_are_words_and_what_stands_between(from_source: ModuleType, text: str) -> None:
    runs, bounds = read(scanning, text)
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    assert "".join(pieces) == text
    assert all(piece.isalnum() or not any(map(str.isalnum, piece)) for piece in pieces)
    assert all(one[0].isalnum() != other[0].isalnum() for one, other in pairwise(pieces))
    assert set(runs) == set(pieces) and len(runs) == len(set(runs)), "each run is asked for once"
    assert read(from_source, text) == (runs, bounds)


@given(st.text("ALOSD a1_.\n\u00c9", max_size=20))
def test_capitals_by_themselves_are_found_where_the_pattern_says(from_source: ModuleType, text: str) -> None:
    expected = [found.start() for found in re.finditer(r"(?<![^\W_])(?:O[DSU]|[A-Z])(?![^\W_])", text)]
    assert scanning.lone_capitals(text) == from_source.lone_capitals(text) == expected


@given(st.text("abcd", max_size=40))
def test_every_phrase_is_found_the_longest_first(tables: list[object], text: str) -> None:
    expected = sorted(
        (-len(phrase), place, place + len(phrase), number)
        for number, phrase in enumerate(PHRASES)
        for place in range(len(text))
        if text.startswith(phrase, place)
    )
    assert [table.find(array("H", map(ord, text))) for table in tables] == [expected, expected]  # type: ignore[attr-defined]


@given(st.text("abcd", max_size=40))
def test_phrases_of_two_are_found_around_one_other(tables: list[object], text: str) -> None:
    expected = [
        (place, PHRASES.index(pair))
        for place in range(len(text) - 2)
        if (pair := text[place] + text[place + 2]) in PHRASES
    ]
    assert [table.find_parted(array("H", map(ord, text))) for table in tables] == [expected, expected]  # type: ignore[attr-defined]


def test_charts_are_read_alike_from_source_and_as_machine_code(from_source: ModuleType) -> None:
    lexicon = artefact.Lexicon(artefact.ARTEFACT)
    steps, ends = (
        memoryview((artefact.ARTEFACT / name).read_bytes()).cast(kind)
        for name, kind in (("steps.bin", "Q"), ("ends.bin", "I"))
    )
    slow = from_source.PhraseTable(steps, ends)
    vocabulary = lexicon.vocabulary
    readers = [
        module.RunReader(lambda run: vocabulary[run] if run[0].isalnum() else artefact.SKIP)
        for module in (scanning, from_source)
    ]
    for path in sorted(SAMPLES.glob("*.txt"))[:10]:
        (points, bounds), from_python = (reader.read(path.read_text(encoding="utf-8")) for reader in readers)
        assert (points, bounds) == from_python
        parts = scanning.parts_of(points)
        assert parts == from_source.parts_of(points)
        assert lexicon.table.find(parts.core) == slow.find(parts.core)
        assert lexicon.table.find_parted(parts.core) == slow.find_parted(parts.core)


WORDS = ["wheez*", "copd", "s/p", "end stage", "\N{LATIN SMALL LETTER E WITH ACUTE}tude*"]


def as_pattern(word: str) -> str:
    stem = rf"(?<![^\W_]){re.escape(word.rstrip('*'))}"
    return stem if word.endswith("*") else stem + r"(?![^\W_])"


@given(
    st.lists(st.sampled_from(["wheezing", "copd", "acopd", "copds", "s/p", "end stage", "end", " ", ",", "étude"])),
    st.integers(-5, 60),
    st.integers(0, 80),
)
def test_a_conditions_words_stand_as_words(from_source: ModuleType, pieces: list[str], start: int, end: int) -> None:
    text = "".join(pieces)
    stretch = text[max(start, 0) : end]
    expected = any(re.search(as_pattern(word), stretch) for word in WORDS)
    assert scanning.AnyWord(WORDS).stands_in(text, start, end) == expected
    assert from_source.AnyWord(WORDS).stands_in(text, start, end) == expected


@given(
    st.lists(st.sampled_from(["wheezing", "copd", "gout", "copds", "s/p", "end stage", " ", ","])),
    st.integers(0, 30),
    st.integers(0, 9),
    st.integers(0, 20),
)
def test_a_conditions_words_stand_near_on_one_side(
    from_source: ModuleType, pieces: list[str], start: int, length: int, reach: int
) -> None:
    text = "".join(pieces)
    for module in (scanning, from_source):
        words, end = module.AnyWord(WORDS), start + length
        beside = words.stands_in(text, start - reach, start) or words.stands_in(text, end, end + reach)
        assert words.stands_near(text, start, end, reach) == beside


TRIGGERS = [
    ("no", scoping.Trigger("NEGATED_EXISTENCE", "FORWARD", 1)),
    ("no history of", scoping.Trigger("HISTORICAL", "FORWARD", 3)),
    ("not", scoping.Trigger("NEGATED_EXISTENCE", "FORWARD", 1)),
    ("n't", scoping.Trigger("NEGATED_EXISTENCE", "FORWARD", 1)),
    ("but", scoping.Trigger("NEGATED_EXISTENCE", "TERMINATE", 1)),
    ("was ruled out", scoping.Trigger("NEGATED_EXISTENCE", "BACKWARD", 3)),
    ("not certain", scoping.Trigger("NEGATED_EXISTENCE", "PSEUDO", 2)),
    ("may", scoping.Trigger("POSSIBLE_EXISTENCE", "BIDIRECTIONAL", 1)),
]
SPOKEN = [string for string, _ in TRIGGERS] + ["gout", "fever", "didn't", "note", "."]


@given(st.lists(st.sampled_from(SPOKEN), max_size=12), st.booleans())
def test_triggers_reach_the_same_terms_from_source_and_as_machine_code(spoken: list[str], own_words_act: bool) -> None:
    low = " ".join(spoken)
    matches = sorted(
        (place + len(string), number, place)
        for number, (string, _) in enumerate(TRIGGERS)
        for place in range(len(low))
        if low.startswith(string, place)
    )
    spans = [found.span() for found in re.finditer("gout|fever|no history of fever", low)]

    def sentence(offset: int) -> tuple[int, int]:
        end = low.find(".", offset)
        return low.rfind(".", 0, offset) + 1, len(low) if end < 0 else end

    answers = []
    for module in (scoping, run_from_source(machine_code.SOURCES[1])):
        triggers = [module.bounded(string, module.Trigger(*trigger)) for string, trigger in TRIGGERS]
        found = module.found_in(low, [(number, start, end) for end, number, start in matches], triggers)
        answers.append(module.cues_of_terms(found, spans, low, sentence, own_words_act))
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(spans)


def test_a_denial_reaches_to_but() -> None:
    low = "no gout but fever"
    triggers = [scoping.bounded(string, trigger) for string, trigger in TRIGGERS]
    found = scoping.found_in(low, [(0, 0, 2), (4, 8, 11)], triggers)
    cues = scoping.cues_of_terms(found, [(3, 7), (12, 17)], low, lambda _: (0, len(low)))
    assert cues == [{"NEGATED_EXISTENCE": "no"}, {}]


SENTENCE_END = re.compile(
    r"(?<=[.!?;])[\"')\]]?\s+(?=[\"'(\[#*•-]?[A-Z0-9])|(?<=;)\s|(?<=\.)\s(?=\S)|(?<=\s[•*])(?<![.;]\s[•*])\s"
)
SAID = ["gout", "Gout", "2", ".", "!", "?", ";", "•", "*", " ", "  ", "\t", '"', ")", "(", "-", "\xa0", "É"]


@given(st.lists(st.sampled_from(SAID), max_size=30))
def test_sentences_end_where_the_pattern_says(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = [0, *(found.end() for found in SENTENCE_END.finditer(text)), len(text)]
    for module in (splitting, run_from_source(machine_code.SOURCES[2])):
        sentences = module.Sentences(text)
        assert {sentences.around(offset) for offset in range(len(text))} == {
            (start, end) for start, end in pairwise(expected) if start < end
        }


@given(st.lists(st.sampled_from(["Dr.", "b.i.d.", "approx.", "The", "gout", "No", ". ", "\n", " ", "\t", "x" * 700])))
def test_sentences_are_the_same_from_source_and_as_machine_code(pieces: list[str]) -> None:
    text = " ".join(pieces)
    fast, slow = (module.Sentences(text) for module in (splitting, run_from_source(machine_code.SOURCES[2])))
    assert [fast.around(offset) for offset in range(len(text))] == [slow.around(offset) for offset in range(len(text))]
