"""A worker whose services fail: what passes, what is one chart's, and what stops everything, told apart."""

import os
import threading
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import MockRawResponse

from chartcoder.errors import KeyUnusable, Stalled
from tests.contract.test_worker import Bench, wait_for

KMS_DISABLED = "<Error><Code>KMS.DisabledException</Code><Message>key/1 is disabled.</Message></Error>"
ANOTHERS_KEY = (
    "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt on the resource associated with "
    "this ciphertext</Message></Error>"
)
BUSY = '{"__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException", "message": "not yet"}'
"""One of the answers that pass, and that the client by itself does not ask again for."""


class Time:
    """A monotonic clock that the test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def bench(aws):
    return Bench(aws)


@pytest.fixture
def answer(aws):
    """`answer(client, operation, body)`: from now on the service says that, until `answer.over()`."""
    given = {}

    def say(client, operation, body, *, status=400, times=None):
        left = [times]

        def handler(request, **_):
            if operation not in given or left[0] == 0:
                return None
            left[0] = None if left[0] is None else left[0] - 1
            return AWSResponse(request.url, status, {}, MockRawResponse(body))

        given[operation] = body
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{service}.{operation}", handler)

    return SimpleNamespace(say=say, over=given.clear)


def receives(bench):
    """How often each message in the queue was received, this look included."""
    return [delivery.receives for delivery in bench.queue.receive(wait_seconds=0)]


def test_while_the_key_is_disabled_no_chart_is_taken_and_none_loses_a_try(bench):
    bench.submit("b1/c1")
    bench.key_state = "Disabled"

    for _ in range(5):
        with pytest.raises(KeyUnusable, match="Disabled"):
            bench.worker.work()

    assert receives(bench) == [1]
    assert [(report.state, report.why) for report in bench.reports] == [
        ("stopped", "KeyUnusable: the stack's KMS key is Disabled")
    ] * 5


def test_a_key_disabled_in_mid_work_stops_the_worker_and_costs_no_chart_more_than_one_try(bench, aws, answer):
    for number in range(15):
        bench.submit(f"b1/c{number}")
    answer.say(aws.s3, "GetObject", KMS_DISABLED)
    bench.disabled_after(1)  # it has looked, and begins

    with pytest.raises(KeyUnusable):
        bench.worker.work()

    assert bench.results.failures()[0] == []
    assert (bench.reports[-1].state, bench.reports[-1].why) == (
        "stopped",
        "KeyUnusable: the stack's KMS key is Disabled",
    )
    assert bench.queue.depth().total == 15
    assert bench.queue.depth().in_flight > 0  # not at once for the neighbour, who would meet the same

    answer.over()
    for message in everything(aws):
        assert message.approximate_receive_count <= 1
        message.visible_at = 0
    another = Bench(aws)
    another.work_until(lambda: another.queue.depth().total == 0)
    assert another.results.tally("b1") == {"coded": 15, "failed": 0}


def everything(aws):
    """moto's messages, whose time of coming back a test may bring forward."""
    from moto.backends import get_backend
    from moto.core import DEFAULT_ACCOUNT_ID

    return get_backend("sqs")[DEFAULT_ACCOUNT_ID]["us-east-1"].queues["charts"]._messages


def test_a_chart_under_anothers_key_is_one_failure_while_the_stacks_own_key_works(bench, aws, answer):
    answer.say(aws.s3, "GetObject", ANOTHERS_KEY, status=403, times=1)
    bench.submit("b1/c1")
    bench.submit("b1/c2")

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 1, "failed": 1}
    (failure,), _ = bench.results.failures()
    assert failure["reason"] == "unreadable"


def test_a_store_that_is_throttled_is_asked_again_and_the_charts_are_kept_meanwhile(bench, aws, answer):
    client = aws.results_table.meta.client
    answer.say(client, "TransactWriteItems", BUSY, times=2)
    for number in range(3):
        bench.submit(f"b1/c{number}")

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 3, "failed": 0}
    assert bench.reports[-1].state == "left"


def test_a_worker_of_which_no_chart_ends_gives_them_back_and_leaves_though_its_heart_beats(aws):
    clock = Time()
    bench = Bench(aws, monotonic=clock)
    bench.pool.hold = True
    bench.submit("b1/c1")
    ended = []

    def work():
        with pytest.raises(Stalled) as raised:
            bench.worker.work()
        ended.append(str(raised.value))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    wait_for(lambda: bench.pool.held)
    for _ in range(12):
        clock.now += 45
        said = len(bench.reports)
        wait_for(lambda said=said: len(bench.reports) > said or ended)
        if ended:
            break
    thread.join(timeout=30)

    assert "no chart of 1 in hand has ended" in ended[0]
    assert max(report.still_seconds for report in bench.reports) > 200
    assert receives(bench) == [2]


def test_a_full_disk_under_the_log_costs_no_chart(bench, capfd):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, each of whose writes fails with ENOSPC
        saved = os.dup(1)
        os.dup2(full.fileno(), 1)
        try:
            bench.submit("b1/c1", b"poison")  # of which the worker's log tells
            bench.submit("b1/c2")
            bench.work_until(lambda: bench.queue.depth().total == 0)
        finally:
            os.dup2(saved, 1)
            os.close(saved)

    assert bench.results.tally("b1") == {"coded": 1, "failed": 1}
