"""Why charts wait and nothing runs: told from what the fleet keeps of its runs."""

from datetime import UTC, datetime, timedelta

import pytest

from chartcoder.answering.causes import Seen, causes

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
EC2_SAID = "An error occurred ({}) when calling the RunInstances operation: see its documentation"


def ago(**time):
    return (NOW - timedelta(**time)).isoformat()


def run(state="failed", reason="", *, stages=(), minutes=30, **more):
    return {"run": "s-000001", "state": state, "reason": reason, "stages": list(stages),
            "launched_at": ago(minutes=minutes), **more}  # fmt: skip


def stage(outcome, detail="", minutes=10):
    return {"stage": "launch", "outcome": outcome, "detail": detail, "at": ago(minutes=minutes)}


def worker(state="working", **seen):
    return {"instance": "i-1", "state": state, "seen_at": ago(**(seen or {"seconds": 5}))}


def told(**seen):
    sweep = {"at": ago(minutes=1), "why": seen.pop("why", "")}
    return [why["cause"] for why in causes(Seen(**{"now": NOW, "waiting": 5, "sweep": sweep, **seen}))]


@pytest.mark.parametrize(
    ("cause", "seen"),
    [
        ("quota", {"runs": [run(reason="the master could not be launched: EC2 gave no master: VcpuLimitExceeded")]}),
        ("no_capacity", {"runs": [run(reason=f"Launch | Ensure: {EC2_SAID.format('InsufficientInstanceCapacity')}")]}),
        (
            "no_capacity",
            {"live": run("running", stages=[stage("failed", EC2_SAID.format("InsufficientHostCapacity"))])},
        ),
        ("quota", {"live": run("running", stages=[stage("failed", EC2_SAID.format("MaxSpotInstanceCountExceeded"))])}),
        ("key", {"runs": [run(reason=f"could not be launched: {EC2_SAID.format('KMSKeyNotAccessibleFault')}")]}),
        ("key", {"key_state": "Disabled"}),
        ("launcher", {"runs": [run(reason="the master could not be launched: AccessDenied")]}),
        ("launcher", {"why": "the master could not be launched: UnauthorizedOperation"}),
        ("image", {"runs": [run("died", "its master i-1 is gone (terminated)")]}),
        ("image", {"live": run("launching", minutes=10)}),
        ("image", {"live": run("running", stages=[stage("ok", minutes=10)])}),
        ("starting", {"live": run("launching", minutes=2)}),
        ("starting", {"live": run("running", stages=[stage("ok", minutes=2)])}),
        ("starting", {}),
        ("budget", {"runs": [run("failed", "stopped at its budget of 25 USD", over_budget=True)]}),
        ("budget", {"runs": [run("done")], "why": "the day's budget of 100.0 USD is spent; the next run starts on"}),
        ("few_charts", {"why": "5 of the 100 charts that are worth a run; it starts by 12:10"}),
        ("watchdog", {"sweep": None}),
        ("watchdog", {"sweep": {"at": ago(minutes=40), "why": ""}}),
        ("failing_runs", {"runs": [run(reason="a task failed"), run(reason="a task failed"), run("done")]}),
    ],
)
def test_the_likeliest_cause_comes_first(cause, seen):
    assert told(**seen)[0] == cause


def test_where_nothing_waits_there_is_nothing_to_say():
    assert told(waiting=0, runs=[run(reason="VcpuLimitExceeded")]) == []


def test_where_a_worker_works_there_is_nothing_to_say():
    failed = stage("failed", EC2_SAID.format("InsufficientInstanceCapacity"))
    assert told(live=run("running", stages=[failed]), workers=[worker()]) == []


def test_a_worker_that_was_not_heard_of_for_long_works_no_more():
    assert told(live=run("running", stages=[stage("failed", "capacity")]), workers=[worker(minutes=9)]) == [
        "no_capacity"
    ]


def test_a_disabled_key_is_told_even_while_nothing_waits():
    assert told(waiting=0, key_state="PendingDeletion") == ["key"]


def test_every_cause_comes_with_what_to_do():
    for why in causes(Seen(now=NOW, waiting=5, runs=[run(reason="VcpuLimitExceeded")])):
        assert why["detail"]
        assert why["remedy"]


def test_a_run_that_was_stopped_by_a_disabled_key_says_key_even_before_kms_is_asked():
    reason = "stopped with 3 charts in the queue, which keep waiting: KeyUnusable: the stack's KMS key is Disabled"
    assert told(runs=[run(reason=reason, stages=[stage("ok")])])[0] == "key"
