"""What a user of `chartcoder up` sees, from one look at a run."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from embedded import view
from embedded.observing import Instance, Snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def snapshot() -> Snapshot:
    run = {
        "run": "chartcoder-000001",
        "state": "running",
        "asked": [{"by": "alarm chartcoder-backlog", "at": "", "outcome": "launched"}],
        "stages": [
            {"stage": "size", "outcome": "ok", "at": "", "detail": "2 workers"},
            {"stage": "launch", "outcome": "started", "at": "", "detail": ""},
        ],
        "cost_usd": 0.0123,
    }
    return Snapshot(
        submitted=40,
        coded=25,
        failed=2,
        waiting=10,
        in_flight=3,
        delayed=0,
        dead_letters=0,
        alarms={"BacklogAlarm": "ALARM", "AgeAlarm": "OK"},
        lease="chartcoder-000001",
        runs=[run],
        workers={"i-2": {"coded": 25, "failed": 2}},
        instances=[
            Instance("i-1", "master", "t3.small", "on-demand", "running", NOW),
            Instance("i-2", "worker", "c7i.xlarge", "spot", "running", NOW),
        ],
        seconds=12.0,
    )


def rendered(thing: Any) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(thing)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_the_live_view_shows_charts_queue_alarms_run_stages_instances_and_cost(snapshot: Snapshot) -> None:
    text = rendered(view.live(snapshot))
    for expected in (
        "27 of 40",
        "25 coded",
        "2 failed",
        "10 waiting · 3 in flight",
        "BacklogAlarm ALARM",
        "alarm chartcoder-backlog: launched",
        "size ✓",
        "launch …",
        "terminate workers ·",
        "i-2",
        "spot",
        "0.0123 USD",
    ):
        assert expected in text


def test_plain_lines_say_each_stage_once_and_nothing_where_nothing_changed(snapshot: Snapshot) -> None:
    console = Console(file=io.StringIO(), width=400)
    lines = view.PlainLines(console)
    lines.show(snapshot)
    lines.show(snapshot)
    text = str(console.file.getvalue())  # type: ignore[attr-defined]
    assert text.count("size ok: 2 workers") == 1
    assert text.count("launch started") == 1
    assert text.count("27 of 40 charts ended") == 1


def test_a_run_is_done_when_every_chart_ended_and_nothing_is_left(snapshot: Snapshot) -> None:
    assert not snapshot.done
    gone = [Instance(i.id, i.role, i.kind, i.market, "terminated", NOW) for i in snapshot.instances]
    values = {name: getattr(snapshot, name) for name in snapshot.__slots__}
    assert Snapshot(**{**values, "coded": 38, "waiting": 0, "in_flight": 0, "lease": None, "instances": gone}).done
