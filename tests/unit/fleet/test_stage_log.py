"""What the master makes of Ansible's events: each stage's start and end, once."""

import pytest

from chartcoder.master import LONGEST_DETAIL, StageLog


@pytest.fixture
def told() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def log(told) -> StageLog:
    return StageLog(lambda *words: told.append(words))


def starts(task: str) -> dict:
    return {"event": "playbook_on_task_start", "event_data": {"task": task}}


def ok(task: str = "", **result: object) -> dict:
    return {"event": "runner_on_ok", "event_data": {"task": task, "res": result}}


def fails(task: str, message: str, **data: object) -> dict:
    return {"event": "runner_on_failed", "event_data": {"task": task, "res": {"msg": message}} | data}


END = {"event": "playbook_on_stats", "event_data": {}}


def test_a_stage_starts_with_its_first_task_and_ends_with_the_next_stages(log, told):
    for event in (
        starts("Size | Ensure a"),
        ok("Size | Ensure a", said="4 workers"),
        starts("Launch | Ensure b"),
        ok(),
        END,
    ):
        log.take(event)

    assert told == [
        ("size", "started", ""),
        ("size", "ok", "4 workers"),
        ("launch", "started", ""),
        ("launch", "ok", ""),
    ]


def test_tasks_without_a_stage_are_nobodys(log, told):
    for event in (starts("Count the round"), ok(), END):
        log.take(event)

    assert told == []


def test_a_stage_that_fails_is_told_with_the_task_and_its_message(log, told):
    for event in (starts("Watch | Ensure c"), fails("Watch | Ensure c", "no"), starts("Close | Ensure d")):
        log.take(event)

    assert told[1] == ("watch", "failed", "Watch | Ensure c: no")


def test_a_failure_that_the_same_stage_goes_on_after_was_rescued(log, told):
    for event in (
        starts("Launch | Ensure Spot"),
        fails("Launch | Ensure Spot", "InsufficientInstanceCapacity"),
        starts("Launch | Ensure On-Demand"),
        ok("Launch | Ensure On-Demand", instance_ids=["i-1", "i-2"]),
        END,
    ):
        log.take(event)

    detail = "2 instances: i-1, i-2; rescued: Launch | Ensure Spot: InsufficientInstanceCapacity"
    assert told[-1] == ("launch", "ok", detail)


def test_a_failure_outside_every_stage_is_not_the_last_stages(log, told):
    for event in (starts("Terminate self | Ensure e"), starts("Leave"), fails("Leave", "as the run failed"), END):
        log.take(event)

    assert told[-1] == ("terminate_self", "ok", "")


def test_an_ignored_failure_is_none(log, told):
    for event in (starts("Size | Ensure a"), fails("Size | Ensure a", "no", ignore_errors=True), END):
        log.take(event)

    assert told[-1] == ("size", "ok", "")


def test_a_retry_tells_how_far_the_stage_is(log, told):
    retry = {"event": "runner_retry", "event_data": {"task": "Watch | Ensure c", "res": {"said": "working: 12 charts"}}}
    for event in (starts("Watch | Ensure c"), retry, END):
        log.take(event)

    assert told[-1] == ("watch", "ok", "working: 12 charts")


def test_a_stage_that_comes_round_again_is_told_again(log, told):
    for event in (starts("Size | Ensure a"), starts("Watch | Ensure c"), starts("Size | Ensure a"), END):
        log.take(event)

    assert [stage for stage, outcome, _ in told if outcome == "started"] == ["size", "watch", "size"]


def test_a_long_message_is_cut(log, told):
    for event in (starts("Size | Ensure a"), ok("Size | Ensure a", msg="x" * 10_000), END):
        log.take(event)

    assert len(told[-1][2]) == LONGEST_DETAIL
