"""What the API answers: charts taken in, progress, codes with evidence, failures, runs.

Every answer is a plain JSON value; the function's handler turns HTTP into these calls and errors into problems.
"""

from __future__ import annotations

import uuid
from typing import Any

from chartcoder.chart import ID_PATTERN
from chartcoder.cloud.charts import ChartStore, as_event
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import BadRequest, NotFound
from chartcoder.untrusted import is_text

Answer = dict[str, Any]

REDRIVER = "redrive"  # whose tally a failure taken off the list is counted on
PAGE = 100


class Answering:
    """The questions a user may ask of a deployed stack."""

    def __init__(self, *, charts: ChartStore, queue: ChartsQueue, results: ResultsStore, fleet: FleetTable) -> None:
        self._charts, self._queue, self._results, self._fleet = charts, queue, results, fleet

    def submit(self, text: Any, *, batch: Any, chart: Any = None) -> Answer:
        """Takes one chart in; without an id of its own it gets one.

        Raises:
            BadRequest: text or ids are not what they must be.
            ChartTooLarge: the chart is longer than a chart may be.
        """
        if not isinstance(text, str) or not text.strip():
            raise BadRequest("the chart has no text; expected its text as a non-empty string")
        if not is_text(text):
            raise BadRequest("the text holds half of a surrogate pair; expected Unicode text")
        chart = uuid.uuid4().hex if chart is None else _opaque(chart, "chart")
        self._charts.put(f"{_opaque(batch, 'batch')}/{chart}", text.encode())
        self._results.know_batch(batch)
        return {"batch": batch, "chart": chart, "state": "waiting"}

    def batches(self, *, token: str | None = None) -> Answer:
        return _page("batches", *self._results.batches(limit=PAGE, token=token))

    def batch(self, batch: str) -> Answer:
        """How far a batch is. `submitted_is_exact` is false where a very large batch was not counted to its end."""
        submitted, exact = self._charts.count(_opaque(batch, "batch"))
        try:
            tally = self._results.tally(batch)
        except NotFound:
            if not submitted:
                raise
            tally = {"coded": 0, "failed": 0}
        ended = tally["coded"] + tally["failed"]
        submitted = max(submitted, ended)  # charts may have expired from their bucket since
        return {
            "batch": batch,
            "submitted": submitted,
            "submitted_is_exact": exact,
            "waiting": submitted - ended,
            "coded": tally["coded"],
            "failed": tally["failed"],
            "done": exact and ended == submitted,
        }

    def charts(self, batch: str, *, token: str | None = None) -> Answer:
        """A page of a batch's charts that ended, with their billed codes or the reason of their failure."""
        return _page("charts", *self._results.charts(_opaque(batch, "batch"), limit=PAGE, token=token))

    def chart(self, batch: str, chart: str) -> Answer:
        """One chart: its codes, findings and rejected candidates; or why it failed; or that it waits.

        Raises:
            NotFound: it was never submitted under this id.
        """
        try:
            item = self._results.chart(_opaque(batch, "batch"), _opaque(chart, "chart"))
        except NotFound:
            if self._charts.exists(f"{batch}/{chart}"):
                return {"id": f"{batch}/{chart}", "state": "waiting"}
            raise
        about = {"state": item["state"], "at": item["at"], "run": item["run"]}
        if item["state"] == "failed":
            return {"id": f"{batch}/{chart}", **about, "reason": item["reason"], "message": item["message"]}
        result: Answer = item["result"]
        return result | about

    def failures(self, *, token: str | None = None) -> Answer:
        """A page of charts that ended as failures, the newest first."""
        failures, next_token = self._results.failures(limit=PAGE, token=token)
        shown = [
            {name: failure[name] for name in ("id", "at", "reason", "message")}
            | {"key": failure["reference"].key, "version": failure["reference"].version}
            for failure in failures
        ]
        return _page("failures", shown, next_token)

    def redrive(self, *, batch: str | None = None) -> Answer:
        """Puts failures (of one batch, or all) and dead letters back on the queue.

        A failure leaves the list after its chart is on the queue again, so a crash between the two repeats a chart
        and never loses one.
        """
        if batch is not None:
            _opaque(batch, "batch")
        redriven = 0
        token: str | None = None
        while True:
            failures, token = self._results.failures(limit=PAGE, token=token)
            chosen = [one for one in failures if batch is None or one["id"].partition("/")[0] == batch]
            self._queue.send(as_event(one["reference"], self._charts.bucket) for one in chosen)
            for failure in chosen:
                self._results.forget_failure(failure, worker=REDRIVER)
            redriven += len(chosen)
            if token is None:
                break
        return {"redriven": redriven, "dead_letters": self._queue.redrive() if batch is None else 0}

    def runs(self, *, token: str | None = None) -> Answer:
        return _page("runs", *self._fleet.runs(limit=PAGE, token=token))

    def run(self, run: str) -> Answer:
        """One life of the fleet: who asked for it, its stages as they happened, its workers and what it cost."""
        _opaque(run, "run")
        return self._fleet.run(run) | {"workers": self._fleet.workers(run)}

    def status(self) -> Answer:
        """What waits, what runs, and why charts wait where the watchdog found that they do."""
        depth = self._queue.depth()
        lease = self._fleet.lease()
        sweep = self._fleet.last_sweep()
        return {
            "waiting": depth.waiting,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "dead_letters": self._queue.dead_letters(),
            "run": None if lease is None else self._fleet.run(lease.run),
            "watchdog": sweep,
        }


def _opaque(value: Any, what: str) -> str:
    if not isinstance(value, str) or not ID_PATTERN.fullmatch(value):
        raise BadRequest(f"{what} is not an id: expected 1 to 128 letters, digits, dots, underscores and hyphens")
    return value


def _page(name: str, items: list[Any], token: str | None) -> Answer:
    return {name: items, "next_token": token}
