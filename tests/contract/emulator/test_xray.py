"""X-Ray as its API gives it, and a tracing header that goes on with an upload's event and with a message."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

PARENT = "53995c3f42cd8ad8"


@pytest.fixture
def xray(client: Callable[[str], Any]) -> Any:
    return client("xray")


@pytest.fixture
def header() -> str:
    return f"Root={trace_id()};Parent={PARENT};Sampled=1"


def trace_id() -> str:
    return f"1-5759e988-{uuid.uuid4().hex[:24]}"


def sent_with(client: Any, header: str, call: Callable[[], Any]) -> None:
    """Makes a request as an SDK does within a trace."""

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign", add, unique_id="traced")
    try:
        call()
    finally:
        client.meta.events.unregister("before-sign", unique_id="traced")


def received(sqs: Any, queue: str) -> dict[str, Any]:
    (message,) = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"], WaitTimeSeconds=10)["Messages"]
    return dict(message["Attributes"])


def test_segments_that_were_sent_are_given_back_by_trace(xray: Any) -> None:
    trace, other = trace_id(), trace_id()
    documents = [json.dumps({"id": PARENT, "trace_id": one, "name": "worker"}) for one in (trace, other)]
    assert xray.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"] == []

    (found,) = xray.batch_get_traces(TraceIds=[trace])["Traces"]
    assert found["Id"] == trace
    assert [segment["Document"] for segment in found["Segments"]] == documents[:1]


def test_every_trace_is_summed_up_once(xray: Any) -> None:
    trace, now = trace_id(), datetime.now(UTC)
    document = json.dumps({"id": PARENT, "trace_id": trace, "name": "worker"})
    xray.put_trace_segments(TraceSegmentDocuments=[document, document])

    summaries = xray.get_trace_summaries(StartTime=now - timedelta(hours=1), EndTime=now)["TraceSummaries"]
    assert [summary["Id"] for summary in summaries].count(trace) == 1


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"id": 1, "name": "x", "trace_id": "y"}'])
def test_what_is_no_segment_is_not_processed(xray: Any, document: str) -> None:
    assert len(xray.put_trace_segments(TraceSegmentDocuments=[document])["UnprocessedTraceSegments"]) == 1


def test_an_uploads_trace_goes_on_with_its_event(client: Any, header: str) -> None:
    s3, sqs, name = client("s3"), client("sqs"), f"b-{uuid.uuid4().hex[:12]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    s3.create_bucket(Bucket=name)
    on_upload = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=on_upload)
    sqs.purge_queue(QueueUrl=queue)  # S3's test event

    sent_with(s3, header, lambda: s3.put_object(Bucket=name, Key="traced", Body=b"x"))
    assert received(sqs, queue)["AWSTraceHeader"] == header

    s3.put_object(Bucket=name, Key="untraced", Body=b"x")
    assert "AWSTraceHeader" not in received(sqs, queue)


def test_a_messages_trace_is_its_own_or_its_requests(client: Any, header: str) -> None:
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    sent_with(
        sqs,
        header,
        lambda: sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "0", "MessageBody": "x"}]),
    )
    assert received(sqs, queue)["AWSTraceHeader"] == header

    own = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-own"}}
    sent_with(sqs, header, lambda: sqs.send_message(QueueUrl=queue, MessageBody="y", MessageSystemAttributes=own))
    assert received(sqs, queue)["AWSTraceHeader"] == "Root=1-own"


@pytest.mark.parametrize(("mode", "segments"), [("Active", 1), ("PassThrough", 0)])
def test_lambda_writes_a_segment_of_each_invocation_of_a_traced_function(
    client: Any, xray: Any, function: Any, mode: str, segments: int
) -> None:
    name = function("handlers.echo", TracingConfig={"Mode": mode})
    client("lambda").invoke(FunctionName=name, Payload=b"{}")

    now = datetime.now(UTC)
    ids = [one["Id"] for one in xray.get_trace_summaries(StartTime=now, EndTime=now)["TraceSummaries"]]
    documents = [
        json.loads(s["Document"]) for t in xray.batch_get_traces(TraceIds=ids)["Traces"] for s in t["Segments"]
    ]
    found = [document for document in documents if document["name"] == name]
    assert [document["origin"] for document in found] == ["AWS::Lambda::Function"] * segments
