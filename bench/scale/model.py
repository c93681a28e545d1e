"""The fleet as a discrete-event simulation: what happens when, from the first upload to the last worker's end.

Charts are a flow between events, not objects, so that a hundred million of them take seconds: the services' limits and
the workers that live say how fast they are coded until the next event. What a run decides, it decides with
`chartcoder.sizing`, as the real one does. Not simulated: charts that fail, messages that come twice, and the idle
workers of the last minute.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import simpy

from bench.scale.figures import Figures
from bench.scale.limits import Services
from chartcoder import prices, sizing
from chartcoder.settings import Settings

DAY = 24 * 3600.0
HOURS_OF_MONTH = 730
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # a simulation begins at midnight
MASTER_TYPE = "t3.small"
Steps = Generator[simpy.Event, Any, None]


@dataclass(slots=True)
class Machine:
    """A worker: Spot or On-Demand, and what it has coded since it was first heard of."""

    market: str
    ready_at: float | None = None
    coded: float = 0.0


@dataclass(slots=True)
class Run:
    """A run as its record has it."""

    launched_at: float
    usd: float = 0.0
    given: int | None = None
    refused_at: float = 0.0
    ended: str = ""  # done, budget, day or died


@dataclass(slots=True)
class Hit:
    """A limit: when it was first hit, and for how long charts went no faster for it; both in seconds."""

    first_at: float
    seconds: float = 0.0


@dataclass(slots=True)
class Told:
    """What a simulation tells. Times are seconds from the first upload."""

    charts: int
    uploaded_at: float = 0.0
    sized_at: float = 0.0
    first_result_at: float = 0.0
    coded_at: float = 0.0
    closed_at: float = 0.0
    runs: int = 0
    rounds: int = 0
    workers: int = 0  # most at once
    lost: int = 0  # Spot workers taken back
    worker_hours: dict[str, float] = field(default_factory=lambda: {"spot": 0.0, "on-demand": 0.0})
    usd: dict[str, float] = field(default_factory=lambda: {"workers": 0.0, "master": 0.0})
    hits: dict[str, Hit] = field(default_factory=dict)

    @property
    def first_limit(self) -> str:
        """The limit that was hit first; empty where none was."""
        return min(self.hits, key=lambda name: self.hits[name].first_at, default="")

    @property
    def longest_limit(self) -> str:
        """The limit for which charts went no faster for the longest; empty where none was."""
        held = {name: hit.seconds for name, hit in self.hits.items() if hit.seconds}
        return max(held, key=lambda name: held[name], default="")


class Simulation:
    """One load of charts, coded by the runs that it takes."""

    def __init__(
        self,
        charts: int,
        settings: Settings,
        figures: Figures,
        *,
        batches: int = 1,
        uploads_a_second: float | None = None,
        tick: float = 5.0,
        seed: int = 1,
    ) -> None:
        """
        Args:
            uploads_a_second: by default as many as S3 takes for so many batches.
            tick: seconds for which the flow of charts is taken to be even.
        """
        self.told = Told(charts)
        self._settings, self._figures, self._tick = settings, figures, tick
        self._random = random.Random(seed)
        self._env = simpy.Environment()
        self._services = Services(figures, batches=batches)
        self._put_limit = figures.puts * batches
        self._uploads = self._put_limit if uploads_a_second is None else uploads_a_second
        self._unsent, self._backlog = float(charts), 0.0
        self._workers: dict[int, Machine] = {}
        self._names = itertools.count()
        self._run: Run | None = None
        self._days: dict[int, float] = {}
        self._tokens, self._tokens_at = figures.instances_at_once, 0.0
        self._rate = figures.charts_a_minute_expected

    def run(self) -> Told:
        """Simulates to the end of the last run."""
        self._env.process(self._flow())
        self._env.run(until=self._env.process(self._runs()))
        return self.told

    # charts

    def _flow(self) -> Steps:
        while True:
            yield self._env.timeout(self._tick)
            self._advance(self._tick)

    def _advance(self, seconds: float) -> None:
        sent = min(self._unsent, self._uploads * seconds)
        self._unsent -= sent
        self._backlog += sent
        if sent and self._unsent < 1e-6:
            self._unsent, self.told.uploaded_at = 0.0, self._env.now
        self._pay(seconds)
        ready = [worker for worker in self._workers.values() if worker.ready_at is not None]
        if not ready:
            return
        holding = len(ready) * self._figures.room_a_processor * self._vcpus
        useful = len(ready) * min(1.0, self._figures.in_flight / holding)
        bound, limit = self._services.charts_a_second(useful, seconds)
        done = min(self._backlog, bound * seconds)
        self._services.use(done / seconds, seconds)
        self._tell_limit(done, bound * seconds, limit, seconds, in_flight=useful < len(ready))
        if done and not self.told.first_result_at:
            self.told.first_result_at = self._env.now
        self._backlog -= done
        for worker in ready:
            worker.coded += done / len(ready)
        if self._backlog < 1e-6 and not self._unsent and done:
            self._backlog, self.told.coded_at = 0.0, self._env.now

    def _tell_limit(self, done: float, most: float, limit: str, seconds: float, *, in_flight: bool) -> None:
        """Notes what kept charts from being coded faster."""
        if done < most:
            if self._unsent:
                self._hit("upload: S3 PUT a prefix" if self._uploads >= self._put_limit else "upload", seconds)
            return
        if limit or in_flight:
            self._hit(limit or "SQS in flight", seconds)
        elif len(self._workers) >= self._settings.max_workers:
            self._hit("MaxWorkers", seconds)
        elif self._run is not None and self._run.given is not None:
            self._hit("vCPU quota", seconds)

    def _hit(self, name: str, seconds: float = 0.0) -> None:
        self.told.hits.setdefault(name, Hit(self._env.now)).seconds += seconds

    # money

    def _pay(self, seconds: float) -> None:
        hours = seconds / 3600
        master = prices.usd_per_hour(MASTER_TYPE) * hours if self._run is not None else 0.0
        usd = 0.0
        for worker in self._workers.values():
            usd += self._price(worker.market) * hours
            self.told.worker_hours[worker.market] += hours
        self.told.usd["workers"] += usd
        self.told.usd["master"] += master
        day = int(self._env.now // DAY)
        self._days[day] = self._days.get(day, 0.0) + usd + master
        if self._run is not None:
            self._run.usd += usd + master

    def _price(self, market: str) -> float:
        return prices.usd_per_hour(self._settings.instance_type, "spot" if market == "spot" else "on-demand")

    def _day_usd(self) -> float:
        return self._days.get(int(self._env.now // DAY), 0.0)

    # runs

    def _runs(self) -> Steps:
        alarm = self._between(*self._figures.alarm_minutes)
        yield self._env.timeout(min(alarm, self._sweep()))
        while self._left() > 0:
            if self._day_usd() >= self._settings.budget_usd_per_day:
                yield self._env.timeout(DAY - self._env.now % DAY)
            run = self._run = Run(launched_at=self._env.now)
            self.told.runs += 1
            yield from self._live(run)
            self._run = None
            if run.ended == "budget":
                yield self._env.timeout(DAY)
            elif self._left() > 0:
                yield self._env.timeout(self._sweep())

    def _left(self) -> float:
        return self._unsent + self._backlog

    def _sweep(self) -> float:
        """Seconds until the watchdog looks."""
        return self._random.uniform(0, self._figures.watchdog_minutes * 60)

    def _live(self, run: Run) -> Steps:
        yield self._env.timeout(self._between(*self._figures.boot_minutes) + self._figures.master_seconds)
        self.told.sized_at = self.told.sized_at or self._env.now
        while not run.ended:
            self.told.rounds += 1
            yield self._env.timeout(self._figures.round_seconds)
            yield from self._launch(run, max(self._needed(run), len(self._workers)))
            verdict = "working"
            while verdict == "working":
                yield self._env.timeout(self._settings.watch_seconds)
                verdict = self._look(run)
            if verdict == "empty":
                yield from self._drain(run)
            elif verdict != "short":
                run.ended = verdict
        self._workers.clear()
        if run.ended != "died":
            yield self._env.timeout(self._figures.closing_seconds)
        self.told.closed_at = self._env.now

    def _look(self, run: Run) -> str:
        if self._env.now - run.launched_at >= self._settings.longest_life_minutes * 60:
            self._hit("LongestLifeMinutes")
            return "died"
        limit = sizing.limit_reached(self._settings, run_usd=run.usd, day_usd=self._day_usd())
        verdict = sizing.verdict(
            self._charts(), workers=len(self._workers), needed=self._needed(run), over_budget=bool(limit),
            may_launch=True,
        )  # fmt: skip
        if verdict != "budget":
            return verdict
        of_run = run.usd >= self._settings.budget_usd
        self._hit("BudgetPerRun" if of_run else "BudgetPerDay")
        return "budget" if of_run else "day"

    def _drain(self, run: Run) -> Steps:
        until = self._env.now + 4 * self._settings.watch_seconds  # playbooks/defaults.yml, drained_seconds
        while self._env.now < until:
            yield self._env.timeout(self._settings.watch_seconds)
            if self._charts():
                return
        run.ended = "done"

    def _charts(self) -> int:
        return -int(-self._backlog // 1)

    def _needed(self, run: Run) -> int:
        measured = sizing.measured_rate(self._reports())
        self._rate = self._rate if measured is None else measured
        if run.given is not None and self._env.now - run.refused_at >= sizing.REFUSED_MINUTES * 60:
            run.given = None
        standing = sizing.Standing(
            rate=self._rate, minutes=(self._env.now - run.launched_at) / 60, run_usd=run.usd, day_usd=self._day_usd(),
            given=run.given,
        )  # fmt: skip
        price = prices.usd_per_hour(self._settings.instance_type)
        return sizing.fleet_for(self._charts(), standing, self._settings, usd_per_hour=price)

    def _reports(self) -> list[dict[str, Any]]:
        """What the workers would have told the fleet's table."""
        now = (EPOCH + timedelta(seconds=self._env.now)).isoformat()
        return [
            {
                "coded": worker.coded, "failed": 0, "seen_at": now,
                "first_seen_at": (EPOCH + timedelta(seconds=worker.ready_at)).isoformat(),
            }
            for worker in self._workers.values()
            if worker.ready_at is not None
        ]  # fmt: skip

    # instances

    @property
    def _vcpus(self) -> int:
        return prices.VCPUS[self._settings.instance_type.partition(".")[2]]

    def _launch(self, run: Run, wanted: int) -> Steps:
        """As tasks/launch.yml does: Spot first, On-Demand where Spot gives none, half where EC2 refuses so many."""
        while (missing := wanted - len(self._workers)) > 0:
            on_spot = sum(worker.market == "spot" for worker in self._workers.values())
            spot, on_demand = sizing.split(
                wanted, spot_share=self._settings.spot_share, spot_alive=on_spot,
                on_demand_alive=len(self._workers) - on_spot,
            )  # fmt: skip
            asked = {"spot": spot - on_spot, "on-demand": on_demand - (len(self._workers) - on_spot)}
            if not self._allowed("spot", asked["spot"]):
                asked = {"spot": 0, "on-demand": missing}
            if all(self._allowed(market, count) for market, count in asked.items()):
                yield from self._tokens_for(missing)
                for market, count in asked.items():
                    for _ in range(count):
                        self._start(market)
                return
            self._hit("vCPU quota")
            wanted = run.given = sizing.fewer(wanted, workers=len(self._workers))
            run.refused_at = self._env.now
            yield self._env.timeout(self._figures.round_seconds)

    def _allowed(self, market: str, count: int) -> bool:
        quota = self._figures.spot_vcpus if market == "spot" else self._figures.on_demand_vcpus
        used = sum(worker.market == market for worker in self._workers.values()) * self._vcpus
        if market == "on-demand":
            used += prices.VCPUS[MASTER_TYPE.partition(".")[2]]
        return count == 0 or used + count * self._vcpus <= quota

    def _tokens_for(self, count: int) -> Steps:
        figures = self._figures
        refilled = (self._env.now - self._tokens_at) * figures.instances_refill
        self._tokens = min(figures.instances_at_once, self._tokens + refilled)
        self._tokens_at = self._env.now
        if count > self._tokens:
            self._hit("RunInstances")
            yield self._env.timeout((count - self._tokens) / figures.instances_refill)
        self._tokens -= count

    def _start(self, market: str) -> None:
        name = next(self._names)
        self._workers[name] = Machine(market)
        self.told.workers = max(self.told.workers, len(self._workers))
        self._env.process(self._worker(name))

    def _worker(self, name: int) -> Steps:
        """Boots, works, and is lost or ended by its own timer, if its run does not end it before."""
        launched = self._env.now
        yield self._env.timeout(self._between(*self._figures.boot_minutes))
        if name not in self._workers:
            return
        self._workers[name].ready_at = self._env.now
        life = self._settings.longest_life_minutes * 60 - (self._env.now - launched)
        lost = float("inf")
        if self._workers[name].market == "spot" and self._figures.spot_losses_a_month:
            lost = self._random.expovariate(self._figures.spot_losses_a_month / (HOURS_OF_MONTH * 3600))
        yield self._env.timeout(min(life, lost))
        if self._workers.pop(name, None) is not None and lost < life:
            self.told.lost += 1

    def _between(self, least: float, likeliest: float, most: float) -> float:
        """Seconds, of figures in minutes."""
        return self._random.triangular(least, most, likeliest) * 60
