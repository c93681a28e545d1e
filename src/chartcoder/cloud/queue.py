"""ChartsQueue and its DeadLetterQueue.

SQS hands a message out at least once and out of order, and takes ten in one request; every call here uses that ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from chartcoder.errors import QueueRefused

T = TypeVar("T")

TEN = 10  # the most messages one SQS request may carry


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receipt of one message; a message received again comes with another receipt."""

    message_id: str
    receipt: str = field(repr=False)
    body: str = field(repr=False)
    receives: int
    sent_at: float = 0.0  # epoch seconds
    trace: str = ""  # the tracing header that it was sent with, as it came: it may be anything


@dataclass(frozen=True, slots=True)
class Depth:
    """SQS's own counts, which are approximate: ask several times before calling a queue drained."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.waiting + self.in_flight + self.delayed


class ChartsQueue:
    """What is to be coded, one S3 event a message."""

    def __init__(self, sqs: Any, url: str, dead_letter_url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._dead_letter_url = dead_letter_url

    def receive(self, limit: int = TEN, *, wait_seconds: int = 20) -> list[Delivery]:
        """Up to ten messages; an empty list where none came within `wait_seconds` (0 to 20)."""
        return self._receive(self._url, min(limit, TEN), wait_seconds)

    def send(self, bodies: Iterable[str]) -> None:
        """Puts messages on the queue, ten a request. Raises QueueRefused where SQS refuses one."""
        for ten in _tens(bodies):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(ten)]
            _check(self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries), "send")

    def extend(self, deliveries: Iterable[Delivery], seconds: int) -> None:
        """Keeps messages invisible for `seconds` from now. A receipt that lapsed meanwhile is no error: the message
        is on its way to another worker, and the results store takes whichever result comes first."""
        for ten in _tens(deliveries):
            entries = [
                {"Id": str(number), "ReceiptHandle": delivery.receipt, "VisibilityTimeout": seconds}
                for number, delivery in enumerate(ten)
            ]
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            _check(answer, "extend", ours_only=True)

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Gives messages back at once, for another worker."""
        self.extend(deliveries, 0)

    def delete(self, deliveries: Iterable[Delivery]) -> None:
        """Deletes messages whose results are stored."""
        self._delete(self._url, deliveries)

    def depth(self) -> Depth:
        names = ("", "NotVisible", "Delayed")
        attributes = self._attributes(self._url, [f"ApproximateNumberOfMessages{name}" for name in names])
        return Depth(*(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names))

    def key(self) -> str | None:
        """The KMS key that the queue is encrypted with, which is the stack's; None where it has none of its own."""
        return self._attributes(self._url, ["KmsMasterKeyId"]).get("KmsMasterKeyId")

    def visibility_seconds(self) -> int:
        """How long a received message stays invisible unless it is extended."""
        return int(self._attributes(self._url, ["VisibilityTimeout"])["VisibilityTimeout"])

    def dead_letters(self) -> int:
        """How many messages were received too often without being deleted."""
        name = "ApproximateNumberOfMessages"
        return int(self._attributes(self._dead_letter_url, [name])[name])

    def receive_dead_letters(self) -> list[Delivery]:
        """Up to ten dead letters; they come again after the queue's visibility timeout."""
        return self._receive(self._dead_letter_url, TEN, wait_seconds=0)

    def delete_dead_letters(self, letters: Iterable[Delivery]) -> None:
        """Deletes dead letters whose charts are on the list of failures."""
        self._delete(self._dead_letter_url, letters)

    def redrive(self) -> int:
        """Moves every dead letter back to the queue, ten at a time, and says how many.

        A message is sent before it is deleted: a crash between the two leaves a duplicate, never a loss.
        """
        moved = 0
        while letters := self._receive(self._dead_letter_url, TEN, wait_seconds=1):
            self.send(letter.body for letter in letters)
            self._delete(self._dead_letter_url, letters)
            moved += len(letters)
        return moved

    def _receive(self, url: str, limit: int, wait_seconds: int) -> list[Delivery]:
        answer = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["ApproximateReceiveCount", "AWSTraceHeader", "SentTimestamp"],
        )
        return [
            Delivery(
                message_id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
                sent_at=int(message["Attributes"]["SentTimestamp"]) / 1000,
                trace=message["Attributes"].get("AWSTraceHeader", ""),
            )
            for message in answer.get("Messages", [])
        ]

    def _delete(self, url: str, deliveries: Iterable[Delivery]) -> None:
        for ten in _tens(deliveries):
            entries = [{"Id": str(number), "ReceiptHandle": delivery.receipt} for number, delivery in enumerate(ten)]
            _check(self._sqs.delete_message_batch(QueueUrl=url, Entries=entries), "delete", ours_only=True)

    def _attributes(self, url: str, names: list[str]) -> dict[str, str]:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        attributes: dict[str, str] = answer.get("Attributes", {})  # absent where there is none of these
        return attributes


def _tens(items: Iterable[T]) -> Iterable[Sequence[T]]:
    iterator = iter(items)
    while ten := list(islice(iterator, TEN)):
        yield ten


def _check(answer: dict[str, Any], what: str, *, ours_only: bool = False) -> None:
    """Raises QueueRefused for entries SQS did not take. `ours_only`: a lapsed receipt, which SQS calls the sender's
    fault, is let pass; a key out of use, which it calls so too, is not."""
    refused = [
        entry["Code"]
        for entry in answer.get("Failed", [])
        if not (ours_only and entry.get("SenderFault") and not entry["Code"].upper().startswith("KMS"))
    ]
    if refused:
        raise QueueRefused(what, refused)
