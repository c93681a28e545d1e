"""What a run does at the stages of its playbook."""

from dataclasses import replace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import MockRawResponse

from chartcoder import prices
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.errors import LeaseLost, SettingInvalid
from chartcoder.launching import launch_run
from chartcoder.stages import Stages, look_as_facts, plan_as_facts


@pytest.fixture
def stages_of(aws, parts, submit, clock):
    """The stages of a run with three charts and a master, under the settings given."""
    submit(3)
    run = launch_run(parts, asked_by="alarm test-backlog").run

    def of(**settings) -> Stages:
        return Stages(
            replace(parts.settings, run=run, **settings),
            fleet=parts.fleet,
            queue=ChartsQueue(aws.sqs, aws.queue_url, aws.dead_letter_url),
            instances=parts.instances,
            clock=clock,
            sleep=lambda seconds: clock.move(seconds=seconds),
        )

    return of


@pytest.fixture
def run(stages_of) -> str:
    return "test-000001"


def drain(aws) -> None:
    aws.sqs.purge_queue(QueueUrl=aws.queue_url)


def test_a_run_is_sized_and_its_record_says_so(stages_of, fleet, run):
    plan = stages_of(min_workers=2).size()

    assert (plan.workers, plan.spot, plan.on_demand) == (2, 2, 0)
    assert (fleet.run(run)["workers_wanted"], fleet.run(run)["backlog"]) == (2, 3)
    assert plan_as_facts(plan)["said"] == "2 workers: 2 Spot, 0 On-Demand; about 3 minutes and 0.02 USD"


def test_a_run_is_not_sized_without_a_price(stages_of):
    with pytest.raises(SettingInvalid, match=r"x9\.huge"):
        stages_of(instance_type="x9.huge").size()


def test_a_run_whose_lease_lapsed_or_was_freed_is_told_so_and_looks_no_further(stages_of, fleet, run, clock):
    clock.move(minutes=6)
    assert stages_of().look().verdict == "lost"

    fleet.release_lease(run)
    assert stages_of().look().verdict == "lost"
    assert "cost_usd" not in fleet.run(run)


def test_a_look_keeps_backlog_workers_and_cost_in_the_record(stages_of, fleet, run, launch_worker, clock):
    launch_worker(run)
    clock.move(minutes=4)

    look = stages_of().look()

    record = fleet.run(run)
    assert look.verdict == "working"
    assert (record["backlog"], record["workers"]) == (3, 1)
    # four minutes of a t3.small and of a c7i.xlarge at Spot's price, each with its volume
    assert record["cost_usd"] == pytest.approx(4 / 60 * (0.0208 + 0.6 * 0.1785 + 2 * 0.00329), rel=1e-3)
    assert look_as_facts(look)["said"].startswith("working: 3 charts in the queue, 1 workers, 1 needed")


def test_a_look_counts_what_the_run_has_done(stages_of, fleet, run, launch_worker, clock):
    for number, (coded, failed) in enumerate([(7, 1), (5, 2)]):
        fleet.record_worker(run, launch_worker(run, number), coded=coded, failed=failed, state="working", now=clock())

    look = stages_of().look()

    assert (look.charts_coded, look.charts_failed) == (12, 3)
    assert not {"failed", "changed"} & set(look_as_facts(look)), "words that Ansible takes for its own"


def test_a_run_without_enough_workers_is_short_of_them(stages_of, run, launch_worker):
    launch_worker(run)

    assert stages_of(min_workers=2).look().verdict == "short"
    assert stages_of(min_workers=2).look(may_launch=False).verdict == "working"


def test_a_run_without_any_worker_is_short_even_when_it_may_launch_no_more(stages_of):
    assert stages_of().look(may_launch=False).verdict == "short"


def test_an_empty_queue_is_told_first(aws, stages_of):
    drain(aws)

    assert stages_of().look().verdict == "empty"


def test_a_run_whose_money_is_spent_is_told_so(stages_of, run, launch_worker, clock):
    launch_worker(run)
    clock.move(minutes=4)

    assert stages_of(budget_usd=0.005).look().verdict == "budget"


def test_a_worker_that_leaves_is_replaced_and_not_ended(stages_of, fleet, instances, run, launch_worker, clock):
    leaving = launch_worker(run)
    fleet.record_worker(run, leaving, state="leaving", now=clock())

    assert stages_of().look().verdict == "short"
    plan = stages_of().size()
    assert (plan.workers, plan.spot) == (2, 2), "one that leaves and one in its place"
    assert leaving in [instance.id for instance in instances.alive()]


def test_a_worker_not_heard_of_for_minutes_is_terminated_and_replaced(
    stages_of, fleet, instances, run, launch_worker, clock
):
    silent = launch_worker(run)
    fleet.record_worker(run, silent, state="working", now=clock())
    clock.move(minutes=4)
    fleet.renew_lease(run, seconds=300, now=clock())
    clock.move(minutes=2)

    assert stages_of().look().verdict == "short"
    assert silent not in [instance.id for instance in instances.alive()]


def test_a_worker_that_boots_is_given_time(stages_of, run, launch_worker, clock):
    launch_worker(run)
    clock.move(minutes=4)

    assert stages_of().look().verdict == "working"


@pytest.mark.parametrize(("engine", "workers"), [("medspacy", 2), ("compiled", 1)])
def test_the_rate_of_an_earlier_run_of_the_same_engine_sizes_the_next(stages_of, fleet, clock, engine, workers):
    fleet.open_run("test-000000", asked_by="watchdog", backlog=1, now=clock())
    fleet.update_run("test-000000", rate=0.05, instance_type="c7i.xlarge", engine="medspacy")

    # three charts in half an hour, at a chart in twenty minutes
    assert stages_of(target_minutes=30, engine=engine).size().workers == workers


def test_a_look_lasts_as_long_as_its_verdict_holds(aws, stages_of, run, launch_worker, clock):
    launch_worker(run)
    began = clock()

    assert stages_of().look_while("working", every=15, seconds=60).verdict == "working"
    assert (clock() - began).total_seconds() == 60
    drain(aws)
    assert stages_of().look_while("working", every=15, seconds=60).verdict == "empty"
    assert (clock() - began).total_seconds() == 60


def test_a_drained_run_is_closed_with_what_it_did_and_the_lease_is_free(stages_of, fleet, run, launch_worker, clock):
    worker = launch_worker(run)
    fleet.record_worker(run, worker, coded=1, failed=1, state="working", now=clock())
    clock.move(minutes=2)
    fleet.record_worker(run, worker, coded=1, state="idle", now=clock())

    assert stages_of().close() == "drained: 2 charts coded, 1 failed"

    record = fleet.run(run)
    assert (record["state"], record["coded"], record["failed"], record["rate"]) == ("done", 2, 1, 1.5)
    assert record["cost_usd"] > 0
    assert fleet.lease() is None


def test_a_failed_run_is_closed_with_its_reason(stages_of, fleet, run):
    stages_of().close("stopped at its budget", over_budget=True)

    record = fleet.run(run)
    assert (record["state"], record["reason"], record["over_budget"]) == ("failed", "stopped at its budget", True)


def test_a_run_that_lost_its_lease_closes_nothing(stages_of, fleet, run):
    fleet.release_lease(run)

    with pytest.raises(LeaseLost):
        stages_of().close()
    assert fleet.run(run)["state"] == "launching"


def take(aws, count: int) -> None:
    """As many charts are in flight, in the hands of workers."""
    aws.sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=count, VisibilityTimeout=600)


def test_workers_that_have_nothing_to_do_are_dismissed_while_others_finish_the_last_charts(
    aws, stages_of, fleet, run, launch_worker, clock
):
    busy, *others = [launch_worker(run, nth) for nth in range(4)]
    take(aws, 3)
    for idle in others:
        fleet.record_worker(run, idle, coded=5, state="idle", now=clock())
    clock.move(minutes=1)
    for worker in others:
        assert not fleet.record_worker(run, worker, state="idle", now=clock())
    fleet.record_worker(run, busy, coded=5, state="working", now=clock())

    look = stages_of().look()

    assert (look.verdict, look.dismissed, look.workers) == ("working", 3, 1)
    assert look.said.startswith("working: 3 charts in the queue, 1 workers, 1 needed, 3 dismissed")
    told = {worker: fleet.record_worker(run, worker, state="idle", now=clock()) for worker in (busy, *others)}
    assert told == {busy: False, **dict.fromkeys(others, True)}, "each hears of it with its next report"
    assert stages_of().look().verdict == "working", "nobody is launched in their place"


def test_nobody_is_dismissed_who_is_needed_or_while_charts_wait_or_before_a_while_is_over(
    aws, stages_of, fleet, run, launch_worker, clock
):
    workers = [launch_worker(run, nth) for nth in range(3)]

    def look(**settings):
        for worker in workers:
            fleet.record_worker(run, worker, state="idle", now=clock())
        return stages_of(**settings).look().dismissed

    assert look() == 0
    clock.move(minutes=1)
    assert look() == 0, "three charts wait"
    take(aws, 3)
    assert look(min_workers=3) == 0, "a run of three charts is to have three workers"
    assert look(min_workers=2) == 1


def test_a_worker_that_has_just_found_work_is_not_dismissed(aws, stages_of, fleet, run, launch_worker, clock):
    finds, rests = launch_worker(run, 1), launch_worker(run, 2)
    for worker in (finds, rests):
        fleet.record_worker(run, worker, state="idle", now=clock())
    fleet.record_worker(run, finds, state="working", now=clock())

    assert not fleet.dismiss_worker(run, finds, now=clock())
    assert fleet.dismiss_worker(run, rests, now=clock())
    assert not fleet.dismiss_worker(run, "i-unknown", now=clock())


def test_one_worker_stays_until_the_queue_is_drained(aws, stages_of, fleet, run, launch_worker, clock):
    workers = [launch_worker(run, nth) for nth in range(2)]
    drain(aws)
    for _ in range(2):
        for worker in workers:
            fleet.record_worker(run, worker, state="idle", now=clock())
        clock.move(minutes=1)

    assert (stages_of().look().verdict, stages_of().look().workers) == ("empty", 1)


def test_a_run_ends_when_the_days_money_is_spent_and_its_record_says_which(stages_of, fleet, run, launch_worker, clock):
    launch_worker(run)
    fleet.spend(0.0049, now=clock())
    clock.move(minutes=4)
    stages = stages_of(budget_usd_per_day=0.005)

    look = stages.look()

    assert (look.verdict, look.limit) == ("budget", "the day's budget of 0.005 USD (UTC)")
    stages.close("stopped", over_budget=True)
    assert fleet.run(run)["budget_reached"] == "day"


def test_what_a_run_costs_is_added_to_its_day_and_the_next_day_begins_anew(stages_of, fleet, run, launch_worker, clock):
    launch_worker(run)
    clock.move(minutes=2)
    stages_of().look()
    clock.move(minutes=2)
    stages_of().look()

    assert fleet.spent(now=clock()) == pytest.approx(fleet.run(run)["cost_usd"], rel=1e-3)
    clock.move(days=1)
    assert fleet.spent(now=clock()) == 0


def test_a_closed_run_says_what_a_thousand_charts_cost_with_their_requests(stages_of, fleet, run, launch_worker, clock):
    worker = launch_worker(run)
    fleet.record_worker(run, worker, coded=150, failed=50, state="idle", now=clock())
    clock.move(minutes=3)

    stages_of().close()

    record = fleet.run(run)
    assert record["requests_usd"] == pytest.approx(200 * prices.PIPELINE_USD_PER_CHART, rel=1e-3)
    assert record["usd_a_thousand"] == pytest.approx(5 * (record["cost_usd"] + record["requests_usd"]), rel=1e-3)
    assert "budget_reached" not in record


def test_a_run_that_was_refused_workers_asks_for_half_and_for_all_of_them_some_minutes_later(
    stages_of, fleet, run, launch_worker, clock
):
    stages = stages_of(min_workers=3)
    assert stages.size().workers == 3

    plan = stages.size(refused=True)

    assert (plan.workers, fleet.run(run)["workers_given"]) == (1, 1)
    launch_worker(run)
    assert stages.look().verdict == "working", "it is short of workers, but was just told that there are no more"
    clock.move(minutes=4)
    fleet.renew_lease(run, seconds=600, now=clock())
    clock.move(minutes=6)
    fleet.record_worker(run, "i-" + "0" * 16 + "1", state="working", now=clock())
    assert stages.look().verdict == "short"


def test_a_run_that_is_refused_its_only_worker_has_none(stages_of):
    stages = stages_of()
    stages.size()

    assert stages.size(refused=True).workers == 0


def test_a_worker_that_reports_and_comes_no_further_is_terminated_and_replaced(
    stages_of, fleet, instances, run, launch_worker, clock
):
    still, slow = launch_worker(run, 1), launch_worker(run, 2)
    fleet.record_worker(run, still, state="working", still_seconds=16 * 60, now=clock())
    fleet.record_worker(run, slow, state="working", still_seconds=14 * 60, now=clock())

    assert stages_of().look().workers == 1
    assert still not in [instance.id for instance in instances.alive()]


def answering(code):
    """A DynamoDB that says so, once, to the next question; and the clock's own sleep."""

    def handler(request, **_):
        if said:
            return None
        said.append(code)
        body = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{code}", "message": ""}}'
        return AWSResponse(request.url, 400, {}, MockRawResponse(body))

    said: list[str] = []
    return handler


@pytest.mark.parametrize(("code", "ends"), [("TransactionInProgressException", False), ("AccessDeniedException", True)])
def test_a_look_outlasts_what_passes_and_nothing_else(aws, stages_of, run, launch_worker, clock, code, ends):
    launch_worker(run)
    events, handler = aws.fleet_table.meta.client.meta.events, answering(code)
    events.register_first("before-send.dynamodb.GetItem", handler)
    try:
        if ends:
            with pytest.raises(ClientError, match=code):
                stages_of().look_while("working", every=15, seconds=60)
        else:
            assert stages_of().look_while("short", every=15, seconds=60).backlog == 3
    finally:
        events.unregister("before-send.dynamodb.GetItem", handler)
