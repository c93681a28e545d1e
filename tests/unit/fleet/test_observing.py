"""What a worker shows of its work, in metrics and traces."""

import json
from datetime import UTC, datetime

import pytest

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.queue import Delivery
from chartcoder.cloud.results import Outcome, Stored
from chartcoder.cloud.traces import Trace
from chartcoder.errors import CodingFailed, UnreadableChart
from chartcoder.metrics import METRICS
from chartcoder.observing import TELL_SECONDS, WorkerObserver, run_segment

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Traces:
    """Keeps what it is given to send."""

    def __init__(self):
        self.sent, self.dropped, self.closed = [], 0, False

    def send(self, document):
        self.sent.append(document)

    def take_dropped(self):
        dropped, self.dropped = self.dropped, 0
        return dropped

    def close(self):
        self.closed = True


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def traces():
    return Traces()


@pytest.fixture
def observer(traces, clock):
    return WorkerObserver(stack="s", run="s-000001", worker="i-1", traces=traces, clock=clock, monotonic=clock)


def delivery(message_id="m1", trace=HEADER):
    return Delivery(message_id, "receipt", "body", receives=1, sent_at=990.0, trace=trace)


def reference(chart="c1"):
    return ChartReference(f"charts/b1/{chart}.txt", "v1", None, "1")


def coded(chart="c1"):
    return Outcome(reference(chart), "coded", ("I10",), b"result")


def told(output):
    """(service and reason, metrics) of each line of metrics."""
    found = []
    for line in output.splitlines():
        document = json.loads(line)
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "chartcoder"
        (names,) = directive["Dimensions"]
        dimensions = {name: document[name] for name in names}
        found.append((dimensions, {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}))
    return found


def test_a_traced_chart_is_one_segment_of_its_trace(observer, traces, clock):
    observer.took(delivery())
    clock.now += 1
    observer.read("m1")
    clock.now += 2
    observer.coded("m1")
    clock.now += 0.5
    observer.ended([("m1", coded())])

    (sent,) = traces.sent
    assert (sent["trace_id"], sent["parent_id"]) == ("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8")
    assert (sent["name"], sent["start_time"], sent["end_time"]) == ("s-worker", 1_000.0, 1_003.5)
    assert sent["annotations"] == {
        "batch": "b1", "chart": "c1", "run": "s-000001", "worker": "i-1", "state": "coded", "waited_seconds": 10.0,
    }  # fmt: skip
    steps = [(step["name"], step["start_time"], step["end_time"]) for step in sent["subsegments"]]
    assert steps == [("read", 1_000.0, 1_001.0), ("code", 1_001.0, 1_003.0), ("store", 1_003.0, 1_003.5)]


def test_a_chart_that_failed_says_why_and_only_a_fault_of_ours_is_one(observer, traces):
    for message_id, error in (("m1", UnreadableChart("no text")), ("m2", CodingFailed("crashed"))):
        observer.took(delivery(message_id))
        observer.ended([(message_id, Outcome.failed(reference(), error))])

    about = [(sent["annotations"]["reason"], sent["fault"]) for sent in traces.sent]
    assert about == [("unreadable", False), ("coding_failed", True)]
    assert [step["name"] for step in traces.sent[0]["subsegments"]] == ["read"]
    assert "no text" not in json.dumps(traces.sent)


def test_what_was_not_traced_is_not_traced(observer, traces):
    observer.took(delivery(trace=""))
    observer.read("m1")
    observer.coded("m1")
    observer.ended([("m1", coded())])

    assert traces.sent == []


def test_counts_are_told_once_a_minute_while_there_is_work(observer, clock, capsys):
    observer.ended([("m1", coded()), ("m2", coded("c2"))])
    observer.tell(at_once=False)
    assert told(capsys.readouterr().out) == []

    clock.now += TELL_SECONDS
    observer.tell(at_once=False)
    assert told(capsys.readouterr().out) == [({"service": "s-worker"}, {"ChartsCoded": [2]})]
    clock.now += TELL_SECONDS
    observer.tell(at_once=False)
    assert told(capsys.readouterr().out) == []


def test_failures_are_told_by_their_reason(observer, capsys):
    observer.stored(Stored(failed=3, reasons=("unreadable", "gone", "unreadable")))
    observer.tell(at_once=True)

    assert told(capsys.readouterr().out) == [
        ({"service": "s-worker", "reason": "unreadable"}, {"ChartsFailed": [2]}),
        ({"service": "s-worker", "reason": "gone"}, {"ChartsFailed": [1]}),
    ]


def test_a_worker_that_leaves_tells_what_is_left_every_metric_of_its_list(observer, traces, capsys):
    observer.ended([("m1", coded())])
    observer.stored(Stored(failed=1, reasons=("gone",)))
    traces.dropped = 4
    observer.close()

    lines = told(capsys.readouterr().out)
    assert traces.closed
    assert {name: values for _, metrics in lines for name, values in metrics.items()} == {
        "ChartsCoded": [1],
        "ChartsFailed": [1],
        "TracesDropped": [4],
    }
    assert {name for _, metrics in lines for name in metrics} == set(METRICS["worker"])


def test_a_run_is_a_segment_with_a_step_for_each_of_its_stages():
    def stage(name, outcome, second):
        return {"stage": name, "outcome": outcome, "at": f"2026-01-01T00:00:{second:02}+00:00", "detail": "Zebulon"}

    record = {
        "run": "s-000001",
        "state": "done",
        "launched_at": "2026-01-01T00:00:00+00:00",
        "stages": [stage("size", "started", 10), stage("size", "ok", 11), stage("watch", "started", 12)],
        "coded": 7,
        "failed": 1,
        "cost_usd": 0.25,
        "reason": "drained",
    }
    end = datetime(2026, 1, 1, 0, 1, tzinfo=UTC).timestamp()

    made = run_segment(Trace("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"), "s", record, end=end)

    assert (made["name"], made["fault"]) == ("s-master", False)
    assert made["annotations"] == {"run": "s-000001", "state": "done", "coded": 7, "failed": 1, "cost_usd": 0.25}
    lasted = [(step["name"], step["end_time"] - step["start_time"]) for step in made["subsegments"]]
    assert lasted == [("boot", 10), ("size", 2), ("watch", 48)]
    assert "Zebulon" not in json.dumps(made)
    failed = run_segment(Trace("x", "y"), "s", record | {"state": "failed"}, end=end)
    assert failed["fault"]
