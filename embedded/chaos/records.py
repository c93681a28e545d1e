"""What is known of a chaos run: each fault, each look, each chart that was submitted."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field

from embedded.chaos.schedule import Planned
from embedded.chaos.system import Look


@dataclass(slots=True)
class Struck:
    """A fault that hit something."""

    planned: Planned
    began_at: float  # time.monotonic()
    ended_at: float
    hits: int


@dataclass(slots=True)
class Journal:
    """Written by several threads."""

    struck: list[Struck] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)  # kinds that found nothing to hit
    looks: list[Look] = field(default_factory=list)
    handed_out: int = 0  # messages, in the calm
    silences: int = 0  # looks that got no answer
    asked: int = 0  # times the operator asked for a run, where the watchdog waits after failed ones
    overlaps: set[tuple[str, ...]] = field(default_factory=set)  # runs whose records were open at once
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)  # chart's id -> (number, version) last uploaded
    uploads: int = 0
    began_at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def looked(self, look: Look) -> None:
        with self.lock:
            self.looks.append(look)
            if len(look.open_runs) > 1:
                self.overlaps.add(look.open_runs)

    def uploaded(self, chart: str, number: int, version: int) -> None:
        with self.lock:
            self.latest[chart] = (number, version)
            self.uploads += 1

    def recovery(self, struck: Struck) -> float | None:
        """Seconds from a fault's end until the pipeline was over it; None where that was never seen.

        By progress: a chart more was coded, or none waits. By run: besides, another run than the one that was hit holds
        the lease, where charts wait.
        """
        with self.lock:
            looks = self.looks
        times = [look.at for look in looks]
        before = looks[max(0, bisect_left(times, struck.began_at) - 1)] if looks else None
        later = looks[bisect_left(times, struck.ended_at) :]
        if before is None or not later:
            return None
        for look in later:
            over = look.idle or look.ended > later[0].ended
            if struck.planned.kind.mended == "run" and not look.idle:
                over = over and look.lease is not None and look.lease != before.lease
            if over:
                return look.at - struck.ended_at
        return None
