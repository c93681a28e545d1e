"""What a chart asserts of a term."""

from collections import Counter

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder

from .assertion_sentences import SENTENCES


def asserted(coder: Coder, marked: str) -> str:
    """How the coder asserts the term between [[ and ]]; "not found" where it does not see it."""
    start, end = marked.index("[["), marked.index("]]") - 2
    text = marked.replace("[[", "").replace("]]", "")
    found = [f for f in coder.code(Chart(id="1", text=text)).findings if f.start < end and start < f.end]
    return found[0].assertion if found else "not found"


def test_at_least_95_in_100_of_the_sentences_are_asserted_as_a_careful_reader_says(coder: Coder) -> None:
    wrong = [(sentence, wanted, got) for sentence, wanted in SENTENCES if (got := asserted(coder, sentence)) != wanted]
    listed = "\n".join(f"{wanted} but {got}: {sentence!r}" for sentence, wanted, got in wrong)
    assert len(SENTENCES) >= 300
    assert len(wrong) <= 0.05 * len(SENTENCES), listed


def test_every_assertion_is_among_the_sentences() -> None:
    assert set(Counter(wanted for _, wanted in SENTENCES)) == {
        "present", "negated", "possible", "historical", "family", "hypothetical",
    }  # fmt: skip
