"""Batches: how far they are, and which codes they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from chartcoder.answering.asked import PAGE, opaque
from chartcoder.answering.shapes import BatchesPage, BatchProgress, CodesOfBatch
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import NotFound

COUNTED = 1_000  # charts whose codes one page of `codes` counts: some three megabytes of items


class Batches:
    """The batches there are."""

    def __init__(
        self,
        charts: ChartStore,
        results: ResultsStore,
        fleet: FleetTable,
        queue: ChartsQueue,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._charts, self._results, self._fleet, self._queue, self._clock = charts, results, fleet, queue, clock

    def page(self, *, token: str | None = None) -> BatchesPage:
        batches, next_token = self._results.batches(limit=PAGE, token=token)
        return BatchesPage(batches=[{**batch} for batch in batches], next_token=next_token)  # type: ignore[typeddict-item]

    def one(self, batch: str) -> BatchProgress:
        """How far a batch is.

        Raises:
            NotFound: none of its charts was submitted.
        """
        submitted, exact = self._charts.count(opaque(batch, "batch"))
        try:
            tally = self._results.tally(batch)
        except NotFound:
            if not submitted:
                raise
            tally = {"coded": 0, "failed": 0}
        ended = tally["coded"] + tally["failed"]
        submitted = max(submitted, ended)  # charts may have expired from their bucket since
        done = exact and ended == submitted
        return {
            "batch": batch,
            "submitted": submitted,
            "submitted_is_exact": exact,
            "waiting": submitted - ended,
            "coded": tally["coded"],
            "failed": tally["failed"],
            "done": done,
            "progress": round(ended / submitted, 4) if submitted else 0.0,
            "expected_end": None if done else self._expected_end(),
        }

    def codes(self, batch: str, *, token: str | None = None) -> CodesOfBatch:
        """The codes of a page of the batch's charts, counted. An unknown batch has none."""
        charts, next_token = self._results.charts(opaque(batch, "batch"), limit=COUNTED, token=token)
        coded = [chart for chart in charts if chart["state"] == "coded"]
        counts = Counter(code for chart in coded for code in chart.get("codes", ()))
        return {
            "batch": batch,
            "charts": len(coded),
            "codes": [{"code": code, "charts": number} for code, number in sorted(counts.items(), key=_commonest)],
            "next_token": next_token,
        }

    def _expected_end(self) -> str | None:
        """When the queue is empty at the speed of the run that lives, whichever batches its charts are of: they are
        taken in no order. None where nobody has coded anything yet."""
        lease = self._fleet.lease()
        workers = [] if lease is None else self._fleet.workers(lease.run)
        ended = sum(worker["coded"] + worker["failed"] for worker in workers)
        if not ended:
            return None
        began = min(datetime.fromisoformat(worker["first_seen_at"]) for worker in workers)
        told = max(datetime.fromisoformat(worker["seen_at"]) for worker in workers)
        seconds = max((told - began).total_seconds(), 1.0)
        left = timedelta(seconds=self._queue.depth().total * seconds / ended)
        return (self._clock() + left).isoformat(timespec="seconds")


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
