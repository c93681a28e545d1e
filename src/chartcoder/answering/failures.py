"""Failures: what could not be coded, and another try."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chartcoder.answering.asked import PAGE, opaque
from chartcoder.answering.shapes import Accepted, FailuresPage, Redriven
from chartcoder.cloud.charts import ChartStore, as_event
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import Conflict, NotFound

REDRIVER = "redrive"  # whose tally a failure taken off the list is counted on
LONGEST_SECONDS = 20.0  # of one request; API Gateway waits 29


class Failures:
    """The charts that ended as failures."""

    def __init__(
        self,
        charts: ChartStore,
        results: ResultsStore,
        queue: ChartsQueue,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._charts, self._results, self._queue, self._clock = charts, results, queue, clock

    def page(self, *, token: str | None = None) -> FailuresPage:
        """A page of charts that ended as failures, the newest first."""
        failures, next_token = self._results.failures(limit=PAGE, token=token)
        return {
            "failures": [
                {
                    "id": failure["id"],
                    "at": failure["at"],
                    "reason": failure["reason"],
                    "message": failure["message"],
                    "key": failure["reference"].key,
                    "version": failure["reference"].version,
                }
                for failure in failures
            ],
            "next_token": next_token,
        }

    def redrive(self, *, batch: Any = None) -> Redriven:
        """Puts failures (of one batch, or all) and dead letters back on the queue, for up to twenty seconds.

        A failure leaves the list after its chart is on the queue again, so a crash between the two repeats a chart
        and never loses one.
        """
        if batch is not None:
            opaque(batch, "batch")
        until = self._clock() + LONGEST_SECONDS
        redriven = 0
        token: str | None = None
        while True:
            failures, token = self._results.failures(limit=PAGE, token=token)
            chosen = [one for one in failures if batch is None or one["id"].partition("/")[0] == batch]
            self._put_back(chosen)
            redriven += len(chosen)
            if token is None or self._clock() > until:
                break
        letters = self._queue.redrive() if batch is None and token is None else 0
        return {"redriven": redriven, "dead_letters": letters, "more": token is not None}

    def redrive_chart(self, batch: str, chart: str) -> Accepted:
        """Puts one failed chart back on the queue.

        Raises:
            NotFound: nothing is known of this chart.
            Conflict: it did not fail.
        """
        item = self._results.record(opaque(batch, "batch"), opaque(chart, "chart"))
        if item is None:
            raise NotFound("this chart has not ended: it was not submitted under this id, or waits to be coded")
        if item["state"] != "failed":
            raise Conflict("this chart is coded; submit it again if it changed")
        self._put_back([self._results.failure(item)])
        return {"batch": batch, "chart": chart, "state": "waiting"}

    def _put_back(self, failures: list[dict[str, Any]]) -> None:
        self._queue.send(as_event(one["reference"], self._charts.bucket) for one in failures)
        for failure in failures:
            self._results.forget_failure(failure, worker=REDRIVER)
