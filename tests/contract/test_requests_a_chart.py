"""What a chart asks of each service: the price of a run, and it must not grow unseen."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future

import pytest

from chartcoder.cloud.results import pack
from tests.contract.test_worker import Bench

CHARTS = 200
CODES = tuple(f"A0{number}" for number in range(5))


def five_codes(future: Future, chart_id: str, data: bytes = b"") -> None:
    """Every chart has five codes."""
    future.set_result((CODES, pack({"id": chart_id, "codes": [{"code": code} for code in CODES]})))


@pytest.fixture
def asked(aws) -> Counter[str]:
    """Requests by operation, from the first chart's receipt to the last one's deletion."""
    bench = Bench(aws)
    bench.pool.finish = five_codes
    bench.results.know_batch("b1")
    for number in range(CHARTS):
        bench.submit(f"b1/c{number:03d}")
    counted: Counter[str] = Counter()

    def count(model, params, **_) -> None:
        counted[model.name] += 1

    clients = (aws.s3, aws.sqs, aws.results_table.meta.client)
    for client in clients:
        client.meta.events.register("before-call", count)
    bench.work_until(lambda: bench.results.tally("b1").get("coded") == CHARTS)
    for client in clients:
        client.meta.events.unregister("before-call", count)
    assert bench.queue.depth().total == 0
    return counted


MOST = {
    "reading": (("GetObject",), 1.0),
    "the queue, in tens": (("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"), 0.3),
    "results, in tens": (("TransactWriteItems",), 0.12),
    "charts of codes, in twenty-fives": (("BatchWriteItem",), 0.25),
    "the batch, once": (("UpdateItem",), 0.02),
    "the queue's settings, once a worker": (("GetQueueAttributes",), 0.005),
}
OF_THE_TEST = {"Query", "GetItem"}  # for tallies


def test_a_chart_asks_for_no_more_than_it_must_and_for_nothing_else(asked):
    for what, (operations, most) in MOST.items():
        assert sum(asked[operation] for operation in operations) / CHARTS <= most, (what, asked)

    assert set(asked) <= {operation for operations, _ in MOST.values() for operation in operations} | OF_THE_TEST
