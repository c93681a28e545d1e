"""SQS as its Developer Guide says, whatever the depth of the queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def sqs(client: Callable[[str], Any]) -> Any:
    return client("sqs")


@pytest.fixture
def queue(sqs: Any) -> str:
    return make(sqs)


def make(sqs: Any, **attributes: str) -> str:
    url: str = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
    return url


def fill(sqs: Any, url: str, bodies: list[str]) -> None:
    for first in range(0, len(bodies), 10):
        ten = bodies[first : first + 10]
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(ten)]
        )


def receive(sqs: Any, url: str, *, invisible: int = 30) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=invisible, AttributeNames=["ApproximateReceiveCount"]
    ).get("Messages", [])
    return found


def depth(sqs: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def test_every_message_is_handed_out_once_while_it_is_invisible(sqs, queue):
    fill(sqs, queue, [str(n) for n in range(35)])
    seen = [m["Body"] for _ in range(5) for m in receive(sqs, queue)]
    assert sorted(seen, key=int) == [str(n) for n in range(35)]
    assert depth(sqs, queue) == (0, 35)


def test_what_is_not_deleted_comes_again_with_a_new_receipt_and_a_higher_count(sqs, queue):
    fill(sqs, queue, ["one"])
    (first,) = receive(sqs, queue, invisible=0)
    (second,) = receive(sqs, queue)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in (first, second)] == ["1", "2"]


def test_a_message_is_received_once_in_a_request_though_it_stays_visible(sqs, queue):
    fill(sqs, queue, ["one", "two"])
    assert sorted(m["Body"] for m in receive(sqs, queue, invisible=0)) == ["one", "two"]


def test_a_batch_deletes_by_receipt_and_names_the_receipts_that_are_none(sqs, queue):
    fill(sqs, queue, ["one", "two"])
    one, two = receive(sqs, queue)
    entries = [{"Id": "a", "ReceiptHandle": one["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "none"}]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert [done["Id"] for done in answer["Successful"]] == ["a"]
    (refused,) = answer["Failed"]
    assert (refused["Id"], refused["Code"], refused["SenderFault"]) == ("b", "ReceiptHandleIsInvalid", True)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=two["ReceiptHandle"])
    assert depth(sqs, queue) == (0, 0)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=two["ReceiptHandle"])


def test_a_message_given_back_is_visible_at_once_and_one_extended_stays_away(sqs, queue, eventually):
    fill(sqs, queue, ["back", "kept"])
    held = {m["Body"]: m["ReceiptHandle"] for m in receive(sqs, queue, invisible=1)}
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=held["back"], VisibilityTimeout=0)
    entry = {"Id": "a", "ReceiptHandle": held["kept"], "VisibilityTimeout": 600}
    sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[entry])
    assert [m["Body"] for m in receive(sqs, queue, invisible=2)] == ["back"]
    assert [m["Body"] for m in eventually(lambda: receive(sqs, queue))] == ["back"]  # it lapsed; the other has not
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle="none", VisibilityTimeout=1)


def test_what_was_received_too_often_is_a_dead_letter(sqs):
    dead = make(sqs)
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = make(sqs, RedrivePolicy=policy)
    fill(sqs, url, ["poison"])
    for _ in range(2):
        assert [m["Body"] for m in receive(sqs, url, invisible=0)] == ["poison"]
    fill(sqs, url, ["good"])
    assert [m["Body"] for m in receive(sqs, url)] == ["good"]
    (letter,) = receive(sqs, dead)
    assert (letter["Body"], letter["Attributes"]["ApproximateReceiveCount"]) == ("poison", "3")
    assert depth(sqs, url) == (0, 1)


def test_a_purged_queue_is_empty_and_takes_messages_again(sqs, queue):
    fill(sqs, queue, ["one"])
    sqs.purge_queue(QueueUrl=queue)
    assert receive(sqs, queue) == []
    fill(sqs, queue, ["two"])
    assert [m["Body"] for m in receive(sqs, queue)] == ["two"]


def test_a_fifo_queue_keeps_the_order_of_its_groups(sqs):
    name = f"q-{uuid.uuid4().hex}.fifo"
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    first, second = receive(sqs, url)
    assert [first["Body"], second["Body"]] == ["one", "two"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert depth(sqs, url) == (0, 1)


def test_a_queue_publishes_how_many_messages_were_handed_out(sqs, queue, client, eventually):
    fill(sqs, queue, ["one", "two"])
    receive(sqs, queue, invisible=0)
    receive(sqs, queue)

    def received() -> float:
        now = datetime.now(UTC)
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="NumberOfMessagesReceived",
            Dimensions=[{"Name": "QueueName", "Value": queue.rpartition("/")[2]}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert eventually(lambda: received() >= 4)
    assert received() == 4


class Counted(dict[str, Any]):
    """A message that counts how often it is looked at."""

    looks = 0

    def __getitem__(self, name: str) -> Any:
        Counted.looks += 1
        return super().__getitem__(name)


@pytest.mark.parametrize("held", [100, 20_000])
def test_receiving_and_deleting_ten_looks_at_as_few_messages_whatever_the_depth(held):
    from embedded.patches.sqs import Messages

    messages = Messages(Counted(id=str(n), body="x", sent_at=0.0, visible_at=float(n)) for n in range(held))
    Counted.looks = 0
    taken = [message for _ in range(10) if (message := messages.due(1e6)) is not None]
    for message in taken:
        messages.hand_out(message, now=1e6, seconds=30)
        found = messages.by_receipt(dict.__getitem__(message, "receipt_handle"))
        assert found is message
        messages.remove(message)
    assert len(messages) == held - 10
    assert Counted.looks < 200
