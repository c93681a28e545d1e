"""Triggers reach the same terms from source and as machine code."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding.inner import scoping
from tests.unit.coding.inner.sources import both

TRIGGERS = {
    "no": ("NEGATED_EXISTENCE", "FORWARD", 1),
    "no history of": ("HISTORICAL", "FORWARD", 3),
    "not": ("NEGATED_EXISTENCE", "FORWARD", 1),
    "n't": ("NEGATED_EXISTENCE", "FORWARD", 1),
    "but": ("NEGATED_EXISTENCE", "TERMINATE", 1),
    "was ruled out": ("NEGATED_EXISTENCE", "BACKWARD", 3),
    "not certain": ("NEGATED_EXISTENCE", "PSEUDO", 2),
    "may": ("POSSIBLE_EXISTENCE", "BIDIRECTIONAL", 1),
}
SPOKEN = [*TRIGGERS, "gout", "fever", "didn't", "note", "."]


@given(st.lists(st.sampled_from(SPOKEN), max_size=12), st.booleans())
def test_triggers_reach_the_same_terms_from_source_and_as_machine_code(spoken: list[str], own_words_act: bool) -> None:
    low = " ".join(spoken)
    found = sorted(
        (place, place + len(string), trigger)
        for string, trigger in TRIGGERS.items()
        for place in range(len(low))
        if low.startswith(string, place)
    )
    spans = [found.span() for found in re.finditer("gout|fever|no history of fever", low)]

    def sentence(offset: int) -> tuple[int, int]:
        end = low.find(".", offset)
        return low.rfind(".", 0, offset) + 1, len(low) if end < 0 else end

    fast, slow = (
        module.cues_of_terms(module.prune_overlapping(found), spans, low, sentence, own_words_act)
        for module in both("scoping")
    )
    assert fast == slow
    assert len(fast) == len(spans)


def test_a_denial_reaches_to_but() -> None:
    low = "no gout but fever"
    found = [(0, 2, TRIGGERS["no"]), (8, 11, TRIGGERS["but"])]
    cues = scoping.cues_of_terms(found, [(3, 7), (12, 17)], low, lambda _: (0, len(low)))
    assert cues == [{"NEGATED_EXISTENCE": "no"}, {}]
