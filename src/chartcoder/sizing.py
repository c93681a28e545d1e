"""How many workers a run needs, and of which kind. Arithmetic only; nothing here asks AWS anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from chartcoder.settings import Settings

FIRST_RATE = 1000.0
"""Charts a minute that a worker is taken to code before any run has measured it: about a third of what the slower
engine does on four processors, so that a first run has rather too many workers than too few."""

BOOT_MINUTES = 3.0  # of a worker's life before its first chart
MEASURED_MINUTES = 1.0  # of work before a measured rate is believed
IDLE_MINUTES = 1.0
"""For so long a worker finds nothing before it is dismissed: longer than the gap between two uploads of a batch,
shorter than the tries of the last charts, which are what the others would wait for."""

REFUSED_MINUTES = 10.0  # for so long a run asks EC2 for no more workers than it was given

Verdict = Literal["working", "empty", "short", "budget"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many workers of each market a run should have; never fewer than it has."""

    workers: int
    spot: int
    on_demand: int
    spot_alive: int
    minutes: float  # until the backlog is coded, booting included
    usd: float  # for the workers to code the backlog


@dataclass(frozen=True, slots=True)
class Idle:
    """A worker that has nothing to do, and since how many minutes."""

    instance: str
    minutes: float
    usd_per_hour: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is: what its size depends on, besides the charts."""

    rate: float  # charts a minute and worker, measured or expected
    minutes: float = 0.0  # since the launch of the master
    run_usd: float = 0.0  # what the run has cost
    day_usd: float = 0.0  # what the runs of this day (UTC) have cost
    given: int | None = None  # as many workers EC2 gave when it last refused more


def fleet_for(backlog: int, standing: Standing, settings: Settings, *, usd_per_hour: float) -> int:
    """The workers that a run should have for the charts in the queue."""
    return workers_needed(
        backlog,
        rate=standing.rate,
        minutes=time_left(settings.target_minutes, standing.minutes),
        least=settings.min_workers,
        most=settings.max_workers if standing.given is None else max(1, min(settings.max_workers, standing.given)),
        budget_usd=min(settings.budget_usd - standing.run_usd, settings.budget_usd_per_day - standing.day_usd),
        usd_per_hour=usd_per_hour,
    )


def limit_reached(settings: Settings, *, run_usd: float, day_usd: float) -> str:
    """The budget that is spent, in words; empty while there is money."""
    if run_usd >= settings.budget_usd:
        return f"its budget of {settings.budget_usd} USD"
    if day_usd >= settings.budget_usd_per_day:
        return f"the day's budget of {settings.budget_usd_per_day} USD (UTC)"
    return ""


def fewer(wanted: int, *, workers: int) -> int:
    """The workers to have where EC2 refuses the rest of `wanted`: half of those that are missing, and those there are.

    EC2 gives all of a request or nothing: a quota of five workers refuses ten, and gives five.
    """
    return workers + max(0, wanted - workers) // 2


def verdict(backlog: int, *, workers: int, needed: int, over_budget: bool, may_launch: bool) -> Verdict:
    """What follows from a look at a run: drain it (empty), end it (budget), launch (short), or go on (working).

    Args:
        workers: those that boot, work or rest; not those that leave.
        may_launch: False once the run has used up its rounds of launching: being short is then no verdict as long as
            one worker is left.
    """
    if backlog == 0:
        return "empty"
    if over_budget:
        return "budget"
    if workers < needed and (may_launch or not workers):
        return "short"
    return "working"


def surplus(idle: Sequence[Idle], *, waiting: int, workers: int, needed: int) -> list[str]:
    """The idle workers that a run can do without, the dearest first and of those the longest idle.

    Only where nothing waits: what is in flight is in others' hands, and those are not touched. As many stay as the run
    would launch for the charts it has (`needed`), and one until it is drained; so nobody is dismissed to be launched
    again.
    """
    if waiting:
        return []
    resting = sorted(
        (worker for worker in idle if worker.minutes >= IDLE_MINUTES),
        key=lambda worker: (-worker.usd_per_hour, -worker.minutes, worker.instance),
    )
    return [worker.instance for worker in resting[: max(0, workers - max(needed, 1))]]


def measured_rate(workers: Sequence[dict[str, Any]]) -> float | None:
    """Charts a minute and worker, from the workers' own counters; None before there is enough to tell.

    Time counts from a worker's first report to its last, or to the one since which it has nothing to do: a run that
    waits for its last chart is none the slower.

    Args:
        workers: as `FleetTable.workers` gives them.
    """
    minutes = charts = 0.0
    for worker in workers:
        until = datetime.fromisoformat(worker.get("idle_since", worker["seen_at"]))
        minutes += (until - datetime.fromisoformat(worker["first_seen_at"])).total_seconds() / 60
        charts += worker["coded"] + worker["failed"]
    return charts / minutes if minutes >= MEASURED_MINUTES and charts else None


def workers_needed(
    backlog: int,
    *,
    rate: float,
    minutes: float,
    least: int,
    most: int,
    budget_usd: float,
    usd_per_hour: float,
) -> int:
    """The workers that code `backlog` charts in `minutes`, between `least` and `most`, never more than charts.

    A worker's own work costs the same however many share it; booting is what each one adds. So the budget only bounds
    how many boot: at most half of what is left of it. One worker is always asked for where there is a chart: the
    master stops at the budget.

    Args:
        rate: charts a minute and worker.
        budget_usd: what is left of the run's budget.
        usd_per_hour: of one worker.
    """
    if backlog <= 0:
        return 0
    in_time = math.ceil(backlog / (rate * minutes))
    affordable = int(budget_usd / 2 / (usd_per_hour * BOOT_MINUTES / 60))
    return max(1, min(max(in_time, least), most, backlog, affordable))


def split(workers: int, *, spot_share: int, spot_alive: int, on_demand_alive: int) -> tuple[int, int]:
    """How many of `workers` to have as Spot and as On-Demand, without ending one that is alive.

    Args:
        spot_share: percent of the workers to ask for as Spot.
    """
    on_demand = max(workers - round(workers * spot_share / 100), on_demand_alive)
    spot = max(workers - on_demand, spot_alive)
    return spot, max(on_demand_alive, workers - spot)


def time_left(target_minutes: float, elapsed_minutes: float) -> float:
    """Minutes a run still has; at the end of its time a run is not flooded with workers, hence a quarter at least."""
    return max(target_minutes - elapsed_minutes, target_minutes / 4)


def expect(backlog: int, workers: int, *, rate: float, usd_per_hour: float) -> tuple[float, float]:
    """(minutes, US dollars) for `workers` to code `backlog` charts, booting included."""
    if not workers:
        return 0.0, 0.0
    minutes = backlog / (rate * workers) + BOOT_MINUTES
    return minutes, minutes / 60 * workers * usd_per_hour
