"""The records of runs and workers."""

import pytest

from chartcoder.cloud import fleet as fleet_module
from chartcoder.errors import NotFound


@pytest.fixture
def run(fleet, clock) -> str:
    fleet.open_run("test-000001", asked_by="alarm test-backlog", backlog=40, now=clock())
    return "test-000001"


def test_a_run_tells_who_asked_for_it_and_every_stage_in_its_order(fleet, run, clock):
    fleet.note_asked(run, "watchdog", "already running", now=clock())
    fleet.record_stage(run, "size", "started", now=clock())
    fleet.record_stage(run, "size", "ok", "4 workers", now=clock())

    record = fleet.run(run)
    at = clock().isoformat(timespec="milliseconds")
    assert record["run"] == run
    assert (record["state"], record["backlog"], record["launched_at"]) == ("launching", 40, at)
    assert [(asked["by"], asked["outcome"]) for asked in record["asked"]] == [
        ("alarm test-backlog", "launched"),
        ("watchdog", "already running"),
    ]
    assert record["stages"] == [
        {"stage": "size", "outcome": "started", "at": at, "detail": ""},
        {"stage": "size", "outcome": "ok", "at": at, "detail": "4 workers"},
    ]


def test_a_run_is_opened_once(fleet, run, clock):
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        fleet.open_run(run, asked_by="watchdog", backlog=1, now=clock())


def test_numbers_of_a_record_come_back_as_numbers(fleet, run):
    fleet.update_run(run, cost_usd=0.1234567, workers_wanted=4, exit_status=0)

    record = fleet.run(run)
    assert (record["cost_usd"], record["workers_wanted"], record["exit_status"]) == (0.123457, 4, 0)


def test_the_first_to_say_how_a_run_ended_is_right(fleet, run, clock):
    assert fleet.close_run(run, "died", "its lease lapsed", now=clock())
    assert not fleet.close_run(run, "done", "drained", now=clock())

    assert (fleet.run(run)["state"], fleet.run(run)["reason"]) == ("died", "its lease lapsed")


def test_a_run_that_has_ended_does_not_come_back_to_life(fleet, run, clock):
    fleet.close_run(run, "died", "its lease lapsed", now=clock())
    fleet.update_run(run, state="running")
    fleet.update_run(run, exit_status=3)

    assert (fleet.run(run)["state"], fleet.run(run)["exit_status"]) == ("died", 3)


def test_nothing_is_written_of_a_run_that_does_not_exist(fleet):
    fleet.note_asked("test-000009", "watchdog", "already running")
    fleet.record_stage("test-000009", "size", "started")
    fleet.update_run("test-000009", backlog=1)
    assert not fleet.close_run("test-000009", "failed", "never was")

    with pytest.raises(NotFound):
        fleet.run("test-000009")


def test_a_run_that_is_asked_for_again_and_again_keeps_a_record_that_fits(fleet, run, monkeypatch):
    monkeypatch.setattr(fleet_module, "MOST_ASKED", 3)
    for _ in range(5):
        fleet.note_asked(run, "watchdog", "already running")

    assert len(fleet.run(run)["asked"]) == 3


def test_runs_are_listed_page_by_page_the_newest_first(fleet, clock):
    for number in range(1, 6):
        fleet.open_run(f"test-{number:06d}", asked_by="watchdog", backlog=1, now=clock())

    first, token = fleet.runs(limit=3)
    second, end = fleet.runs(limit=3, token=token)
    assert [run["run"][-1] for run in first + second] == ["5", "4", "3", "2", "1"]
    assert end is None


def test_a_workers_reports_add_up(fleet, clock):
    fleet.record_worker("test-000001", "i-1", coded=10, failed=1, state="working", now=clock())
    began = clock().isoformat(timespec="milliseconds")
    clock.move(seconds=30)
    fleet.record_worker("test-000001", "i-1", coded=5, failed=0, state="leaving", now=clock())
    fleet.record_worker("test-000002", "i-2", state="idle", now=clock())

    assert fleet.workers("test-000001") == [
        {
            "instance": "i-1",
            "coded": 15,
            "failed": 1,
            "state": "leaving",
            "still_seconds": 0,
            "why": "",
            "first_seen_at": began,
            "seen_at": clock().isoformat(timespec="milliseconds"),
        }
    ]


def test_charts_wait_since_the_first_look_that_saw_any(fleet, clock):
    assert fleet.note_waiting(0, now=clock()) is None
    began = clock()
    assert fleet.note_waiting(2, now=clock()) == began
    clock.move(minutes=5)
    assert fleet.note_waiting(3, now=clock()) == began
    fleet.note_why_waiting("too few")

    assert fleet.last_sweep() == {
        "at": clock().isoformat(timespec="milliseconds"),
        "waiting_since": began.isoformat(timespec="milliseconds"),
        "charts_waiting": 3,
        "why": "too few",
    }
    fleet.note_waiting(0, now=clock())
    assert "waiting_since" not in fleet.last_sweep()


def test_before_its_first_sweep_the_watchdog_has_seen_nothing(fleet):
    assert fleet.last_sweep() is None


def test_since_when_a_worker_is_idle_is_kept_until_it_works_again(fleet, clock):
    def told(state):
        fleet.record_worker("test-000001", "i-1", state=state, now=clock())
        clock.move(seconds=5)
        return fleet.workers("test-000001")[0].get("idle_since")

    assert told("working") is None
    since = told("idle")
    assert since is not None
    assert [told("idle"), told("leaving"), told("left")] == [since, since, since]
    assert told("working") is None
