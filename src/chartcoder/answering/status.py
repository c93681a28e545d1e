"""The stack: what waits, what runs, and why nothing does where charts wait."""

from __future__ import annotations

from typing import cast

from chartcoder.answering.shapes import RunRecord, StatusAnswer, Watch
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue


class StackStatus:
    """The stack as it is now."""

    def __init__(self, fleet: FleetTable, queue: ChartsQueue) -> None:
        self._fleet, self._queue = fleet, queue

    def now(self) -> StatusAnswer:
        depth = self._queue.depth()
        lease = self._fleet.lease()
        return {
            "waiting": depth.waiting,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "dead_letters": self._queue.dead_letters(),
            "run": None if lease is None else cast("RunRecord", self._fleet.run(lease.run)),
            "watchdog": cast("Watch | None", self._fleet.last_sweep()),
            "why": [],
        }
