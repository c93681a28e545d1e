"""The worker's loop against moto's queue, bucket and table; the coding itself is the pool's own test."""

import json
import threading
import time
from collections import defaultdict
from concurrent.futures import Future

import pytest

from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore, pack
from chartcoder.errors import CodingFailed, KeyUnusable, NotFound, UnreadableChart
from chartcoder.logs import make_logger
from chartcoder.observing import Observer
from chartcoder.worker import NOTICE_SECONDS, Worker


def event(key, **about):
    """What S3 sends, reduced to the fields that matter; the key form-encoded as S3 does it."""
    s3 = {"bucket": {"name": "charts"}, "object": {"key": key, **about}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]})


class Pool:
    """Codes at once and in this process: `I10` for every chart, unless told otherwise by the chart's words."""

    def __init__(self):
        self.submitted = []
        self.hold = False
        self.held = []

    def submit(self, data, chart_id):
        self.submitted.append(chart_id)
        future = Future()
        if self.hold:
            self.held.append((future, chart_id))
        else:
            self.finish(future, chart_id, data)
        return future

    def finish(self, future, chart_id, data=b""):
        if data == b"poison":
            future.set_exception(CodingFailed("the coder's process died on this chart"))
        elif not data.strip() and data:
            future.set_exception(UnreadableChart("the chart has no text"))
        else:
            future.set_result((("I10",), pack({"id": chart_id, "codes": [{"code": "I10"}]})))

    def outcome(self, future):
        return future.result()


class Heard(Observer):
    """Keeps what an observer hears of each message, in its order."""

    def __init__(self):
        self.steps = defaultdict(list)
        self.reasons = []

    def took(self, delivery):
        self.steps[delivery.message_id].append("took")

    def read(self, message_id):
        self.steps[message_id].append("read")

    def coded(self, message_id):
        self.steps[message_id].append("coded")

    def stored(self, stored):
        self.reasons += stored.reasons

    def ended(self, outcomes):
        for message_id, outcome in outcomes:
            self.steps[message_id].append(outcome.state)


class Bench:
    """A worker on the stack of `aws`, and what one may ask of it."""

    def __init__(self, aws, *, report_seconds=NOTICE_SECONDS, monotonic=time.monotonic):
        self.queue = ChartsQueue(aws.sqs, aws.queue_url, aws.dead_letter_url)
        self.charts = ChartStore(aws.s3, "charts", max_bytes=1000)
        self.results = ResultsStore(aws.results_table, aws.s3, "results")
        self.pool = Pool()
        self.reports = []
        self.heard = Heard()
        self.changed = threading.Condition()
        self.notice = self.dismissed = False
        self.key_state = "Enabled"
        self.looks_left = None
        self.worker = Worker(
            queue=self.queue,
            charts=self.charts,
            results=self.results,
            pool=self.pool,
            check_key=self._check_key,
            report=self._reported,
            notice=lambda: self.notice,
            name="i-1",
            run="run-1",
            room=20,
            max_receives=3,
            chart_seconds=120,
            logger=make_logger(f"worker-{id(self)}"),
            observer=self.heard,
            report_seconds=report_seconds,
            monotonic=monotonic,
        )

    def _reported(self, report):
        with self.changed:
            self.reports.append(report)
            self.changed.notify_all()
        return self.dismissed

    def disabled_after(self, looks):
        """The key is found enabled so many times, and disabled after that."""
        self.looks_left = looks

    def _check_key(self):
        if self.looks_left is not None:
            self.looks_left -= 1
            self.key_state = "Enabled" if self.looks_left >= 0 else "Disabled"
        if self.key_state != "Enabled":
            raise KeyUnusable(f"the stack's KMS key is {self.key_state}")

    def submit(self, chart_id, data=b"text", *, times=1):
        key = self.charts.put(chart_id, data)
        self.queue.send([event(key, sequencer="1")] * times)

    def work_until(self, condition):
        """Lets the worker work until the condition holds, then tells it to leave and waits for it."""
        thread = threading.Thread(target=self.worker.work, daemon=True)
        thread.start()
        wait_for(condition)
        self.worker.leave("the test is over")
        thread.join(timeout=30)
        assert not thread.is_alive()


def wait_for(condition, *, seconds=30.0):
    pause = threading.Event()
    for _ in range(int(seconds * 50)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("the condition did not come true")


@pytest.fixture
def bench(aws):
    return Bench(aws)


def test_charts_are_coded_stored_and_their_messages_deleted(bench):
    for number in range(25):
        bench.submit(f"b1/c{number}")

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 25, "failed": 0}
    assert bench.results.chart("b1", "c7")["codes"] == ["I10"]
    assert sum(report.coded for report in bench.reports) == 25
    assert bench.reports[-1].state == "left"


def test_an_observer_hears_of_each_step_of_each_chart(bench):
    bench.submit("b1/good")
    bench.submit("b1/bad", b"  ")
    bench.queue.send([event("charts/b1/gone.txt", sequencer="1")])

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert sorted(bench.heard.steps.values()) == [
        ["took", "failed"],
        ["took", "read", "coded", "coded"],
        ["took", "read", "coded", "failed"],
    ]
    assert sorted(bench.heard.reasons) == ["gone", "unreadable"]


def test_an_event_that_comes_twice_gives_one_result(bench):
    bench.submit("b1/c1", times=3)

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 1, "failed": 0}


def test_a_chart_that_cannot_be_coded_is_a_failure_and_its_neighbours_are_coded(bench):
    bench.submit("b1/c1", b"poison")
    bench.submit("b1/c2", b"  ")
    bench.submit("b1/c3")

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 1, "failed": 2}
    assert bench.results.chart("b1", "c1")["reason"] == "coding_failed"
    assert bench.results.chart("b1", "c2")["reason"] == "unreadable"


def test_a_key_of_another_form_ends_as_a_failure(bench, aws):
    aws.s3.put_object(Bucket="charts", Key="charts/b1/my chart +1.txt", Body=b"text")
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "charts"}, "object": {"key": "charts/b1/my+chart+%2B1.txt"}},
    }
    bench.queue.send([json.dumps({"Records": [record]})])

    bench.work_until(lambda: bench.queue.depth().total == 0)

    (failure,), _ = bench.results.failures()
    assert failure["reason"] == "bad_key"
    assert failure["id"].startswith("b1/key-")
    assert failure["reference"].key == "charts/b1/my chart +1.txt"


def test_a_chart_deleted_before_it_was_read_is_a_failure(bench, aws):
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "charts"}, "object": {"key": "charts/b1/gone.txt"}},
    }
    bench.queue.send([json.dumps({"Records": [record]})])

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.chart("b1", "gone")["reason"] == "gone"


def test_the_test_event_is_deleted_and_a_message_that_is_no_event_is_left_to_the_dead_letters(bench):
    bench.queue.send([json.dumps({"Event": "s3:TestEvent"}), "not an event"])

    bench.work_until(lambda: bench.queue.depth().waiting == 0 and bench.queue.depth().in_flight == 1)


def test_on_its_last_try_a_chart_is_a_failure_before_it_is_coded_and_a_result_after(bench):
    bench.submit("b1/c1")
    for _ in range(2):
        bench.queue.release(bench.queue.receive(wait_seconds=0))
    bench.pool.hold = True

    seen = {}

    def failed_in_advance():
        try:
            seen.update(bench.results.chart("b1", "c1"))
        except NotFound:
            return False
        ((future, chart_id),) = wait_until_held(bench.pool)
        bench.pool.finish(future, chart_id)
        return True

    bench.work_until(lambda: failed_in_advance() or bench.queue.depth().total == 0)
    assert seen["state"] == "failed"
    assert "no worker finished" in seen["message"]
    assert bench.results.chart("b1", "c1")["state"] == "coded"
    assert bench.results.tally("b1") == {"coded": 1, "failed": 0}


def wait_until_held(pool):
    wait_for(lambda: pool.held)
    return pool.held


def test_a_spot_notice_makes_it_finish_what_it_holds_and_take_nothing_new(bench):
    bench.pool.hold = True
    bench.submit("b1/c1")
    thread = threading.Thread(target=bench.worker.work, daemon=True)
    thread.start()
    wait_for(lambda: bench.pool.held)
    bench.notice = True
    wait_for(lambda: any(report.state == "leaving" for report in bench.reports))
    bench.submit("b1/c2")
    ((future, chart_id),) = bench.pool.held

    bench.pool.finish(future, chart_id)
    thread.join(timeout=30)

    assert not thread.is_alive()
    assert bench.results.tally("b1") == {"coded": 1, "failed": 0}
    assert bench.queue.depth().waiting == 1


def test_a_worker_that_is_told_to_leave_finishes_what_it_has_just_received(bench):
    for number in range(10):  # more than read at once
        bench.submit(f"b1/c{number}")
    bench.heard.took = lambda delivery: bench.worker.leave("told so")

    bench.worker.work()

    assert bench.results.tally("b1") == {"coded": 10, "failed": 0}
    assert bench.queue.depth().total == 0


def test_a_worker_that_is_dismissed_leaves_and_what_comes_then_is_another_workers(aws):
    bench = Bench(aws, report_seconds=0.1)
    bench.dismissed = True

    bench.worker.work()

    bench.submit("b1/late")
    assert [report.state for report in bench.reports] == ["idle", "left"]
    wait_for(lambda: bench.queue.depth().waiting == 1)  # a receiver that polls meanwhile gives it back


def test_what_breaks_in_a_thread_ends_the_worker_and_gives_its_messages_back(bench, aws, monkeypatch):
    bench.submit("b1/c1")

    def broken(*_, **__):
        raise PermissionError("the key is disabled")

    monkeypatch.setattr(bench.charts, "get", broken)
    with pytest.raises(PermissionError):
        bench.worker.work()

    wait_for(lambda: bench.queue.depth().waiting == 1)  # a receiver that polls meanwhile gives it back, too
