"""A stack's fleet in moto: launch templates, functions with images, and a clock that the test moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instances
from chartcoder.cloud.queue import ChartsQueue
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


class Functions:
    """Lambda, as far as the launcher asks it: which image a function was deployed with."""

    def get_function(self, *, FunctionName: str) -> dict:  # noqa: N803 -- boto3's name
        code = {"ImageUri": f"{REGISTRY}/{FunctionName}:latest"}
        if FunctionName == "coder":
            code["ResolvedImageUri"] = f"{REGISTRY}/coder@sha256:{'0' * 64}"
        return {"Code": code}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(aws: SimpleNamespace) -> Settings:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def template(name: str, instance_type: str, **more: object) -> str:
        data = {"ImageId": image, "InstanceType": instance_type, "InstanceInitiatedShutdownBehavior": "terminate"}
        made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data | more)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    return Settings(
        stack="test",
        charts_bucket="charts",
        results_bucket="results",
        charts_queue_url=aws.queue_url,
        dead_letter_queue_url=aws.dead_letter_url,
        results_table="results",
        fleet_table="fleet",
        master_launch_template=template("master", "t3.small"),
        worker_launch_template=template("worker", "c7i.xlarge"),
        worker_spot_launch_template=template("spot", "c7i.xlarge", InstanceMarketOptions={"MarketType": "spot"}),
        control_function="launcher",
        coder_function="coder",
        worker_log_group="workers",
        master_log_group="masters",
    )


@pytest.fixture
def fleet(aws: SimpleNamespace) -> FleetTable:
    return FleetTable(aws.fleet_table)


@pytest.fixture
def instances(aws: SimpleNamespace) -> Instances:
    return Instances(boto3.client("ec2"), "test")


@pytest.fixture
def parts(
    aws: SimpleNamespace, settings: Settings, fleet: FleetTable, instances: Instances, clock: Clock
) -> Iterator[Parts]:
    yield Parts(
        settings=settings,
        fleet=fleet,
        queue=ChartsQueue(aws.sqs, aws.queue_url, aws.dead_letter_url),
        instances=instances,
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
def launch_worker(settings: Settings, instances: Instances) -> Callable[..., str]:
    """Launches a worker as Ansible does, for a run."""

    def launch(run: str, token: str = "worker", *, spot: bool = True) -> str:
        template = settings.worker_spot_launch_template if spot else settings.worker_launch_template
        return instances.launch(template, role="worker", run=run, user_data="#!/bin/sh", token=f"{run}-{token}")

    return launch
