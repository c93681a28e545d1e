"""Where a glance finds nothing beside a term, nothing is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding.assertions import NOTHING, Surroundings, Words
from chartcoder.coding.templates import Answers
from tests.unit.coding.inner.sources import both

BESIDE = st.lists(
    st.sampled_from(
        [
            "old", "prior", "for", "absent", "-", "+", "?", "[x]", "[ ]", "(-)", ":", "none", "yes", "denied", "is",
            ".", "was", "ruled out", "resolved", "in 2012", "at age 5", "likely", "vs", "non-", "and", "\n", " ", "  ",
            ",",
        ]
    ),
    max_size=6,
)  # fmt: skip


@given(BESIDE, st.sampled_from(["asthma", "resolved asthma", "childhood asthma"]), BESIDE)
def test_where_nothing_is_found_nothing_is_said(before: list[str], term: str, behind: list[str]) -> None:
    lead = "Pain. " + " ".join(before) + (" " if len(before) % 2 else "")
    text = f"{lead}{term}{' ' if len(behind) % 2 else ''}{' '.join(behind)}"
    start, end = len(lead), len(lead) + len(term)
    around, answers = Surroundings(text, text.lower()), Answers(text)
    if around.say_nothing(start, end) and not answers.has_signs:
        words = Words(around, start, end)
        assert words.said() == NOTHING
        assert not words.is_prefixed
        assert answers.of(start, end) is None


@given(BESIDE, BESIDE)
def test_a_glance_is_the_same_from_source_and_as_machine_code(before: list[str], behind: list[str]) -> None:
    low = " ".join([*before, "asthma", *behind])
    start = low.index("asthma")
    places = [place for place in range(len(low)) if low.startswith(("ruled", "likely"), place)]
    fast, slow = (
        module.Glance(low, places, module.Signals(("old", "for", "?", "+"), "-", ("old ",), ":=", 20, 60))
        for module in both("surroundings")
    )
    assert fast.finds_nothing(start, start + 6) == slow.finds_nothing(start, start + 6)


def test_most_terms_of_prose_have_nothing_beside_them() -> None:
    text = "She has asthma, obesity and gout. Her hypertension and reflux are treated."
    around = Surroundings(text, text.lower())
    terms = [
        (text.index(word), text.index(word) + len(word)) for word in ("asthma", "obesity", "hypertension", "reflux")
    ]
    assert all(around.say_nothing(start, end) for start, end in terms)
