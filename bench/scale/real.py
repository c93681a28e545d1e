"""A real run on the embedded cloud: timed by its own record, its requests counted, its processor time read."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.fleet import ENDED, FleetTable
from chartcoder.cloud.results import ResultsStore
from chartcoder.inputs import documents
from embedded.cloud import EmbeddedCloud

PROJECT = Path(__file__).resolve().parents[2]
BATCH = "scale"
UPLOADERS = 8
LOOK_SECONDS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class RealRun:
    """What a run did. Seconds count from the first upload."""

    charts: int
    uploaded: float  # the last upload
    launched: float  # the master, by the launcher
    sized: float  # the master's first decision
    first_result: float
    coded: float  # the last result
    closed: float  # the run's record
    workers: int
    rounds: int
    requests: dict[str, int]
    worker_cpu: float  # processor seconds of the workers' main processes
    coding_cpu: float  # and of their coding processes
    processors: float  # that all of it had while charts were coded: this machine may have other things to do

    @property
    def coding_seconds(self) -> float:
        """From the first result to the last."""
        return self.coded - self.first_result


def run(charts: int, *, workers: int, engine: str, folder: Path) -> RealRun:
    """Codes so many charts (the samples, repeated) on an embedded cloud of its own."""
    samples = [document.data for document in documents([folder])]
    parameters = {"MinWorkers": str(workers), "MaxWorkers": str(workers), "Engine": engine}
    with (
        tempfile.TemporaryDirectory() as data,
        EmbeddedCloud(
            PROJECT, Path(data), parameters=parameters, persist=False, emulator_options=["--access-log"]
        ) as cloud,
    ):
        store = ChartStore(cloud.client("s3"), cloud.settings.charts_bucket, max_bytes=cloud.settings.max_chart_bytes)
        log = Path(data) / "access.log"
        before = len(log.read_text().splitlines())
        began = datetime.now(UTC)
        given = list(enumerate(itertools.islice(itertools.cycle(samples), charts)))
        with ThreadPoolExecutor(UPLOADERS) as pool:
            list(pool.map(lambda item: store.put(f"{BATCH}/{item[0]}", item[1]), given))
        uploaded = _since(began, datetime.now(UTC))
        stored, meter = _until_coded(cloud, charts)
        record, reports = _until_ended(cloud)
        return RealRun(
            charts=charts,
            uploaded=uploaded,
            launched=_since(began, _moment(record["launched_at"])),
            sized=_since(began, next(_moment(one["at"]) for one in record["stages"] if one["stage"] == "size")),
            first_result=_since(began, min(stored)),
            coded=_since(began, max(stored)),
            closed=_since(began, _moment(record["ended_at"])),
            workers=len(reports),
            rounds=sum(one["stage"] == "size" and one["outcome"] == "started" for one in record["stages"]),
            requests=requests(log.read_text().splitlines()[before:], cloud.settings.charts_bucket),
            worker_cpu=meter.main,
            coding_cpu=meter.coding,
            processors=meter.processors,
        )


def requests(lines: list[str], bucket: str) -> dict[str, int]:
    """Requests by service and operation, from the emulator's access log: method, address, status, operation."""
    counted: Counter[str] = Counter()
    for line in lines:
        method, address, _, target = line.split(" ")
        service, _, operation = target.partition(".")
        if operation:
            counted[f"{service.partition('_')[0].removeprefix('Amazon')} {operation}"] += 1
        elif address.startswith(f"/{bucket}/charts/"):
            counted[f"S3 {method.title()}Object"] += 1
    return dict(counted)


@dataclass(slots=True)
class Meter:
    """Processor seconds: of the workers' main processes, of the coding processes below them, and of everything that
    this process started; and how many processors that was while charts were coded."""

    main: float = 0.0
    coding: float = 0.0
    processors: float = 0.0


def _until_coded(cloud: EmbeddedCloud, charts: int) -> tuple[list[datetime], Meter]:
    """When each chart's result was stored, and what it took."""
    results = ResultsStore(cloud.table(cloud.settings.results_table), cloud.client("s3"), cloud.settings.results_bucket)
    results.know_batch(BATCH)
    pause, seen = threading.Event(), {}
    looks: list[tuple[float, float]] = []  # while charts are coded: (when, processor seconds of everything so far)
    ended = 0
    while ended < charts:
        ended = sum(results.tally(BATCH).values())
        seen |= _processes()
        if ended:
            looks.append((time.monotonic(), sum(one.seconds for one in seen.values())))
        pause.wait(LOOK_SECONDS)
    stored, token = [], None
    while not stored or token is not None:
        page, token = results.charts(BATCH, limit=1000, token=token)
        stored += [_moment(chart["at"]) for chart in page]
    (first, before), (last, after) = looks[0], looks[-1]
    return stored, Meter(
        main=sum(one.seconds for one in seen.values() if one.role == "main"),
        coding=sum(one.seconds for one in seen.values() if one.role == "coding"),
        processors=(after - before) / (last - first) if last > first else 0.0,
    )


def _until_ended(cloud: EmbeddedCloud) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    fleet = FleetTable(cloud.table(cloud.settings.fleet_table))
    while True:
        record = fleet.runs(limit=1)[0][0]
        if record["state"] in ENDED:
            return record, fleet.workers(record["run"])
        time.sleep(LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Process:
    """One that this process started, directly or not: a worker's main process, one that codes for it, or another."""

    role: str
    seconds: float


def _processes() -> dict[int, Process]:
    listed = {pid: (parent, command) for pid, parent, command in _listed()}
    mains = {pid for pid, (_, command) in listed.items() if command[1:3] == [b"-m", b"chartcoder.worker"]}
    found = {}
    for pid in listed:
        above = list(_above(pid, listed))
        if os.getpid() not in above:
            continue
        coding = not mains.isdisjoint(above)  # it is forked from its worker, and may have the same command
        with suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = Process("coding" if coding else "main" if pid in mains else "other", _cpu(pid))
    return found


def _above(pid: int, listed: dict[int, tuple[int, list[bytes]]]) -> Iterator[int]:
    while pid in listed:
        pid = listed[pid][0]
        yield pid


def _listed() -> Iterator[tuple[int, int, list[bytes]]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            yield int(entry.name), _parent(int(entry.name)), (entry / "cmdline").read_bytes().split(b"\0")


def _stat(pid: int) -> list[str]:
    return re.sub(r"^.*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _cpu(pid: int) -> float:
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) / TICKS


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _since(began: datetime, at: datetime) -> float:
    return round((at - began).total_seconds(), 2)
