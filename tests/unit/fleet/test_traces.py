"""Traces go on with what was traced before, and never hold anybody up."""

import json
import threading
import uuid

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chartcoder.cloud.traces import (
    MOST_DOCUMENTS,
    MOST_OF_ONE_TRACE,
    MOST_WAITING,
    RETRY_AFTER,
    Trace,
    TraceSender,
    segment,
    trace_of,
)
from chartcoder.logs import make_logger

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"


def trace(number: int = 0) -> Trace:
    return Trace(f"1-5759e988-{number:024x}", PARENT)


def document(number: int = 0) -> dict:
    return segment(trace(number), "worker", [("read", 1.0)], 2.0, chart="c1")


class XRay:
    """X-Ray, as far as it is sent segments: it takes them, refuses them, or does not answer before it is let."""

    def __init__(self) -> None:
        self.requests: list[list[dict]] = []
        self.refusing: Exception | None = None
        self.unprocessed = 0
        self.answering = threading.Event()
        self.answering.set()
        self.asked = threading.Semaphore(0)

    def put_trace_segments(self, *, TraceSegmentDocuments: list[str]) -> dict:  # noqa: N803 - boto3's name
        self.asked.release()
        self.answering.wait(30)
        if self.refusing:
            raise self.refusing
        self.requests.append([json.loads(one) for one in TraceSegmentDocuments])
        return {"UnprocessedTraceSegments": [{"ErrorCode": "x"}] * self.unprocessed}


@pytest.fixture
def xray() -> XRay:
    return XRay()


@pytest.fixture
def now() -> list[float]:
    """The sender's clock."""
    return [0.0]


@pytest.fixture
def sender(xray, now) -> TraceSender:
    return TraceSender(xray, logger=make_logger(f"traces-{uuid.uuid4()}"), monotonic=lambda: now[0])


@pytest.mark.parametrize(
    "header",
    [
        f"Root={ROOT};Parent={PARENT};Sampled=1",
        f"Sampled=1; Parent={PARENT}; Root={ROOT}; Lineage=a:0",
    ],
)
def test_a_sampled_trace_is_gone_on_with(header):
    assert trace_of(header) == Trace(ROOT, PARENT)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Zebulon Quarrelwort",
        f"Root={ROOT};Parent={PARENT}",
        f"Root={ROOT};Parent={PARENT};Sampled=0",
        f"Root={ROOT};Sampled=1",
        f"Root=1-5759e988-Quarrelwort;Parent={PARENT};Sampled=1",
        f"Root={ROOT}\n;Parent={PARENT} x;Sampled=1",
        f"Root={ROOT};Parent=Quarrelwort;Sampled=1",
        ";;=;==",
    ],
)
def test_what_is_not_sampled_or_is_no_header_is_not_traced(header):
    assert trace_of(header) is None


def test_a_segment_has_a_step_for_each_part_and_each_ends_where_the_next_begins():
    made = segment(Trace(ROOT, PARENT), "s-worker", [("read", 1.0), ("code", 2.0), ("store", 4.0)], 5.0, chart="c1")

    assert (made["trace_id"], made["parent_id"], made["name"]) == (ROOT, PARENT, "s-worker")
    assert (made["start_time"], made["end_time"], made["fault"]) == (1.0, 5.0, False)
    assert made["annotations"] == {"chart": "c1"}
    steps = [(step["name"], step["start_time"], step["end_time"]) for step in made["subsegments"]]
    assert steps == [("read", 1.0, 2.0), ("code", 2.0, 4.0), ("store", 4.0, 5.0)]
    ids = [made["id"], *(step["id"] for step in made["subsegments"])]
    assert len(set(ids)) == 4 and all(len(id_) == 16 for id_ in ids)


def test_segments_are_sent_many_in_one_request_and_what_is_left_at_the_end(sender, xray):
    xray.answering.clear()
    for number in range(1 + 2 * MOST_DOCUMENTS):
        sender.send(document(number))
    xray.answering.set()
    sender.close()

    sent = [one["trace_id"] for request in xray.requests for one in request]
    assert sorted(sent) == sorted(trace(number).id for number in range(1 + 2 * MOST_DOCUMENTS))
    assert max(len(request) for request in xray.requests) == MOST_DOCUMENTS
    assert sender.take_dropped() == 0


def test_whoever_sends_does_not_wait_and_what_is_too_much_is_dropped(sender, xray):
    xray.answering.clear()
    sender.send(document())
    assert xray.asked.acquire(timeout=30)  # it has the first, and does not answer
    for number in range(1, MOST_WAITING + 11):
        sender.send(document(number))

    assert sender.take_dropped() == 10
    xray.answering.set()


def test_what_x_ray_does_not_take_is_counted(sender, xray):
    xray.unprocessed = 1
    sender.send(document())
    sender.close()

    assert (sender.take_dropped(), sender.take_dropped()) == (1, 0)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectTimeoutError(endpoint_url="https://xray"), "ConnectTimeoutError"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "Zebulon"}}, "PutTraceSegments"),
            "ClientError: AccessDenied in PutTraceSegments",
        ),
    ],
)
def test_where_x_ray_cannot_be_had_that_is_said_once_and_not_tried_again_for_minutes(
    sender, xray, now, caplog, error, told
):
    xray.refusing = error
    for at in (0, 1, RETRY_AFTER + 1):
        now[0] = at
        sender.send(document())
        assert wait_for(sender.take_dropped) == 1

    sender.close()
    assert [xray.asked.acquire(blocking=False) for _ in range(3)] == [True, True, False]
    assert [(record.getMessage(), record.reason) for record in caplog.records] == [("traces cannot be sent", told)]


def test_of_one_trace_only_some_are_sent(sender, xray):
    for _ in range(MOST_OF_ONE_TRACE + 5):
        sender.send(document(1))
    sender.send(document(2))
    sender.close()

    sent = [one["trace_id"] for request in xray.requests for one in request]
    assert (sent.count(trace(1).id), sent.count(trace(2).id)) == (MOST_OF_ONE_TRACE, 1)


def wait_for(condition):
    pause = threading.Event()
    for _ in range(1500):
        if value := condition():
            return value
        pause.wait(0.02)
    raise AssertionError("the condition did not come true")
