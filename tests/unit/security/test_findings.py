"""What `make security` lets pass: findings with an exception, and exceptions with a finding."""

from pathlib import Path

import pytest

from tools.security import rule_sets
from tools.security.findings import Excepted, Finding, NotChecked, judge, read_exceptions

OPEN = Finding("tool:OPEN-1", "ChartsBucket", "the bucket is open")
EXCEPTED = Excepted(("tool:OPEN-*",), ("ChartsBucket",), "a reason")


def test_a_finding_without_an_exception_is_a_complaint_that_names_rule_and_place() -> None:
    assert judge({OPEN}, []) == ["tool:OPEN-1 at ChartsBucket: the bucket is open"]


def test_a_finding_with_its_exception_passes() -> None:
    assert judge({OPEN}, [EXCEPTED]) == []


def test_an_exception_for_another_place_excuses_nothing_and_is_a_complaint_itself() -> None:
    elsewhere = Excepted(("tool:OPEN-*",), ("ResultsBucket",), "a reason")
    assert len(judge({OPEN}, [elsewhere])) == 2


def test_an_exception_that_nothing_needs_is_a_complaint() -> None:
    assert judge(set(), [EXCEPTED]) == ["the exception of tool:OPEN-* at ChartsBucket matches nothing: take it out"]


def test_each_place_of_an_exception_must_be_needed() -> None:
    wider = Excepted(("tool:OPEN-1",), ("ChartsBucket", "TrailBucket"), "a reason")
    assert judge({OPEN}, [wider]) == ["the exception of tool:OPEN-1 at TrailBucket matches nothing: take it out"]


@pytest.mark.parametrize(
    "entry", ["{rules: [a], at: [b]}", "{rules: [a], at: [b], reason: ''}", "{rules: [], at: [b], reason: c}"]
)
def test_an_exception_without_a_reason_a_rule_or_a_place_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "exceptions.yaml").write_text(f"- {entry}\n")
    with pytest.raises(NotChecked, match="entry 1 needs rules, at and reason"):
        read_exceptions(tmp_path / "exceptions.yaml")


def test_a_tool_that_fails_is_not_a_tool_that_found_nothing() -> None:
    with pytest.raises(NotChecked, match="false ended with status 1"):
        rule_sets.run(["false"])


def test_a_tool_that_is_not_there_is_not_a_tool_that_found_nothing() -> None:
    with pytest.raises(NotChecked, match="no-such-tool cannot be started"):
        rule_sets.run(["no-such-tool"])
