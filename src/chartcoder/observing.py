"""What a worker shows of its work: how many charts it coded and why others failed, and the way of each traced chart;
and of a run the way of its stages.

Ids, times, counts and reasons go out by it, and never a chart's text: it is not given any.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chartcoder import metrics
from chartcoder.cloud.queue import Delivery
from chartcoder.cloud.results import Outcome, Stored
from chartcoder.cloud.traces import Trace, TraceSender, segment, trace_of

TELL_SECONDS = 60.0  # between two lines of metrics: CloudWatch adds them up by the minute
MOST_STEPS = 200  # of a run's segment, which may have 64 kB
FAILED_IN_US = "coding_failed"  # any other reason is the chart's own


def run_segment(trace: Trace, stack: str, record: Mapping[str, Any], *, end: float) -> dict[str, Any]:
    """The segment of a run, from its record: a step for each stage, of a run that went on in rounds several of one."""
    stages = [stage for stage in record["stages"] if stage["outcome"] == "started"]
    steps = [(str(stage["stage"]), datetime.fromisoformat(stage["at"]).timestamp()) for stage in stages]
    begun = ("boot", datetime.fromisoformat(record["launched_at"]).timestamp())
    about = {name: record[name] for name in ("state", "coded", "failed", "cost_usd") if name in record}
    name, fault = f"{stack}-master", record["state"] != "done"
    return segment(trace, name, [begun, *steps[:MOST_STEPS]], end, fault=fault, run=record["run"], **about)


class Observer:
    """Hears of every step of a worker's charts; this one keeps nothing."""

    def took(self, delivery: Delivery) -> None:
        """A message was received, and its charts are about to be read."""

    def read(self, message_id: str) -> None:
        """A chart of the message was read from its bucket."""

    def coded(self, message_id: str) -> None:
        """A coding process gave a chart of the message back."""

    def stored(self, stored: Stored) -> None:
        """What was written of them."""

    def ended(self, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """(message id, outcome) of what is stored by now, its messages deleted."""

    def close(self) -> None:
        """The worker leaves."""


@dataclass(slots=True)
class Journey:
    """When a traced message's chart got where, in epoch seconds."""

    trace: Trace
    sent_at: float
    received_at: float
    read_at: float = 0.0
    coded_at: float = 0.0

    def steps(self) -> list[tuple[str, float]]:
        """Those that it came to: a chart that cannot be read is neither coded nor waited for."""
        begun = (("read", self.received_at), ("code", self.read_at), ("store", self.coded_at))
        return [(name, at) for name, at in begun if at]


class WorkerObserver(Observer):
    """Tells the worker's metrics each minute, and of each traced chart one segment. Safe to call from any thread."""

    def __init__(
        self,
        *,
        stack: str,
        run: str,
        worker: str,
        traces: TraceSender,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stack, self._run, self._worker, self._traces = stack, run, worker, traces
        self._clock, self._monotonic = clock, monotonic
        self._journeys: dict[str, Journey] = {}
        self._coded, self._failed = 0, Counter[str]()  # failed by reason
        self._told_at = monotonic()
        self._lock = threading.Lock()

    def took(self, delivery: Delivery) -> None:
        if (trace := trace_of(delivery.trace)) is not None:
            with self._lock:
                self._journeys[delivery.message_id] = Journey(trace, delivery.sent_at, self._clock())

    def read(self, message_id: str) -> None:
        if (journey := self._journeys.get(message_id)) is not None:
            journey.read_at = self._clock()

    def coded(self, message_id: str) -> None:
        if (journey := self._journeys.get(message_id)) is not None:
            journey.coded_at = self._clock()

    def stored(self, stored: Stored) -> None:
        with self._lock:
            self._failed.update(stored.reasons)

    def ended(self, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        with self._lock:
            for message_id, outcome in outcomes:
                self._coded += outcome.state == "coded"  # the work done: one coded again is counted again
                if (journey := self._journeys.get(message_id)) is not None:
                    self._traces.send(self._segment(journey, outcome))
            for message_id, _ in outcomes:
                self._journeys.pop(message_id, None)

    def close(self) -> None:
        self._traces.close()
        self.tell(at_once=True)

    def tell(self, *, at_once: bool) -> None:
        """Tells what a minute brought; `at_once` whatever there is: an idle worker may be ended at any time."""
        with self._lock:
            if not at_once and self._monotonic() - self._told_at < TELL_SECONDS:
                return
            coded, self._coded = self._coded, 0
            by_reason, self._failed = self._failed, Counter()
            self._told_at = self._monotonic()
        if coded:
            metrics.tell(self._stack, "worker", {"ChartsCoded": coded})
        for reason, failed in by_reason.items():
            metrics.tell(self._stack, "worker", {"ChartsFailed": failed}, reason=reason)
        if dropped := self._traces.take_dropped():
            metrics.tell(self._stack, "worker", {"TracesDropped": dropped})

    def _segment(self, journey: Journey, outcome: Outcome) -> dict[str, Any]:
        about = {"reason": outcome.reason} if outcome.reason else {}
        return segment(
            journey.trace,
            f"{self._stack}-worker",
            journey.steps(),
            self._clock(),
            fault=outcome.reason == FAILED_IN_US,
            batch=outcome.reference.batch,
            chart=outcome.reference.chart,
            run=self._run,
            worker=self._worker,
            state=outcome.state,
            waited_seconds=round(max(0.0, journey.received_at - journey.sent_at), 3),
            **about,
        )
