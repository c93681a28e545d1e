"""SQS: queues publish their metrics, and a long queue is as quick as a short one.

ministack publishes no metrics, so no alarm on a backlog would ever fire. It keeps a queue in a list and walks all of it
several times for each request: with 20,000 messages, that is 15 ms of processor time for every ten, and 1 ms here.
"""

from __future__ import annotations

import copy
import heapq
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.services import cloudwatch, sqs

from embedded.patches.base import EmulatorChanged, replace, require

NAMESPACE = "AWS/SQS"
POISONED_AFTER = 3  # ApproximateAgeOfOldestMessage skips "messages received three or more times" (SQS Developer Guide)
EXPIRY_SECONDS = 1.0  # between two looks for what a queue has kept for its retention period

Message = dict[str, Any]
Queue = dict[str, Any]


class Messages:
    """A standard queue's messages: found by id and by receipt, handed out by when they are visible.

    It stands where ministack has a list, so it does what others do with that: append, iterate, count, remove, clear. As
    in SQS, a message that is received again has a new receipt.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._by_id: dict[str, Message] = {}
        self._by_receipt: dict[str, Message] = {}
        self._due: list[
            tuple[float, int, str]
        ] = []  # a heap of (visible at, order, id); one that no longer holds is stale
        self._order = 0
        self._handed_out = 0
        self.expired_at = 0.0
        for message in messages:
            self.append(message)

    def append(self, message: Message) -> None:
        sqs._ensure_msg_fields(message)
        self._by_id[message["id"]] = message
        if message["receipt_handle"]:
            self._by_receipt[message["receipt_handle"]] = message
        self._await(message)

    def __iter__(self) -> Iterator[Message]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __getitem__(self, index: int) -> Message:
        return list(self._by_id.values())[index]

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Message]:
        return copy.deepcopy(list(self), memo)  # the state that is kept over a restart is ministack's own

    def clear(self) -> None:
        self._by_id.clear()
        self._by_receipt.clear()
        self._due.clear()

    def remove(self, message: Message) -> None:
        del self._by_id[message["id"]]
        self._by_receipt.pop(message["receipt_handle"], None)

    def by_receipt(self, receipt: str) -> Message | None:
        return self._by_receipt.get(receipt)

    def due(self, now: float) -> Message | None:
        """Takes the message that has been visible for longest out of the order, or None where none is."""
        while self._due and self._due[0][0] <= now:
            visible_at, _, id_ = heapq.heappop(self._due)
            message = self._by_id.get(id_)
            if message is not None and message["visible_at"] == visible_at:
                return message
        return None

    def hide(self, message: Message, until: float) -> None:
        message["visible_at"] = until
        self._await(message)

    def hand_out(self, message: Message, *, now: float, seconds: float) -> None:
        """A receipt of its own for this receipt of the message, which is invisible for so long."""
        self._by_receipt.pop(message["receipt_handle"], None)
        message["receipt_handle"] = sqs.new_uuid()
        self._by_receipt[message["receipt_handle"]] = message
        message["receive_count"] += 1
        self._handed_out += 1
        if message["first_receive_at"] is None:
            message["first_receive_at"] = now
        self.hide(message, now + seconds)

    def take_handed_out(self) -> int:
        """How many messages were handed out since this was asked last."""
        taken, self._handed_out = self._handed_out, 0
        return taken

    def _await(self, message: Message) -> None:
        self._order += 1
        heapq.heappush(self._due, (message["visible_at"], self._order, message["id"]))


def install() -> None:
    require(
        sqs, "_queues", "_ensure_msg_fields", "_queue_by_arn", "_get_q", "_validate_batch_entries", "_Err", "new_uuid"
    )
    _install_receiving()
    _install_by_receipt()


def messages_of(queue: Queue) -> Messages:
    """A standard queue's messages; a list that ministack made, or kept over a restart, is taken over."""
    if not isinstance(queue["messages"], Messages):
        queue["messages"] = Messages(queue["messages"])
    found: Messages = queue["messages"]
    return found


def _install_receiving() -> None:
    @replace(sqs, "_collect_msgs", "q", "max_n", "vis_timeout")
    def collect(original: Callable[..., Any], q: Queue, max_n: int, vis_timeout: int) -> Any:
        if q["is_fifo"]:
            return original(q, max_n, vis_timeout)
        now, messages, (most, dead) = time.time(), messages_of(q), _redrive(q)
        taken: list[Message] = []
        while len(taken) < max_n and (message := messages.due(now)) is not None:
            if dead is not None and message["receive_count"] >= most:
                _bury(message, q, dead, now=now)
            else:
                taken.append(message)
        for message in taken:  # only now: a message that is not hidden at all is received once in a request
            messages.hand_out(message, now=now, seconds=vis_timeout)
        return taken

    @replace(sqs, "_dlq_sweep", "q")
    def sweep(original: Callable[..., None], q: Queue) -> None:
        if q["is_fifo"]:
            original(q)  # of a standard queue, whoever receives meets what was received too often: see `collect`

    @replace(sqs, "_expire_retained", "q")
    def expire(original: Callable[..., None], q: Queue) -> None:
        if q["is_fifo"]:
            return original(q)
        messages, now = messages_of(q), time.time()
        if now - messages.expired_at >= EXPIRY_SECONDS:
            messages.expired_at = now
            kept_since = now - int(q["attributes"].get("MessageRetentionPeriod", "345600"))
            for message in messages:
                if message["sent_at"] <= kept_since:
                    messages.remove(message)
        return None


def _redrive(queue: Queue) -> tuple[int, Queue | None]:
    """(maxReceiveCount, the dead-letter queue) of a queue; (0, None) where it has none."""
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    most, dead = int(policy.get("maxReceiveCount", 0)), sqs._queue_by_arn(policy.get("deadLetterTargetArn", ""))
    return (most, dead) if most and dead is not None else (0, None)


def _bury(message: Message, queue: Queue, dead: Queue, *, now: float) -> None:
    """Moves a message to the dead letters; it keeps when it was sent, from which its expiry counts."""
    messages_of(queue).remove(message)
    source = {"DeadLetterQueueSourceArn": queue["attributes"].get("QueueArn", "")}
    moved = {**message, "receipt_handle": None, "visible_at": now, "sys": {**source, **message["sys"]}}
    (dead["messages"] if dead["is_fifo"] else messages_of(dead)).append(moved)
    esm_wake.set()


def _install_by_receipt() -> None:
    def delete(q: Queue, receipt: str) -> bool:
        messages = messages_of(q)
        message = messages.by_receipt(receipt)
        if message is not None:
            messages.remove(message)
        return message is not None

    def change(q: Queue, receipt: str, seconds: int) -> bool:
        messages = messages_of(q)
        message = messages.by_receipt(receipt)
        if message is not None:
            messages.hide(message, time.time() + seconds)
            if seconds == 0:
                esm_wake.set()
        return message is not None

    @_replace_handler("DeleteMessage", "_act_delete_message")
    def delete_message(original: Callable[..., Any], data: dict[str, Any], qurl: str) -> Any:
        q = sqs._get_q(data.get("QueueUrl", qurl), "sqs:DeleteMessage")
        if q["is_fifo"] or not data.get("ReceiptHandle"):
            return original(data, qurl)
        if not delete(q, data["ReceiptHandle"]):
            raise sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        return {}

    @_replace_handler("DeleteMessageBatch", "_act_delete_message_batch")
    def delete_batch(original: Callable[..., Any], data: dict[str, Any], qurl: str) -> Any:
        q = sqs._get_q(data.get("QueueUrl", qurl), "sqs:DeleteMessage")
        if q["is_fifo"]:
            return original(data, qurl)
        entries = data.get("Entries", [])
        sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
        return _told(entries, lambda entry: delete(q, entry.get("ReceiptHandle", "")))

    @_replace_handler("ChangeMessageVisibility", "_act_change_visibility")
    def change_visibility(original: Callable[..., Any], data: dict[str, Any], qurl: str) -> Any:
        q = sqs._get_q(data.get("QueueUrl", qurl), "sqs:ChangeMessageVisibility")
        if q["is_fifo"]:
            return original(data, qurl)
        if not change(q, data.get("ReceiptHandle", ""), int(data.get("VisibilityTimeout", 30))):
            raise sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        return {}

    @_replace_handler("ChangeMessageVisibilityBatch", "_act_change_visibility_batch")
    def change_batch(original: Callable[..., Any], data: dict[str, Any], qurl: str) -> Any:
        q = sqs._get_q(data.get("QueueUrl", qurl), "sqs:ChangeMessageVisibility")
        if q["is_fifo"]:
            return original(data, qurl)
        entries = data.get("Entries", [])
        sqs._validate_batch_entries(entries, "ChangeMessageVisibilityBatchRequestEntry")

        def apply(entry: dict[str, Any]) -> bool:
            return change(q, entry.get("ReceiptHandle", ""), int(entry.get("VisibilityTimeout", 30)))

        return _told(entries, apply)


def _told(entries: list[dict[str, Any]], apply: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """A batch's answer: which entries it did, and which had a receipt that is none."""
    done: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    invalid = {"Code": "ReceiptHandleIsInvalid", "Message": "The input receipt handle is invalid.", "SenderFault": True}
    for entry in entries:
        id_ = {"Id": entry.get("Id", "")}
        if apply(entry):
            done.append(id_)
        else:
            refused.append({**id_, **invalid})
    return {"Successful": done, "Failed": refused}


def _replace_handler(action: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `replace`, for a handler that the module also keeps in its table of actions."""
    if sqs._HANDLERS.get(action) is not getattr(sqs, name, None) or action not in sqs._HANDLERS:
        raise EmulatorChanged(f"{sqs.__name__} does not serve {action} by {name}: see embedded/patches/base.py")

    def put(patch: Callable[..., Any]) -> Callable[..., Any]:
        patched = replace(sqs, name, "data", "qurl")(patch)
        sqs._HANDLERS[action] = patched
        return patched

    return put


def metrics_of(queue: Queue, *, now: float) -> dict[str, float]:
    """What SQS publishes about a queue's backlog; the age in seconds, the rest in messages."""
    waiting = in_flight = delayed = 0
    oldest = now
    for message in queue["messages"]:
        if message["visible_at"] <= now:
            waiting += 1
        elif message["receive_count"] == 0:
            delayed += 1
        else:
            in_flight += 1
        if message["receive_count"] < POISONED_AFTER:
            oldest = min(oldest, message["sent_at"])
    return {
        "ApproximateNumberOfMessagesVisible": waiting,
        "ApproximateNumberOfMessagesNotVisible": in_flight,
        "ApproximateNumberOfMessagesDelayed": delayed,
        "ApproximateAgeOfOldestMessage": now - oldest,
    }


def publish(*, now: float) -> None:
    """Record every queue's metrics of this moment."""
    for queue in list(sqs._queues.values()):
        dimensions = {"QueueName": queue["name"]}
        metrics = metrics_of(queue, now=now)
        if not queue["is_fifo"]:
            metrics["NumberOfMessagesReceived"] = messages_of(queue).take_handed_out()
        for name, value in metrics.items():
            unit = "Seconds" if name == "ApproximateAgeOfOldestMessage" else "Count"
            cloudwatch.record_metric(NAMESPACE, name, value, unit, dimensions)
