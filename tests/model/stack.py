"""A stack in moto, whose clock moves when it is told to, and what an onlooker sees in it without asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import moto.backends
from botocore.config import Config
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import botocore_stubber

from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instances
from chartcoder.cloud.key import StackKey
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.settings import Settings
from tests.model.lanes import Clock, Lanes

REGION = "us-east-1"
AMI = "ami-12c6146b"  # one of those that moto knows
VISIBILITY_SECONDS = 120
MAX_RECEIVES = 3
SHOWN_SECONDS = 200.0  # that EC2 shows an ended instance; an hour there, and less here, for what is forgotten soon
STARTS_AT = 1_800_000_000.0


@dataclass(frozen=True)
class ChartItem:
    """A chart's item as it lies in the table."""

    state: str
    sequencer: str
    reason: str
    message: str


@dataclass(frozen=True)
class RunningInstance:
    id: str
    role: str
    run: str


class ModelStack:
    """The adapters on moto, each call of which goes through `lanes`."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes, self.clock = lanes, lanes.clock
        session = boto3.Session(region_name=REGION, aws_access_key_id="model", aws_secret_access_key="model")
        # no second tries of botocore's: each failure is one that the code itself must live with
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False)
        self.s3, self.sqs, self.ec2 = (session.client(name, config=config) for name in ("s3", "sqs", "ec2"))
        self.dynamodb = session.resource("dynamodb", config=config)
        for client in (self.s3, self.sqs, self.ec2, self.dynamodb.meta.client):
            client.meta.events.unregister("before-send", botocore_stubber)  # moto answers when the lanes say so
            client.meta.events.register("before-send", lanes.before_send)
        self.sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", _without_waiting)
        self._ended_at: dict[str, float] = {}  # of reservations
        self._known: dict[str, RunningInstance] = {}
        self._templates = {role: self._template(role) for role in ("master", "worker", "spot")}

    def _template(self, name: str) -> str:
        kind = "t3.small" if name == "master" else "c7i.xlarge"
        made = self.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"ImageId": AMI, "InstanceType": kind}
        )
        template: str = made["LaunchTemplate"]["LaunchTemplateId"]
        return template

    def reset(self) -> None:
        """An empty stack, as it was deployed; the launch templates stay."""
        for service in ("s3", "sqs", "dynamodb"):
            _backend(service).reset()
        _backend("ec2").reservations.clear()
        self.s3.create_bucket(Bucket="charts")
        self.s3.create_bucket(Bucket="results")
        self.s3.put_bucket_versioning(Bucket="charts", VersioningConfiguration={"Status": "Enabled"})
        dead = self.sqs.create_queue(QueueName="dead", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
        waiting = self.sqs.create_queue(
            QueueName="charts", Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": policy}
        )["QueueUrl"]
        for name, index in (("fleet", ()), ("results", ("failed_pk", "failed_sk"))):
            self._make_table(name, index)
        self.key_state = "Enabled"
        self.settings = Settings(
            stack="model",
            charts_bucket="charts",
            results_bucket="results",
            charts_queue_url=waiting,
            dead_letter_queue_url=dead,
            results_table="results",
            fleet_table="fleet",
            master_launch_template=self._templates["master"],
            worker_launch_template=self._templates["worker"],
            worker_spot_launch_template=self._templates["spot"],
            control_function="launcher",
            coder_function="coder",
            worker_log_group="workers",
            master_log_group="masters",
            max_workers=2,
            min_workers=2,
            max_receives=MAX_RECEIVES,
            watch_seconds=30,
        )
        self.fleet = FleetTable(self.dynamodb.Table("fleet"))
        self.queue = ChartsQueue(self.sqs, waiting, dead)
        self.instances = Instances(self.ec2, "model")
        self.charts = ChartStore(self.s3, "charts", max_bytes=1000)
        self.key = StackKey(lambda _: self.key_state, lambda: "the stack's key")

    def results(self) -> ResultsStore:
        """A store of its own for each process: it remembers the batches that it has seen."""
        return ResultsStore(self.dynamodb.Table("results"), self.s3, "results")

    def _make_table(self, name: str, index: tuple[str, ...]) -> None:
        keys = [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", *index)]
        schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        more: dict[str, Any] = {}
        if index:
            of_index = [
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(index, ("HASH", "RANGE"), strict=True)
            ]
            projection = {"ProjectionType": "ALL"}
            more["GlobalSecondaryIndexes"] = [
                {"IndexName": "FailuresIndex", "KeySchema": of_index, "Projection": projection}
            ]
        self.dynamodb.create_table(
            TableName=name, KeySchema=schema, AttributeDefinitions=keys, BillingMode="PAY_PER_REQUEST", **more
        )

    # what an onlooker sees, by moto's own memory: no call, no fault, no time

    def messages(self) -> list[Any]:
        """What lies in the queue and among the dead letters, visible or not."""
        queues = _backend("sqs").queues
        return [*queues["charts"]._messages, *queues["dead"]._messages]

    def waiting(self) -> list[Any]:
        messages: list[Any] = _backend("sqs").queues["charts"]._messages
        return messages

    def lease(self) -> dict[str, Any]:
        return self._item("fleet", "LEASE", "LEASE") or {}

    def run(self, run: str) -> dict[str, Any] | None:
        return self._item("fleet", "RUN", run)

    def runs(self) -> dict[str, dict[str, Any]]:
        return self._partition("fleet", "RUN")

    def chart_items(self, batch: str) -> dict[str, ChartItem]:
        return {
            sort.removeprefix("CHART#"): ChartItem(
                item["state"],
                item["sequencer"],
                item.get("reason", ""),
                item.get("message", ""),
            )
            for sort, item in self._partition("results", f"BATCH#{batch}").items()
            if sort.startswith("CHART#")
        }

    def tally(self, batch: str) -> dict[str, int]:
        tallies = [
            item for sort, item in self._partition("results", f"BATCH#{batch}").items() if sort.startswith("TALLY#")
        ]
        return {state: sum(int(tally.get(state, 0)) for tally in tallies) for state in ("coded", "failed")}

    def alive(self) -> dict[str, RunningInstance]:
        """Instances that cost money and are not on their way out."""
        found = {}
        for instance in _backend("ec2").all_instances():
            if instance.state not in ("shutting-down", "terminated"):
                if instance.id not in self._known:
                    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
                    about = RunningInstance(instance.id, tags["chartcoder:role"], tags["chartcoder:run"])
                    self._known[instance.id] = about
                found[instance.id] = self._known[instance.id]
        return found

    def forget_ended(self) -> None:
        """EC2 shows an instance for a while after its end; moto would for ever, and ever more slowly."""
        reservations = _backend("ec2").reservations
        for id_, reservation in list(reservations.items()):
            if all(instance.state == "terminated" for instance in reservation.instances):
                since = self._ended_at.setdefault(id_, self.clock.now)
                if self.clock.now - since > SHOWN_SECONDS:
                    del reservations[id_]

    def shut_down(self, instance: str) -> None:
        """What an instance's own `shutdown` does."""
        self.ec2.terminate_instances(InstanceIds=[instance])

    def _partition(self, table: str, key: str) -> dict[str, dict[str, Any]]:
        items = _backend("dynamodb").tables[table].items.get(_key(key), {})
        return {sort.value: _plain(item) for sort, item in items.items()}

    def _item(self, table: str, key: str, sort: str) -> dict[str, Any] | None:
        item = _backend("dynamodb").tables[table].items.get(_key(key), {}).get(_key(sort))
        return None if item is None else _plain(item)


@contextmanager
def emulated() -> Iterator[ModelStack]:
    """moto, with the services' clock in the driver's hand. (moto's own parts are what is patched here, and none of the
    project's: where it reads the time of day.)"""
    clock = Clock(STARTS_AT)

    def now() -> datetime:
        return datetime.fromtimestamp(clock.now, UTC).replace(tzinfo=None)

    with (
        mock_aws(),
        patch("moto.sqs.models.unix_time", lambda: clock.now),
        patch("moto.sqs.models.unix_time_millis", lambda: clock.now * 1000),
        patch("moto.ec2.models.instances.utcnow", now),
    ):
        yield ModelStack(Lanes(clock, botocore_stubber))


def _backend(service: str) -> Any:
    backends = moto.backends.get_backend(service)[DEFAULT_ACCOUNT_ID]
    return backends["aws" if service == "s3" else REGION]


def _without_waiting(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A long poll that comes back at once: a lane waits by the clock of its world."""
    return params | {"WaitTimeSeconds": 0}


def _key(value: str) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return DynamoType({"S": value})


def _plain(item: Any) -> dict[str, Any]:
    return {name: _value(attribute) for name, attribute in item.attrs.items()}


def _value(attribute: Any) -> Any:
    return float(attribute.value) if attribute.type == "N" else attribute.value
