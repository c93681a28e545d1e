"""The stack: what waits, what runs, and why nothing does where charts wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from botocore.exceptions import ClientError

from chartcoder.answering.causes import Seen, causes, told_by
from chartcoder.answering.shapes import RunRecord, StatusAnswer, Watch
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue

RUNS_LOOKED_AT = 10


class StackStatus:
    """The stack as it is now."""

    def __init__(
        self,
        fleet: FleetTable,
        queue: ChartsQueue,
        key_state: Callable[[str], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`key_state` gives KMS's word for the state of a key."""
        self._fleet, self._queue, self._key_state, self._clock = fleet, queue, key_state, clock

    def now(self) -> StatusAnswer:
        """What there is. With its key disabled the stack cannot read its own records: that, too, is an answer."""
        depth = self._queue.depth()
        key = self._queue.key()
        state = None if key is None else self._key_state(key)
        try:
            seen = self._seen(depth.waiting + depth.delayed, state)
        except ClientError as error:
            said = error.response["Error"]
            if state in (None, "Enabled") and told_by(f"{said['Code']} {said.get('Message', '')}") != "key":
                raise
            seen = Seen(now=self._clock(), waiting=depth.waiting, key_state=state or "not usable")
        return {
            "waiting": depth.waiting,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "dead_letters": self._queue.dead_letters(),
            "run": cast("RunRecord | None", seen.live),
            "watchdog": cast("Watch | None", seen.sweep),
            "why": causes(seen),
        }

    def _seen(self, waiting: int, key_state: str | None) -> Seen:
        lease = self._fleet.lease()
        live: dict[str, Any] | None = None if lease is None else self._fleet.run(lease.run)
        return Seen(
            now=self._clock(),
            waiting=waiting,
            live=live,
            workers=[] if lease is None or not waiting else self._fleet.workers(lease.run),
            runs=self._fleet.runs(limit=RUNS_LOOKED_AT)[0] if waiting and lease is None else [],
            sweep=self._fleet.last_sweep(),
            key_state=key_state,
        )
