"""The watchdog: what outlives its run is ended, the dead are named, and no chart waits without a reason."""

from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from chartcoder.cloud.charts import ChartReference, as_event
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.results import Outcome
from chartcoder.errors import UnreadableChart
from chartcoder.launching import launch_run
from chartcoder.watching import sweep


@pytest.fixture
def run(parts, fleet, submit) -> str:
    """A run whose master works, and charts for it."""
    submit(3)
    run = launch_run(parts, asked_by="alarm test-backlog").run
    fleet.update_run(run, state="running")
    return run


def end(parts, fleet, instances, run: str, state: str = "done", reason: str = "drained") -> None:
    """What a master does at its end."""
    instances.terminate([instance.id for instance in instances.alive(run=run)])
    fleet.close_run(run, state, reason, now=parts.clock())
    fleet.release_lease(run)


def test_a_quiet_stack_is_left_alone(parts, fleet):
    found = sweep(parts)

    assert (found.terminated, found.died, found.answer, found.why_waiting) == ({}, {}, None, "")
    assert found.counts() == {"LeaseLapsed": 0, "InstancesNotTerminated": 0, "RunsDied": 0, "ChartsStalled": 0}


def test_a_run_that_works_is_left_alone_and_notes_that_the_watchdog_asked(parts, fleet, run, launch_worker):
    launch_worker(run)

    found = sweep(parts)

    assert (found.terminated, found.died) == ({}, {})
    assert found.charts_waiting == 3
    assert found.why_waiting.startswith(f"already running: {run}, running since")
    assert [asked["by"] for asked in fleet.run(run)["asked"]] == ["alarm test-backlog", "watchdog"]


def test_charts_that_wait_while_nothing_runs_get_a_run(parts, submit, instances):
    submit()

    found = sweep(parts)

    assert (found.answer.outcome, found.answer.run) == ("launched", "test-000001")
    assert [instance.role for instance in instances.alive()] == ["master"]


def test_a_run_whose_master_is_gone_is_named_reaped_and_followed_by_the_next(
    parts, fleet, instances, run, launch_worker
):
    worker = launch_worker(run)
    master = fleet.run(run)["master"]
    instances.terminate([master])

    found = sweep(parts)

    assert found.died == {run: f"its master {master} is gone (terminated)"}
    assert fleet.run(run)["state"] == "died"
    assert set(found.terminated) == {worker}
    assert found.answer.run == "test-000002"
    assert [(instance.role, instance.run) for instance in instances.alive()] == [("master", "test-000002")]
    assert fleet.lease().run == "test-000002"


def test_a_run_whose_lease_lapsed_is_dead_though_its_master_lives(parts, fleet, instances, run, launch_worker, clock):
    launch_worker(run)
    clock.move(seconds=301)

    found = sweep(parts)

    assert found.lapsed == run
    assert found.counts()["LeaseLapsed"] == 1
    assert found.died == {run: "its lease lapsed: the master hangs or is gone"}
    assert len(found.terminated) == 2
    assert [instance.run for instance in instances.alive()] == ["test-000002"]


def test_a_launcher_that_died_before_launching_is_mended_once_its_lease_lapsed(parts, fleet, submit, clock):
    submit()
    lease = fleet.take_lease("test", seconds=300, now=clock())

    assert sweep(parts).died == {}
    clock.move(seconds=301)
    found = sweep(parts)

    assert found.died == {lease.run: "its launcher died before the master was launched"}
    assert found.answer.run == "test-000002"


def test_workers_of_a_run_that_is_over_are_terminated(parts, fleet, instances, run, launch_worker):
    end(parts, fleet, instances, run)
    left_behind = launch_worker(run)
    unknown = launch_worker("test-000099")

    found = sweep(parts)

    assert set(found.terminated) == {left_behind, unknown}


def test_a_master_whose_run_has_just_ended_is_given_time_to_leave(parts, fleet, instances, run, clock):
    fleet.close_run(run, "done", "drained", now=clock())
    fleet.release_lease(run)
    parts = replace(parts, settings=replace(parts.settings, backlog_threshold=100))

    assert sweep(parts).terminated == {}
    clock.move(minutes=3)
    assert sweep(parts).terminated == {fleet.run(run)["master"]: "its run is over or unknown"}


def test_a_lease_that_an_ended_run_left_behind_is_freed(parts, fleet, instances, run, clock):
    fleet.close_run(run, "done", "drained", now=clock())
    instances.terminate([fleet.run(run)["master"]])

    assert sweep(parts).freed is None
    clock.move(minutes=3)
    found = sweep(parts)

    assert (found.freed, found.died) == (run, {})
    assert found.answer.run == "test-000002"


def test_no_instance_outlives_the_longest_life(parts, fleet, run, clock):
    clock.move(minutes=parts.settings.longest_life_minutes + 11)
    fleet._table.update_item(  # the lease was renewed all the while
        Key={"pk": "LEASE", "sk": "LEASE"},
        UpdateExpression="SET expires_at = :later",
        ExpressionAttributeValues={":later": int(clock().timestamp()) + 300},
    )

    found = sweep(parts)

    assert found.terminated == {fleet.run(run)["master"]: "older than 730 minutes"}


def test_what_could_not_be_terminated_is_counted_for_the_alarm(parts, instances, run, clock):
    clock.move(seconds=301)
    instances.refusing = "OperationNotPermitted"

    found = sweep(parts)

    assert found.counts()["InstancesNotTerminated"] == 1
    assert found.terminated == {}
    assert found.answer.outcome == "launched"


def test_a_second_sweep_does_nothing_more(parts, fleet, instances, run, launch_worker):
    launch_worker(run)
    instances.terminate([fleet.run(run)["master"]])
    sweep(parts)

    found = sweep(parts)

    assert (found.terminated, found.died, found.freed) == ({}, {}, None)
    assert found.answer.outcome == "already running"


def test_a_few_charts_wait_until_they_have_waited_long_enough_and_the_reason_is_kept(parts, fleet, submit, clock):
    parts = replace(parts, settings=replace(parts.settings, backlog_threshold=10, longest_wait_minutes=15))
    submit(2)

    found = sweep(parts)
    assert found.answer is None
    assert found.why_waiting.startswith("2 of the 10 charts that are worth a run")
    assert fleet.last_sweep()["why"] == found.why_waiting

    clock.move(minutes=15)
    assert sweep(parts).answer.outcome == "launched"


def test_after_one_failure_the_next_run_starts_at_once_and_after_two_it_waits(parts, fleet, instances, run, clock):
    end(parts, fleet, instances, run, "failed", "the playbook ended with status 2")
    second = sweep(parts).answer.run
    end(parts, fleet, instances, second, "failed", "the playbook ended with status 2")

    found = sweep(parts)
    assert found.answer is None
    assert "was the 2. in a row to fail" in found.why_waiting
    clock.move(minutes=5)
    assert sweep(parts).answer.run == "test-000003"


def test_a_run_that_spent_its_budget_is_not_followed_by_another_of_the_watchdogs(parts, fleet, instances, run, clock):
    fleet.update_run(run, over_budget=True)
    end(parts, fleet, instances, run, "failed", "stopped at its budget of 25.0 USD")

    assert "reached its budget" in sweep(parts).why_waiting
    assert launch_run(parts, asked_by="operator").outcome == "launched"


def test_a_day_whose_money_is_spent_has_no_further_run_and_the_next_day_goes_on(parts, fleet, instances, run, clock):
    fleet.update_run(run, over_budget=True, budget_reached="day")
    fleet.spend(100, now=clock())
    end(parts, fleet, instances, run, "failed", "stopped at the day's budget of 100.0 USD (UTC)")

    found = sweep(parts)

    tomorrow = (clock() + timedelta(days=1)).date().isoformat()
    assert found.answer is None
    assert found.why_waiting == f"the day's budget of 100.0 USD is spent; the next run starts on {tomorrow} (UTC)"
    assert launch_run(parts, asked_by="operator").outcome == "the day's budget is spent"
    assert fleet.lease() is None
    clock.now = datetime.fromisoformat(f"{tomorrow}T00:01:00+00:00")
    assert sweep(parts).answer.outcome == "launched"


def test_a_launch_that_fails_is_told_after_everything_else_was_done(parts, submit, launch_worker):
    submit()
    left_behind = launch_worker("test-000099")
    broken = replace(parts, settings=replace(parts.settings, master_launch_template="lt-unknown"))

    found = sweep(broken)

    assert set(found.terminated) == {left_behind}
    assert found.why_waiting.startswith("the master could not be launched:")
    assert found.launch_failure is not None


# charts that should be worked on, and are not


def test_charts_that_wait_for_more_of_them_are_not_stalled(parts, submit):
    parts = replace(parts, settings=replace(parts.settings, backlog_threshold=10))
    submit(2)

    assert sweep(parts).charts_stalled == 0


def test_charts_of_a_run_that_has_just_started_are_not_stalled(parts, run, clock):
    clock.move(seconds=60)

    assert sweep(parts).charts_stalled == 0


def test_charts_of_a_run_whose_workers_are_heard_of_are_not_stalled(parts, fleet, run, clock):
    keep_alive(fleet, run, clock, minutes=30)
    fleet.record_worker(run, "i-1", state="working", now=clock())

    assert sweep(parts).charts_stalled == 0


@pytest.mark.parametrize("heard_minutes_ago", [None, 11])
def test_charts_of_a_run_without_a_worker_that_was_heard_of_are_stalled(parts, fleet, run, clock, heard_minutes_ago):
    if heard_minutes_ago is not None:
        keep_alive(fleet, run, clock, minutes=30 - heard_minutes_ago)
        fleet.record_worker(run, "i-1", state="working", now=clock())
    keep_alive(fleet, run, clock, minutes=heard_minutes_ago or 30)

    assert sweep(parts).counts()["ChartsStalled"] == 3


def test_charts_whose_run_is_held_back_are_stalled(parts, fleet, instances, run):
    fleet.update_run(run, over_budget=True)
    end(parts, fleet, instances, run, "failed", "stopped at its budget of 25.0 USD")

    assert sweep(parts).charts_stalled == 3


def test_charts_whose_run_cannot_be_launched_are_stalled(parts, submit):
    submit(2)
    broken = replace(parts, settings=replace(parts.settings, master_launch_template="lt-unknown"))

    assert sweep(broken).charts_stalled == 2


def keep_alive(fleet, run: str, clock, *, minutes: float) -> None:
    """Time passes, in which the master renews its lease."""
    for _ in range(int(minutes)):
        clock.move(minutes=1)
        fleet.renew_lease(run, seconds=300, now=clock())


def dead_letter(parts, aws, key: str, sequencer: str = "1") -> None:
    body = as_event(ChartReference(key, "v1", 10, sequencer), "charts")
    aws.sqs.send_message(QueueUrl=aws.dead_letter_url, MessageBody=body)


def test_a_chart_that_only_a_dead_letter_tells_of_becomes_a_failure_that_can_be_redriven(parts, aws):
    dead_letter(parts, aws, "charts/b1/c1.txt")

    assert sweep(parts).letters_listed == 1

    item = parts.results.record("b1", "c1")
    assert (item["state"], item["reason"], item["version"]) == ("failed", "coding_failed", "v1")
    assert "no worker finished this chart in 3 tries" in item["message"]
    assert parts.queue.dead_letters() == 0
    assert parts.results.tally("b1") == {"coded": 0, "failed": 1}


def test_what_is_known_of_a_chart_stands_whatever_its_dead_letter_says(parts, aws):
    reference = ChartReference("charts/b1/c1.txt", "v1", 10, "1".ljust(32, "0"))
    unreadable = Outcome.failed(reference, UnreadableChart("the chart has no text"))
    parts.results.store([unreadable], worker="i-1", run="run-1")
    dead_letter(parts, aws, "charts/b1/c1.txt")

    sweep(parts)

    assert parts.results.record("b1", "c1")["reason"] == "unreadable"
    assert parts.queue.dead_letters() == 0


def test_a_dead_letter_that_is_no_event_stays_for_a_person(parts, aws):
    aws.sqs.send_message(QueueUrl=aws.dead_letter_url, MessageBody="not an event")

    assert sweep(parts).letters_listed == 0

    assert (
        aws.sqs.get_queue_attributes(QueueUrl=aws.dead_letter_url, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessagesNotVisible"
        ]
        == "1"
    )


def test_what_is_too_old_is_ended_even_where_the_table_cannot_be_read(parts, instances, run, launch_worker, clock):
    old = launch_worker(run)
    clock.move(hours=13)
    nowhere = replace(parts, fleet=FleetTable(boto3.resource("dynamodb").Table("gone")))

    with pytest.raises(ClientError, match="ResourceNotFound"):
        sweep(nowhere)

    assert old not in [instance.id for instance in instances.alive()]
