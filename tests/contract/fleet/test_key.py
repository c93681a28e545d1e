"""The stack's key out of use: nothing is started, everybody is told why, and afterwards all is as before."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from chartcoder.errors import KeyUnusable
from chartcoder.launching import launch_run
from chartcoder.stages import Stages
from chartcoder.watching import sweep


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_no_run_is_started_and_no_lease_taken_while_the_key_is_out_of_use(
    parts, fleet, instances, submit, key_state, state
):
    submit(3)
    key_state.state = state

    with pytest.raises(KeyUnusable, match=f"KMS key is {state}; enable it"):
        launch_run(parts, asked_by="alarm backlog")

    assert fleet.lease() is None
    assert fleet.runs() == ([], None)
    assert instances.all() == []


def test_the_watchdog_says_why_charts_wait_and_starts_the_run_once_the_key_is_back(
    parts, fleet, submit, key_state, clock
):
    submit(3)
    key_state.state = "Disabled"
    for _ in range(50):
        found = sweep(parts)
        assert isinstance(found.launch_failure, KeyUnusable)
        clock.move(minutes=5)
    assert "the stack's KMS key is Disabled" in fleet.last_sweep()["why"]
    assert fleet.runs() == ([], None)  # nor do failed runs pile up, for which the watchdog would pause

    key_state.state = "Enabled"

    assert sweep(parts).answer.outcome == "launched"


def test_a_key_management_that_does_not_answer_holds_nobody_up(parts, submit, key_state, monkeypatch):
    def denied(key):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribeKey")

    submit(3)
    monkeypatch.setattr(parts.key, "_state", denied)

    assert launch_run(parts, asked_by="operator").outcome == "launched"


def test_a_worker_that_was_stopped_stops_its_run_which_says_why(parts, fleet, submit, launch_worker, clock):
    submit(3)
    run = launch_run(parts, asked_by="operator").run
    why = "KeyUnusable: the stack's KMS key is Disabled"
    fleet.record_worker(run, launch_worker(run, 1), state="working", now=clock())
    fleet.record_worker(run, launch_worker(run, 2), state="stopped", why=why, now=clock())
    stages = Stages(
        replace(parts.settings, run=run), fleet=fleet, queue=parts.queue, instances=parts.instances, clock=clock
    )

    look = stages.look()

    assert (look.verdict, look.why, look.backlog) == ("stopped", why, 3)
    assert look.said.startswith(f"stopped: {why}: 3 charts in the queue")
