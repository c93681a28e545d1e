"""What a chart asserts of a term: `assertion_sentences.py` by patterns, `assertion_sentences.tsv` one by one."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartcoder.chart import ASSERTIONS, Chart, Finding
from chartcoder.coding.assertions import NEIGHBOURS, holds_of_patient
from chartcoder.coding.coder import Coder

from .assertion_sentences import SENTENCES

LINE_BREAK = "\N{RETURN SYMBOL}"


def read_sentences(name: str) -> tuple[tuple[str, str], ...]:
    """The sentences of a file beside this one, as (sentence, assertion)."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n")
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return tuple((sentence.replace(LINE_BREAK, "\n"), assertion) for assertion, sentence in rows)


WRITTEN = read_sentences("assertion_sentences.tsv")
UNSEEN = read_sentences("assertion_sentences_unseen.tsv")
THIRD = read_sentences("assertion_sentences_third.tsv")
FOURTH = read_sentences("assertion_sentences_fourth.tsv")


def asserted(coder: Coder, marked: str) -> str:
    """How the coder asserts the term between [[ and ]]; "not found" where it does not see it."""
    start, end = marked.index("[["), marked.index("]]") - 2
    text = marked.replace("[[", "").replace("]]", "")
    found = [f for f in coder.code(Chart(id="1", text=text)).findings if f.start < end and start < f.end]
    return found[0].assertion if found else "not found"


def errors(coder: Coder, sentences: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each sentence that the coder reads otherwise than a careful reader."""
    return [
        f"{wanted} but {got}: {sentence!r}"
        for sentence, wanted in sentences
        if (got := asserted(coder, sentence)) != wanted
    ]


@pytest.mark.parametrize(
    "sentences",
    [SENTENCES, WRITTEN, UNSEEN, THIRD, FOURTH],
    ids=["patterns", "written", "unseen", "third", "fourth"],
)
def test_at_least_95_in_100_of_the_sentences_are_asserted_as_a_careful_reader_says(
    coder: Coder, sentences: tuple[tuple[str, str], ...]
) -> None:
    wrong = errors(coder, sentences)
    assert len(sentences) >= 60
    assert len(wrong) <= 0.05 * len(sentences), "\n".join(wrong)


def test_every_assertion_is_among_the_sentences() -> None:
    assert {wanted for _, wanted in WRITTEN} == set(ASSERTIONS)


def finding(coder: Coder, text: str) -> Finding:
    (only,) = coder.code(Chart(id="1", text=text)).findings
    return only


@pytest.mark.parametrize(
    ("text", "code", "assertion"),
    [
        ("History of breast cancer.", "Z85.3", "historical"),
        ("Family history of breast cancer.", "Z80.3", "family"),
    ],
)
def test_a_code_about_the_past_or_the_family_is_asserted_so_and_still_holds_of_the_patient(
    coder: Coder, text: str, code: str, assertion: str
) -> None:
    found = finding(coder, text)
    assert (found.code, found.assertion) == (code, assertion)
    assert holds_of_patient(found)


@pytest.mark.parametrize("text", ["Her husband has influenza.", "Had pneumonia in 2012.", "Mother has asthma."])
def test_a_disease_of_others_or_of_the_past_does_not_hold_of_the_patient(coder: Coder, text: str) -> None:
    (found,) = [f for f in coder.code(Chart(id="1", text=text)).findings if f.code and f.code[0] == "J"]
    assert not holds_of_patient(found)


@pytest.fixture(scope="module", params=["compiled", "medspacy"])
def engine(request: pytest.FixtureRequest, coder: Coder) -> Coder:
    return coder if request.param == "compiled" else Coder(engine=request.param)


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("Her husband has [[influenza]].", "other_person"),
        ("Exposed to a coworker with [[tuberculosis]].", "other_person"),
        ("Partner positive for [[chlamydia]].", "other_person"),
        ("Her sister was diagnosed with [[lupus]].", "family"),
        ("He has outgrown his [[asthma]].", "historical"),
        ("No past medical history of [[stroke]].", "negated"),
        ("Concern about [[stroke]].", "possible"),
        ("The patient had no history of [[trauma]].", "negated"),
    ],
)
def test_both_engines_read_the_projects_own_rules(engine: Coder, sentence: str, wanted: str) -> None:
    assert asserted(engine, sentence) == wanted


ROWS = [line.split("\t") for line in NEIGHBOURS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
LOOKING_AROUND = re.compile(r"\(\?(?:=|<?!)[^()]*\)")
"""Left out of patterns that texts are made from: what is left fits all that the pattern fits, and more."""


@pytest.mark.parametrize(("side", "words", "pattern"), [(side, words, pattern) for side, _, words, pattern in ROWS])
def test_no_pattern_of_a_neighbour_fits_without_one_of_the_words_that_are_looked_for_first(
    side: str, words: str, pattern: str
) -> None:
    needed = tuple(words.split())
    wider = re.compile(LOOKING_AROUND.sub("", pattern), re.I)

    @given(st.from_regex(wider, alphabet=st.characters(codec="ascii")))
    def has_one_of_them(text: str) -> None:
        low = text.lower()
        assert low.rstrip().endswith(needed) if side == "before" else any(word in low for word in needed)

    has_one_of_them()
