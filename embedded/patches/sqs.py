"""SQS: queues publish their metrics. ministack's publish none, so no alarm on a backlog would ever fire."""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch, sqs

from embedded.patches.base import require

NAMESPACE = "AWS/SQS"
POISONED_AFTER = 3  # ApproximateAgeOfOldestMessage skips "messages received three or more times" (SQS Developer Guide)


def install() -> None:
    require(sqs, "_queues")


def metrics_of(queue: dict[str, Any], *, now: float) -> dict[str, float]:
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
        for name, value in metrics_of(queue, now=now).items():
            unit = "Seconds" if name == "ApproximateAgeOfOldestMessage" else "Count"
            cloudwatch.record_metric(NAMESPACE, name, value, unit, dimensions)
