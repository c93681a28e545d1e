"""Calls that go wrong on purpose do so as the services say, and only where they were asked to."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from embedded.emulator_process import EmulatorProcess

ROLE = {"aws_access_key_id": "ASIAROLEROLEROLEROLE", "aws_secret_access_key": "made-up"}


@pytest.fixture
def put(emulator: EmulatorProcess) -> Iterator[Callable[..., Callable[[], int]]]:
    """Puts a fault in place, and gives what tells how many calls it hit."""
    names = []

    def placed(**fault: Any) -> Callable[[], int]:
        name = f"test-{len(names)}"
        names.append(name)
        emulator.control("PUT", f"faults/{name}", fault)
        return lambda: int(emulator.control("GET", "faults")[name])

    yield placed
    for name in names:
        emulator.control("DELETE", f"faults/{name}")


@pytest.fixture
def role(emulator: EmulatorProcess) -> Callable[..., Any]:
    """A client of a role's, which is not the owner."""

    def made(service: str, *, attempts: int = 1, read_timeout: float = 20) -> Any:
        config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=read_timeout)
        return boto3.client(service, config=config, **{**emulator.client_arguments(), **ROLE})

    return made


@pytest.fixture
def table(client: Callable[[str], Any]) -> str:
    name = f"t-{uuid.uuid4().hex}"
    client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return name


def put_item(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "x"}})


def is_stored(client: Callable[[str], Any], table: str) -> bool:
    return "Item" in client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "x"}})


CALLS = {
    "dynamodb": lambda c: c.list_tables(),
    "ec2": lambda c: c.describe_instances(),
    "s3": lambda c: c.list_buckets(),
    "sqs": lambda c: c.list_queues(),
}
CODES = {
    "fail": {
        "dynamodb": "InternalServerError", "ec2": "InternalError", "s3": "InternalError", "sqs": "InternalFailure",
    },
    "throttle": {
        "dynamodb": "ProvisionedThroughputExceededException", "ec2": "RequestLimitExceeded", "s3": "SlowDown",
        "sqs": "RequestThrottled",
    },
}  # fmt: skip


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("mode", CODES)
def test_a_call_fails_and_is_throttled_in_the_words_of_its_service(mode, service, put, role):
    hit = put(service=service, mode=mode)
    with pytest.raises(ClientError) as refused:
        CALLS[service](role(service))
    assert refused.value.response["Error"]["Code"] == CODES[mode][service]
    assert hit() == 1


@pytest.mark.parametrize("mode", ["fail", "throttle"])
@pytest.mark.parametrize("service", CALLS)
def test_a_client_that_tries_again_gets_through(mode, service, put, role):
    hit = put(service=service, mode=mode, calls=2)
    CALLS[service](role(service, attempts=4))
    assert hit() == 2


def test_a_call_that_fails_does_nothing(put, role, client, table):
    put(service="dynamodb", mode="fail")
    with pytest.raises(ClientError):
        put_item(role("dynamodb"), table)
    assert not is_stored(client, table)


def test_a_lost_answer_is_of_a_call_that_was_done(put, role, client, table):
    put(service="dynamodb", mode="lose")
    with pytest.raises(ConnectionClosedError):
        put_item(role("dynamodb"), table)
    assert is_stored(client, table)


def test_silence_lasts_as_long_as_the_caller_waits_and_the_call_was_done(put, role, client, table):
    put(service="dynamodb", mode="silence", seconds=60)
    with pytest.raises(ReadTimeoutError):
        put_item(role("dynamodb", read_timeout=0.3), table)
    assert is_stored(client, table)


def test_silence_ends_with_a_broken_connection(put, role):
    put(service="sqs", mode="silence", seconds=0.2)
    with pytest.raises(ConnectionClosedError):
        CALLS["sqs"](role("sqs"))


def test_a_held_call_is_done_late_or_not_at_all_where_its_caller_is_gone(put, role, client, table, eventually):
    hit = put(service="dynamodb", mode="hold", seconds=0.6, actions=["PutItem"])
    with pytest.raises(ReadTimeoutError):
        put_item(role("dynamodb", read_timeout=0.1), table)
    assert hit() == 1
    until = time.monotonic() + 1.0
    eventually(lambda: time.monotonic() > until)  # longer than it would have been held
    assert not is_stored(client, table)
    put_item(role("dynamodb"), table)
    assert is_stored(client, table)


def test_a_refusal_has_the_code_that_was_asked_for(put, role):
    put(service="ec2", mode="refuse", actions=["RunInstances"], code="VcpuLimitExceeded")
    CALLS["ec2"](role("ec2"))
    with pytest.raises(ClientError, match="VcpuLimitExceeded"):
        role("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)


def test_only_calls_with_the_words_in_their_body_are_hit(put, role):
    hit = put(service="sqs", mode="fail", holding="particular")
    CALLS["sqs"](role("sqs"))
    with pytest.raises(ClientError, match="InternalFailure"):
        role("sqs").list_queues(QueueNamePrefix="particular")
    assert hit() == 1


def test_the_owner_is_spared(put, client):
    hit = put(service="sqs", mode="fail")
    CALLS["sqs"](client("sqs"))
    assert hit() == 0


def test_the_same_seed_hits_the_same_calls(put, role, emulator):
    def pattern(seed: int) -> list[bool]:
        hit, told = put(service="sqs", mode="fail", share=0.5, seed=seed), []
        caller = role("sqs")
        for _ in range(12):
            before = hit()
            with contextlib.suppress(ClientError):
                CALLS["sqs"](caller)
            told.append(hit() > before)
        for name in emulator.control("GET", "faults"):
            emulator.control("DELETE", f"faults/{name}")
        return told

    first = pattern(7)
    assert first == pattern(7)
    assert first != pattern(8)
    assert 0 < sum(first) < 12


def test_an_unknown_mode_is_refused_in_words(emulator):
    with pytest.raises(urllib.error.HTTPError) as refused:
        emulator.control("PUT", "faults/x", {"service": "sqs", "mode": "explode"})
    assert refused.value.code == 400
    assert "one of fail" in json.loads(refused.value.read())["message"]


def test_an_event_of_s3_is_delivered_twice(put, client, eventually):
    sqs, s3, name = client("sqs"), client("s3"), f"b-{uuid.uuid4().hex}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=name)
    notification = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notification)
    hit = put(service="s3-events", mode="duplicate", calls=1, seconds=0.2)
    for key in ("one", "two"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")

    def keys() -> list[str]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        events = [json.loads(message["Body"]) for message in answer]
        return sorted(record["s3"]["object"]["key"] for event in events for record in event.get("Records", []))

    eventually(lambda: keys() == ["one", "one", "two"])
    assert hit() == 1
