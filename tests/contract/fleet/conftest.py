"""A stack's fleet: tables and queue in moto, instances in memory, and a clock that the test moves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instance, Instances
from chartcoder.cloud.key import StackKey
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.launching import Parts
from chartcoder.settings import Settings

REGION = "us-east-1"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


class Clock:
    """Tells a time that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class KeyState:
    """KMS, as far as the launcher asks it: the state of a key, which the test sets."""

    def __init__(self) -> None:
        self.state = "Enabled"

    def __call__(self, key: str) -> str:
        return self.state


class Functions:
    """Lambda, as far as the launcher asks it: which image a function was deployed with."""

    def get_function(self, *, FunctionName: str) -> dict:  # noqa: N803 -- boto3's name
        code = {"ImageUri": f"{REGISTRY}/{FunctionName}:latest"}
        if FunctionName == "coder":
            code["ResolvedImageUri"] = f"{REGISTRY}/coder@sha256:{'0' * 64}"
        return {"Code": code}


class MemoryInstances:
    """EC2 in memory, as `chartcoder.cloud.instances.Instances` shows it: moto's takes seconds to set up.

    test_instances.py holds both to the same behaviour.
    """

    def __init__(self, clock: Clock, templates: dict[str, str]) -> None:
        """`templates`: instance types by launch template."""
        self._clock, self._templates = clock, templates
        self._tokens: dict[str, str] = {}
        self._instances: dict[str, Instance] = {}
        self.user_data: dict[str, str] = {}
        self.refusing: str | None = None  # what EC2 answers to TerminateInstances

    def launch(self, template: str, *, role: str, run: str, user_data: str, token: str) -> str:
        if token not in self._tokens:
            id_ = f"i-{len(self._instances):017x}"
            self._instances[id_] = Instance(
                id=id_,
                role=role,
                run=run,
                market="spot" if template == "lt-spot" else "on-demand",
                type=self._templates[template],
                state="running",
                launched_at=self._clock(),
            )
            self._tokens[token] = id_
            self.user_data[id_] = user_data
        return self._tokens[token]

    def all(self, *, role: str | None = None, run: str | None = None) -> list[Instance]:
        return [
            instance
            for instance in self._instances.values()
            if role in (None, instance.role) and run in (None, instance.run)
        ]

    def alive(self, *, role: str | None = None, run: str | None = None) -> list[Instance]:
        return [instance for instance in self.all(role=role, run=run) if instance.alive]

    def terminate(self, ids: Iterable[str]) -> dict[str, str]:
        if self.refusing:
            return dict.fromkeys(ids, self.refusing)
        for id_ in ids:
            if id_ in self._instances:
                self._instances[id_] = replace(self._instances[id_], state="terminated")
        return {}


@pytest.fixture(scope="module")
def services() -> Iterator[SimpleNamespace]:
    """Clients of moto's account; making them is the slow part, so a module has them once."""
    with mock_aws():
        yield SimpleNamespace(
            sqs=boto3.client("sqs", REGION), dynamodb=boto3.resource("dynamodb", REGION), s3=boto3.client("s3", REGION)
        )


@pytest.fixture
def aws(services: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Empty tables and empty queues."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    fleet, results = (
        services.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in ("fleet", "results")
    )
    queues = [services.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("charts", "dead")]
    yield SimpleNamespace(
        sqs=services.sqs,
        s3=services.s3,
        fleet_table=fleet,
        results_table=results,
        queue_url=queues[0],
        dead_letter_url=queues[1],
    )
    fleet.delete()
    results.delete()
    for queue in queues:
        services.sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(aws: SimpleNamespace) -> Settings:
    return Settings(
        stack="test",
        charts_bucket="charts",
        results_bucket="results",
        charts_queue_url=aws.queue_url,
        dead_letter_queue_url=aws.dead_letter_url,
        results_table="results",
        fleet_table="fleet",
        master_launch_template="lt-master",
        worker_launch_template="lt-worker",
        worker_spot_launch_template="lt-spot",
        control_function="launcher",
        coder_function="coder",
        worker_log_group="workers",
        master_log_group="masters",
        lease_seconds=300,
    )


@pytest.fixture
def key_state() -> KeyState:
    return KeyState()


@pytest.fixture
def fleet(aws: SimpleNamespace) -> FleetTable:
    return FleetTable(aws.fleet_table)


@pytest.fixture
def instances(clock: Clock) -> MemoryInstances:
    return MemoryInstances(clock, {"lt-master": "t3.small", "lt-worker": "c7i.xlarge", "lt-spot": "c7i.xlarge"})


@pytest.fixture
def ec2_instances(aws: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """`Instances` on moto's EC2, and a launch template for them."""
    ec2 = boto3.client("ec2")
    template = ec2.create_launch_template(
        LaunchTemplateName="worker",
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "c7i.xlarge"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    instances = Instances(ec2, "test")
    yield SimpleNamespace(instances=instances, template=template)
    instances.terminate([instance.id for instance in instances.alive()])
    ec2.delete_launch_template(LaunchTemplateId=template)


@pytest.fixture
def parts(
    aws: SimpleNamespace,
    settings: Settings,
    fleet: FleetTable,
    instances: MemoryInstances,
    key_state: KeyState,
    clock: Clock,
) -> Parts:
    queue = ChartsQueue(aws.sqs, aws.queue_url, aws.dead_letter_url)
    return Parts(
        settings=settings,
        fleet=fleet,
        queue=queue,
        instances=instances,
        results=ResultsStore(aws.results_table, aws.s3, "results", reads_codes=False),
        key=StackKey(key_state, lambda: "the stack's key"),
        functions=Functions(),
        region=REGION,
        clock=clock,
    )


@pytest.fixture
def submit(aws: SimpleNamespace) -> Callable[[int], None]:
    """Puts charts on the queue, as far as the fleet can tell."""

    def put(count: int = 1) -> None:
        for number in range(count):
            aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody=str(number))

    return put


@pytest.fixture
def launch_worker(instances: MemoryInstances) -> Callable[..., str]:
    """Launches a worker as Ansible does, for a run."""

    def launch(run: str, nth: int = 1, *, template: str = "lt-spot") -> str:
        return instances.launch(template, role="worker", run=run, user_data="#!/bin/sh", token=f"{run}-{nth}")

    return launch
