"""The master around its playbook: what it does where Ansible fails, hangs, or the lease is lost.

The playbook itself runs in tests/integration/test_playbook.py; here `play` stands in for ansible_runner.
"""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import ansible_runner
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError, ConnectTimeoutError

from chartcoder.cloud import instances as instances_module
from chartcoder.cloud.traces import TraceSender
from chartcoder.launching import launch_run
from chartcoder.master import DONE, FAILED, LEASE_LOST, STOPPED, Supervisor, trace_run
from chartcoder.metrics import METRICS

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Monotonic:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def run(parts, submit) -> str:
    submit(3)
    return launch_run(parts, asked_by="alarm test-backlog").run


@pytest.fixture
def supervisor(parts, run, monotonic) -> Supervisor:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/coder@sha256:1"
    return Supervisor(
        replace(parts.settings, run=run, coder_image=image, control_image=image),
        fleet=parts.fleet,
        instances=parts.instances,
        instance=parts.fleet.run(run)["master"],
        region="us-east-1",
        logger=Logger(service="master"),
        monotonic=monotonic,
        kill_descendants=lambda: None,  # those of this process are the other tests'
    )


@pytest.fixture
def play(monkeypatch) -> Callable[[Callable], None]:
    """`play(function)`: the function stands in for the playbook. It gets what ansible_runner.run gets, and its answer
    is the playbook's status."""

    def stand_in(function: Callable) -> None:
        def ansible(**given: object) -> SimpleNamespace:
            status = function(SimpleNamespace(**given))
            return SimpleNamespace(rc=status, status="successful" if status == 0 else "failed")

        monkeypatch.setattr(ansible_runner, "run", ansible)

    return stand_in


def task(name: str) -> dict:
    return {"event": "playbook_on_task_start", "event_data": {"task": name}}


def stages(fleet, run: str) -> list[tuple[str, str]]:
    return [(stage["stage"], stage["outcome"]) for stage in fleet.run(run)["stages"]]


def test_a_playbook_that_closes_its_run_is_all_there_is_to_do(supervisor, play, fleet, monotonic, run):
    def work(given):
        given.event_handler(task("Close | Ensure the run's record is closed"))
        fleet.close_run(run, "done", "drained")
        fleet.release_lease(run)
        monotonic.now += 60  # the lease would be due to be renewed
        given.event_handler({"event": "playbook_on_stats"})
        return 0

    play(work)

    assert supervisor.supervise() == DONE
    assert (fleet.run(run)["state"], fleet.run(run)["exit_status"]) == ("done", 0)
    assert stages(fleet, run) == [("close", "started"), ("close", "ok")]


def test_a_playbook_that_dies_leaves_no_worker_and_no_lease(supervisor, play, fleet, instances, run, launch_worker):
    def die(given):
        given.event_handler(task("Watch | Ensure the run goes on"))
        launch_worker(run)
        return 250

    play(die)

    assert supervisor.supervise() == FAILED
    record = fleet.run(run)
    assert (record["state"], record["reason"]) == ("failed", "the playbook ended with status 250 (failed)")
    assert record["exit_status"] == FAILED
    assert stages(fleet, run)[-2:] == [("close", "started"), ("close", "ok")]
    assert instances.alive(role="worker") == []
    assert fleet.lease() is None


def test_ansible_that_cannot_even_start_ends_the_run(supervisor, play, fleet, run):
    def break_down(_):
        raise FileNotFoundError(errno.ENOENT, "no ansible-playbook here")

    play(break_down)

    assert supervisor.supervise() == FAILED
    assert fleet.run(run)["reason"] == "the master failed: FileNotFoundError: No such file or directory"
    assert fleet.lease() is None


def test_a_missing_boot_script_ends_the_run(supervisor, fleet, run, monkeypatch, tmp_path):
    monkeypatch.setattr(instances_module, "playbooks", lambda: tmp_path)

    assert supervisor.supervise() == FAILED
    assert fleet.run(run)["reason"].startswith("the master failed: FileNotFoundError")


def test_a_master_without_the_lease_touches_nothing(supervisor, play, fleet, instances, run, launch_worker):
    launch_worker(run)
    fleet.release_lease(run)
    play(lambda _: pytest.fail("the playbook must not run"))

    assert supervisor.supervise() == LEASE_LOST
    assert len(instances.alive(role="worker")) == 1
    assert fleet.run(run)["state"] == "launching"


def test_a_lease_lost_in_mid_run_cancels_the_playbook_and_touches_nothing_further(
    supervisor, play, fleet, instances, monotonic, run, launch_worker
):
    def lose(given):
        given.event_handler(task("Watch | Ensure the run goes on"))
        launch_worker(run)
        fleet.release_lease(run)
        monotonic.now += 60
        given.event_handler({"event": "runner_retry", "event_data": {}})
        assert given.cancel_callback()
        return 254

    play(lose)

    assert supervisor.supervise() == LEASE_LOST
    assert len(instances.alive(role="worker")) == 1
    assert "ended_at" not in fleet.run(run)


def test_a_playbook_that_hangs_loses_the_lease(supervisor, play, fleet, monotonic, run):
    def hang(given):
        given.event_handler(task("Watch | Ensure the run goes on"))
        monotonic.now += 299
        assert not given.cancel_callback()
        monotonic.now += 1
        assert given.cancel_callback()
        return 254

    play(hang)

    assert supervisor.supervise() == LEASE_LOST
    assert fleet.lease().run == run, "the watchdog frees it once it has ended the instances"


def test_the_lease_is_renewed_from_ansibles_events_but_not_with_each(supervisor, play, fleet, monotonic, run):
    renewed = []
    renew = fleet.renew_lease
    fleet.renew_lease = lambda *given, **more: renewed.append(monotonic.now) or renew(*given, **more)

    def work(given):
        for _ in range(100):
            monotonic.now += 10
            given.event_handler({"event": "runner_retry", "event_data": {}})
        return 1

    play(work)
    supervisor.supervise()

    assert renewed[:4] == [0.0, 50.0, 100.0, 150.0]


def test_a_master_that_is_told_to_stop_ends_its_run(supervisor, play, fleet, instances, run, launch_worker):
    def work(given):
        launch_worker(run)
        supervisor.stop()
        assert given.cancel_callback()
        return 254

    play(work)

    assert supervisor.supervise() == STOPPED
    assert (fleet.run(run)["state"], fleet.run(run)["reason"]) == ("failed", "the master was told to stop")
    assert instances.alive(role="worker") == []


def test_a_worker_that_cannot_be_terminated_is_told_in_the_record(
    supervisor, play, fleet, instances, launch_worker, run
):
    launch_worker(run)
    instances.refusing = "OperationNotPermitted"
    play(lambda _: 2)

    supervisor.supervise()

    [told] = [stage for stage in fleet.run(run)["stages"] if stage["outcome"] == "failed"]
    assert told["stage"] == "terminate_workers"
    assert "OperationNotPermitted" in told["detail"]


def look(verdict: str = "working", **about: float) -> dict:
    """What Ansible tells when the run was looked at."""
    seen = {"workers": 3, "workers_needed": 4, "cost_usd": 1.25, "charts_coded": 30, "charts_failed": 10, **about}
    data = {
        "task": "Watch | Ensure the run goes on",
        "task_action": "chartcoder_look",
        "res": {"verdict": verdict, **seen},
    }
    return {"event": "runner_retry", "event_data": data}


def told(output: str) -> list[dict]:
    """The metrics in lines of a log, by name, each line's by itself."""
    found = []
    for line in output.splitlines():
        if "CloudWatchMetrics" in line:
            document = json.loads(line)
            (directive,) = document["_aws"]["CloudWatchMetrics"]
            assert (directive["Namespace"], directive["Dimensions"]) == ("chartcoder", [["service"]])
            assert document["service"] == "test-master"
            found.append({metric["Name"]: document[metric["Name"]][0] for metric in directive["Metrics"]})
    return found


def looked_at(supervisor, play, *looks: dict) -> None:
    def work(given):
        for event in looks:
            given.event_handler(event)
        return 0

    play(work)
    supervisor.supervise()


def test_each_look_at_the_run_is_told_in_metrics(supervisor, play, capsys):
    looked_at(supervisor, play, look(), look("budget"))

    first, second = told(capsys.readouterr().out)
    assert first == {"WorkersAlive": 3, "WorkersWanted": 4, "RunCostUsd": 1.25, "BudgetReached": 0}
    assert second["BudgetReached"] == 1


def test_the_share_of_failures_is_told_once_enough_charts_have_ended(supervisor, play, capsys):
    looked_at(supervisor, play, look(charts_coded=39), look(charts_coded=40), look(charts_coded=0, charts_failed=80))

    shares = [metrics.get("FailedPercent") for metrics in told(capsys.readouterr().out)]
    assert shares == [None, 20, 100]


def test_the_master_tells_every_metric_on_its_list_and_none_of_a_run_that_is_anothers(supervisor, play, capsys):
    looked_at(supervisor, play, look(charts_coded=90), look("lost"))

    (metrics,) = told(capsys.readouterr().out)
    assert set(metrics) == set(METRICS["master"])


# the end of a run's trace


class XRay:
    def __init__(self) -> None:
        self.segments: list[dict] = []

    def put_trace_segments(self, *, TraceSegmentDocuments: list[str]) -> dict:  # noqa: N803 - boto3's name
        self.segments += [json.loads(document) for document in TraceSegmentDocuments]
        return {"UnprocessedTraceSegments": []}


@pytest.mark.parametrize(("header", "names"), [(HEADER, ["test-master"]), ("", [])])
def test_the_end_of_a_traced_run_is_in_its_trace(parts, fleet, run, header, names):
    fleet.record_stage(run, "size", "started")
    fleet.close_run(run, "failed", "the playbook ended with status 2")
    xray, logger = XRay(), Logger(service="master")

    trace_run(replace(parts.settings, run=run, trace=header), fleet, TraceSender(xray, logger=logger), logger)

    assert [segment["name"] for segment in xray.segments] == names
    for segment in xray.segments:
        assert segment["fault"] and segment["annotations"] == {"run": run, "state": "failed"}
        assert [step["name"] for step in segment["subsegments"]] == ["boot", "size"]


def test_a_master_that_cannot_reach_its_record_ends_its_workers_while_the_lease_is_its_own(
    supervisor, play, fleet, instances, run, launch_worker, monkeypatch
):
    """With the key disabled DynamoDB answers nobody; EC2 needs no key."""
    worker = launch_worker(run)

    def disabled(*_, **__):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "KMS key is disabled"}}, "GetItem")

    def work(given):
        monkeypatch.setattr(fleet, "run", disabled)
        return 2

    play(work)
    with pytest.raises(ClientError):
        supervisor.supervise()

    assert worker not in [instance.id for instance in instances.alive()]


def test_a_master_whose_lease_may_have_lapsed_meanwhile_ends_nobody(
    supervisor, play, fleet, instances, monotonic, run, launch_worker, monkeypatch
):
    worker = launch_worker(run)

    def unreachable(*_, **__):
        raise ConnectTimeoutError(endpoint_url="https://dynamodb")

    def work(given):
        monotonic.now += 301
        monkeypatch.setattr(fleet, "run", unreachable)
        return 2

    play(work)
    with pytest.raises(ConnectTimeoutError):
        supervisor.supervise()

    assert worker in [instance.id for instance in instances.alive()]
