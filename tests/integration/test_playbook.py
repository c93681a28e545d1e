"""The real playbook, run by the real master, against moto's EC2, SQS and DynamoDB over HTTP.

Moto's instances run nothing: the test plays the workers, by taking charts off the queue once the workers are there.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend
from moto.server import ThreadedMotoServer

from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instances
from chartcoder.settings import Settings

REGION = "us-east-1"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/coder@sha256:" + "0" * 64
MASTER = "i-0123456789abcdef0"


class _Metadata(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self._answer("a-token")

    def do_GET(self) -> None:
        self._answer(MASTER)

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's output is pytest's."""


@pytest.fixture
def metadata() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def cloud() -> Iterator[SimpleNamespace]:
    """A stack's queue, table and launch templates in an empty account, and a run whose master is about to start."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    for backend in ("ec2", "sqs", "dynamodb"):  # moto's state is this process's, not the server's
        get_backend(backend).reset()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    clients = {name: boto3.client(name, endpoint_url=endpoint, **KEYS) for name in ("ec2", "sqs")}
    ec2, sqs = clients["ec2"], clients["sqs"]
    table = boto3.resource("dynamodb", endpoint_url=endpoint, **KEYS).create_table(
        TableName="fleet",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    templates = {
        name: ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": image,
                "InstanceType": "c7i.xlarge",
                "InstanceInitiatedShutdownBehavior": "terminate",
            }
            | ({"InstanceMarketOptions": {"MarketType": "spot"}} if name == "spot" else {}),
        )["LaunchTemplate"]["LaunchTemplateId"]
        for name in ("master", "worker", "spot")
    }
    fleet = FleetTable(table)
    lease = fleet.take_lease("test", seconds=60, now=datetime.now(UTC))
    assert lease is not None
    fleet.open_run(lease.run, asked_by="alarm test-backlog", backlog=3, now=datetime.now(UTC))
    settings = Settings(
        stack="test",
        charts_bucket="charts",
        results_bucket="results",
        charts_queue_url=sqs.create_queue(QueueName="charts")["QueueUrl"],
        dead_letter_queue_url=sqs.create_queue(QueueName="dead")["QueueUrl"],
        results_table="results",
        fleet_table="fleet",
        master_launch_template=templates["master"],
        worker_launch_template=templates["worker"],
        worker_spot_launch_template=templates["spot"],
        control_function="launcher",
        coder_function="coder",
        worker_log_group="workers",
        master_log_group="masters",
        watch_seconds=1,
        lease_seconds=60,
        min_workers=2,
        run=lease.run,
        coder_image=IMAGE,
        control_image=IMAGE,
    )
    for number in range(3):
        sqs.send_message(QueueUrl=settings.charts_queue_url, MessageBody=str(number))
    yield SimpleNamespace(
        endpoint=endpoint,
        settings=settings,
        fleet=fleet,
        instances=Instances(ec2, "test"),
        run=lease.run,
        ec2=ec2,
        sqs=sqs,
    )
    server.stop()


@pytest.fixture
def start_master(cloud: SimpleNamespace, metadata: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    started: list[subprocess.Popen] = []

    def start(**settings: Any) -> subprocess.Popen:
        environment = {
            "PATH": os.defpath,
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "TMPDIR": str(tmp_path),
        } | replace(cloud.settings, **settings).as_environment()
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "chartcoder.master"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait_until(condition: Callable[[], Any], process: subprocess.Popen) -> Any:
    """The first true value of `condition`; fails where the master leaves before."""
    pause = threading.Event()
    while not (value := condition()):
        assert process.poll() is None, process.communicate()[0]
        pause.wait(0.2)
    return value


def take_all_charts(cloud: SimpleNamespace) -> None:
    """What workers do, as the queue sees it."""
    url = cloud.settings.charts_queue_url
    while messages := cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def ends_of_stages(cloud: SimpleNamespace) -> list[tuple[str, str]]:
    stages = cloud.fleet.run(cloud.run)["stages"]
    return [(stage["stage"], stage["outcome"]) for stage in stages if stage["outcome"] != "started"]


def processes_of(cloud: SimpleNamespace) -> list[int]:
    """Whatever runs with this test's endpoint in its environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if f"AWS_ENDPOINT_URL={cloud.endpoint}\0".encode() in environment:
            found.append(int(entry.name))
    return found


def test_a_run_goes_through_its_stages_and_leaves_nothing_behind(cloud, start_master):
    master = start_master()
    wait_until(lambda: len(cloud.instances.alive(role="worker", run=cloud.run)) == 2, master)
    take_all_charts(cloud)
    output, _ = master.communicate()

    assert master.returncode == 0, output
    record = cloud.fleet.run(cloud.run)
    assert ends_of_stages(cloud) == [
        ("size", "ok"),
        ("launch", "ok"),
        ("watch", "ok"),
        ("drain", "ok"),
        ("terminate_workers", "ok"),
        ("close", "ok"),
        ("terminate_self", "ok"),
    ]
    assert (record["state"], record["exit_status"], record["master"]) == ("done", 0, MASTER)
    assert record["cost_usd"] > 0
    assert cloud.instances.alive() == []
    assert cloud.fleet.lease() is None


def workers_of(cloud: SimpleNamespace) -> list[str]:
    return sorted(instance.id for instance in cloud.instances.alive(role="worker", run=cloud.run))


def test_a_lost_worker_is_replaced_and_on_demand_stands_in_where_there_is_no_spot(cloud, start_master):
    master = start_master(worker_spot_launch_template="lt-0123456789abcdef0")  # EC2 refuses it
    first = wait_until(lambda: len(found := workers_of(cloud)) == 2 and found, master)
    cloud.instances.terminate(first[:1])
    second = wait_until(lambda: len(found := workers_of(cloud)) == 2 and found, master)
    take_all_charts(cloud)
    output, _ = master.communicate()

    assert master.returncode == 0, output
    assert len(set(first) & set(second)) == 1, "the other worker goes on"
    assert {instance.market for instance in cloud.instances.all(role="worker")} == {"on-demand"}
    launches = [stage for stage in cloud.fleet.run(cloud.run)["stages"] if stage["stage"] == "launch"]
    assert [launch["outcome"] for launch in launches] == ["started", "ok", "started", "ok"]
    assert workers_of(cloud) == []


def test_where_the_quota_refuses_so_many_the_run_goes_on_with_those_that_it_gives(cloud, start_master, monkeypatch):
    quota, give = 2, InstanceBackend.run_instances

    def run_instances(backend: InstanceBackend, image_id: str, count: int, *rest: Any, **more: Any) -> Any:
        if len(cloud.instances.alive(role="worker")) + count > quota:
            raise EC2ClientError("VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit")
        return give(backend, image_id, count, *rest, **more)

    monkeypatch.setattr(InstanceBackend, "run_instances", run_instances)
    master = start_master(min_workers=3)
    wait_until(lambda: "cost_usd" in cloud.fleet.run(cloud.run), master)
    given = len(workers_of(cloud))
    take_all_charts(cloud)
    output, _ = master.communicate()

    assert master.returncode == 0, output
    assert 1 <= given <= quota
    record = cloud.fleet.run(cloud.run)
    assert record["workers_given"] == given
    assert [stage["outcome"] for stage in record["stages"] if stage["stage"] == "launch"] == ["started", "ok"]


def test_where_ec2_gives_not_even_one_worker_the_run_ends_with_its_word(cloud, start_master, monkeypatch):
    def refuse(*_: Any, **__: Any) -> Any:
        raise EC2ClientError("VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit")

    monkeypatch.setattr(InstanceBackend, "run_instances", refuse)
    master = start_master()
    output, _ = master.communicate()

    assert master.returncode == 2, output
    assert "VcpuLimitExceeded" in cloud.fleet.run(cloud.run)["reason"]
    assert ("launch", "failed") in ends_of_stages(cloud)
    assert cloud.fleet.lease() is None


def test_a_run_stops_at_its_budget_and_says_so(cloud, start_master):
    master = start_master(budget_usd=0.0000001)
    output, _ = master.communicate()

    assert master.returncode == 2, output
    record = cloud.fleet.run(cloud.run)
    assert (record["state"], record["over_budget"], record["exit_status"]) == ("failed", True, 2)
    assert "stopped at its budget of 1e-07 USD with 3 charts in the queue" in record["reason"]
    assert ("watch", "failed") in ends_of_stages(cloud)
    assert workers_of(cloud) == []
    assert cloud.fleet.lease() is None


def test_a_run_whose_worker_met_what_all_would_meet_stops_keeps_the_charts_and_says_why(cloud, start_master):
    master = start_master()
    first, *_ = wait_until(lambda: workers_of(cloud), master)
    cloud.fleet.record_worker(cloud.run, first, state="stopped", why="KeyUnusable: the stack's KMS key is Disabled")
    output, _ = master.communicate()

    assert master.returncode == 2, output
    record = cloud.fleet.run(cloud.run)
    assert (record["state"], record["over_budget"]) == ("failed", False)
    assert "stopped with 3 charts in the queue, which keep waiting: KeyUnusable: the stack's" in record["reason"]
    assert workers_of(cloud) == []
    assert cloud.fleet.lease() is None


def test_a_run_stops_at_the_days_budget_keeps_the_charts_and_says_so(cloud, start_master):
    cloud.fleet.spend(2, now=datetime.now(UTC))
    master = start_master(budget_usd_per_day=2)
    output, _ = master.communicate()

    assert master.returncode == 2, output
    record = cloud.fleet.run(cloud.run)
    assert (record["state"], record["over_budget"], record["budget_reached"]) == ("failed", True, "day")
    assert "stopped at the day's budget of 2.0 USD (UTC) with 3 charts in the queue" in record["reason"]
    assert workers_of(cloud) == []
    assert cloud.fleet.lease() is None


def test_the_fleet_shrinks_while_the_last_charts_are_coded_and_nobody_takes_the_place(cloud, start_master):
    master = start_master(min_workers=3)
    workers = wait_until(lambda: len(found := workers_of(cloud)) == 3 and found, master)
    url = cloud.settings.charts_queue_url
    taken = cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)["Messages"]
    minutes_ago = datetime.now(UTC) - timedelta(minutes=2)
    for message in taken[1:]:
        cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    busy, *others = workers
    for at in (minutes_ago, None):
        cloud.fleet.record_worker(cloud.run, busy, coded=1, state="working", now=at)
        for idle in others:
            cloud.fleet.record_worker(cloud.run, idle, coded=1, state="idle", now=at)

    def told() -> list[str]:
        return sorted(one["instance"] for one in cloud.fleet.workers(cloud.run) if "dismissed_at" in one)

    wait_until(lambda: told() == sorted(others), master)
    cloud.instances.terminate(others)  # as they do themselves, once they have heard of it
    for _ in range(3):
        seen = cloud.fleet.run(cloud.run)["costed_at"]
        wait_until(lambda seen=seen: cloud.fleet.run(cloud.run)["costed_at"] != seen, master)
    assert workers_of(cloud) == [busy]
    cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0]["ReceiptHandle"])
    output, _ = master.communicate()

    assert master.returncode == 0, output
    launches = [stage for stage in cloud.fleet.run(cloud.run)["stages"] if stage["stage"] == "launch"]
    assert [launch["outcome"] for launch in launches] == ["started", "ok"]
    assert workers_of(cloud) == []


def test_a_run_that_cannot_be_sized_closes_with_the_reason(cloud, start_master):
    master = start_master(instance_type="x9.huge")
    output, _ = master.communicate()

    assert master.returncode == 2, output
    assert "no price for instance type 'x9.huge'" in cloud.fleet.run(cloud.run)["reason"]
    assert ends_of_stages(cloud) == [
        ("size", "failed"),
        ("terminate_workers", "ok"),
        ("close", "ok"),
        ("terminate_self", "ok"),
    ]
    assert cloud.fleet.lease() is None


def test_a_master_that_loses_the_lease_leaves_its_workers_to_the_watchdog(cloud, start_master):
    master = start_master()
    wait_until(lambda: len(workers_of(cloud)) == 2, master)
    cloud.fleet.release_lease(cloud.run)
    output, _ = master.communicate()

    assert master.returncode == 3, output
    assert processes_of(cloud) == [], "no module of Ansible's goes on without its master"
    assert len(workers_of(cloud)) == 2
    assert cloud.fleet.run(cloud.run)["state"] == "running"


def test_a_master_that_is_told_to_stop_ends_ansible_and_its_workers(cloud, start_master):
    master = start_master()
    wait_until(lambda: len(workers_of(cloud)) == 2, master)
    master.terminate()
    output, _ = master.communicate()

    assert master.returncode == 143, output
    assert processes_of(cloud) == []
    assert cloud.fleet.run(cloud.run)["reason"] == "the master was told to stop"
    assert workers_of(cloud) == []
    assert cloud.fleet.lease() is None
