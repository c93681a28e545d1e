"""Work in proportion to length, counted and not timed: what a chart makes the interpreter do."""

import sys
from collections.abc import Callable

import pytest

from chartcoder.chart import CodedChart
from chartcoder.coding.conditions import ChartView

Code = Callable[..., CodedChart]


def calls_made(code: Code, text: str) -> int:
    """How many functions coding a text calls, Python's and the interpreter's own."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        code(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "piece",
    [
        "No pneumonia. Left knee pain, worse than before.\n",
        "no pneumonia and left knee pain with a history of gout ",
        "pneumonia,fever,left-knee-pain;gout/",
        '(gout) [cough] "fever" ',
        "ASSESSMENT: gout.\n\n1. Cough\n",
        "pain\tof\tthe\tleft\tknee\n",
    ],
    ids=["lines", "one line", "no space", "brackets", "headings", "tabs"],
)
def test_four_times_the_length_is_no_more_than_five_times_the_work(code: Code, piece: str) -> None:
    once = piece * (20_000 // len(piece))
    code(once * 4)  # what is read once and remembered
    assert calls_made(code, once * 4) < 5 * calls_made(code, once)


def test_a_line_of_a_megabyte_is_read_to_its_end(code: Code) -> None:
    text = "well " * 200_000 + "pneumonia"
    assert [finding.start for finding in code(text).findings] == [1_000_000]


@pytest.mark.parametrize("joint", ["-", ",", "\t", "\xa0", "_"])
def test_a_stretch_without_a_space_is_read_like_any_other(code: Code, joint: str) -> None:
    text = f"stable{joint}" * 200 + " pneumonia"
    assert [text[finding.start : finding.end] for finding in code(text).findings] == ["pneumonia"]


def test_offsets_hold_behind_brackets_and_double_spaces(code: Code) -> None:
    text = 'Seen  (today) for (left)  knee pain - "gout"  (acute)\n\n ( fever )'
    assert [text[finding.start : finding.end] for finding in code(text).findings if finding.code] == [
        "knee pain",
        "gout",
        "fever",
    ]


def test_half_a_surrogate_pair_is_read_over(code: Code) -> None:
    coded = code("Denies \ud800 fever. Pneumonia.")
    assert [finding.assertion for finding in coded.findings] == ["negated", "present"]


def test_a_chart_is_searched_once_for_what_a_condition_wants_anywhere() -> None:
    class Words:
        asked = 0

        def stands_in(self, *_: object) -> bool:
            self.asked += 1
            return False

    view, words = ChartView("BMI 31 " * 10, lambda _: None), Words()
    assert not any(view.says(words) for _ in range(10))  # type: ignore[arg-type]
    assert words.asked == 1
