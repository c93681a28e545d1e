"""How much memory each process takes while a run goes on."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from embedded.chaos.system import NO_ANSWER, System, coding, runs_module

PAGE = os.sysconf("SC_PAGE_SIZE")
WARM_SHARE = 0.3  # of a process's samples: by then it has loaded what it needs
FLAT_SHARE, FLAT_BYTES = 1.15, 16 * 2**20  # a process is flat that grew by less than this after it was warm
FEWEST = 8  # samples that can tell


@dataclass
class Memory:
    """Resident bytes by process, sampled: kind of process -> process id -> samples."""

    samples: dict[str, dict[int, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    began_at: float = field(default_factory=time.monotonic)

    def sample(self, system: System) -> None:
        """One sample of every process of the cloud that there is at the moment."""
        try:
            found = dict(_processes(system))
        except NO_ANSWER:
            return
        for pid, kind in found.items():
            if size := _resident(pid):
                self.samples[kind][pid].append(size)

    def table(self) -> dict[str, dict[str, float]]:
        """By kind of process, in MB of the one that was sampled most: first, when warm, last; and the most of any."""
        return {kind: _row(by_process) for kind, by_process in sorted(self.samples.items())}

    def grown(self) -> dict[str, tuple[float, float]]:
        """(warm, last) in MB of the kinds of process that went on growing after they were warm."""
        rows = self.table().items()
        return {
            kind: (row["warm"], row["last"])
            for kind, row in rows
            if row["samples"] >= FEWEST and row["last"] > max(row["warm"] * FLAT_SHARE, row["warm"] + FLAT_BYTES / 1e6)
        }


def _row(by_process: dict[int, list[int]]) -> dict[str, float]:
    longest = max(by_process.values(), key=len)
    warm = longest[int(len(longest) * WARM_SHARE)]
    figures = {"first": longest[0], "warm": warm, "last": longest[-1], "most": max(map(max, by_process.values()))}
    return {name: round(size / 1e6, 1) for name, size in figures.items()} | {
        "processes": len(by_process),
        "samples": len(longest),
    }


def _processes(system: System) -> list[tuple[int, str]]:
    found = [(system.cloud.emulator.process.pid, "emulator")]
    for pid, handler in system.cloud.function_processes().items():
        found.append((pid, f"function {handler.split('.')[1] if '.' in handler else handler}"))
    for pids in system.processes("worker").values():
        found += [(pid, "worker") for pid in pids if runs_module(pid, "chartcoder.worker")]
        found += [(pid, "coding process") for pid in coding(pids)]
    for pids in system.processes("master").values():
        found += [(pid, "master") for pid in pids if runs_module(pid, "chartcoder.master")]
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
