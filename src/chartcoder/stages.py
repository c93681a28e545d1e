"""What a run does at each stage of its playbook: size itself, look at itself, close itself.

`playbooks/library/` gives each of these to Ansible as a module; launching and terminating are Ansible's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.config import Config

from chartcoder import prices, sizing
from chartcoder.cloud.faults import kind_of
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instance, Instances
from chartcoder.cloud.queue import ChartsQueue, Depth
from chartcoder.errors import LeaseLost
from chartcoder.settings import Settings

Verdict = sizing.Verdict | Literal["stopped", "lost"]

SILENT = timedelta(minutes=5)  # a worker reports every few seconds, but its clock and ours may be minutes off
STILL = timedelta(minutes=15)  # it reports, and nothing in its hand ends; it gives up by itself before that
GOING = ("leaving", "left", "stopped")
BOOTING = timedelta(minutes=10)  # until a worker's first report


@dataclass(frozen=True, slots=True)
class Look:
    """One look of the master at its run.

    `verdict` is what to do about it: nothing (working), drain (empty), launch more workers (short), end the run because
    its money is spent (budget, and `limit` says which), because it is another's turn (lost), or because a worker met
    what all would meet, such as a key that is disabled (stopped, and `why` says it). `dismissed` counts the idle
    workers that were told to leave.
    """

    verdict: Verdict
    backlog: int
    workers: int
    workers_needed: int
    cost_usd: float
    dismissed: int = 0
    limit: str = ""
    charts_coded: int = 0  # `failed` is a word of Ansible's
    charts_failed: int = 0
    why: str = ""

    @property
    def said(self) -> str:
        dismissed = f", {self.dismissed} dismissed" if self.dismissed else ""
        return (
            f"{self.verdict}: {f'{self.why}: ' if self.why else ''}{self.backlog} charts in the queue, "
            f"{self.workers} workers, {self.workers_needed} needed{dismissed}, {self.cost_usd:.4f} USD so far"
        )


class Stages:
    """The stages of one run, `settings.run`."""

    def __init__(
        self,
        settings: Settings,
        *,
        fleet: FleetTable,
        queue: ChartsQueue,
        instances: Instances,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._fleet, self._queue, self._instances = settings, fleet, queue, instances
        self._run = settings.run
        self._clock, self._sleep = clock, sleep

    @classmethod
    def of(cls, settings: Settings, session: Any) -> Stages:
        """The stages of `settings.run` on the services of a boto3 session, asked again where they throttle."""
        config = Config(retries={"mode": "adaptive", "max_attempts": 10})
        return cls(
            settings,
            fleet=FleetTable(session.resource("dynamodb", config=config).Table(settings.fleet_table)),
            queue=ChartsQueue(
                session.client("sqs", config=config), settings.charts_queue_url, settings.dead_letter_queue_url
            ),
            instances=Instances(session.client("ec2", config=config), settings.stack),
        )

    def size(self, *, refused: bool = False) -> sizing.Plan:
        """How many workers this run should have by now, kept in its record.

        Args:
            refused: EC2 did not give those of the last plan; it is asked for half of the missing ones, and for some
                minutes for no more.

        Raises:
            SettingInvalid: there is no price for the worker's instance type.
        """
        record = self._fleet.run(self._run)
        backlog = self._queue.depth().total
        reports = self._fleet.workers(self._run)
        staying, leaving = self._workers(reports)
        if refused:
            given = sizing.fewer(int(record["workers_wanted"]), workers=len(staying))
            record |= {"workers_given": given, "refused_at": self._clock().isoformat()}
            self._fleet.update_run(self._run, workers_given=given, refused_at=record["refused_at"])
        needed = max(self._needed(record, backlog, reports), len(staying))
        if refused and not record["workers_given"]:
            needed = 0  # not even one: the run has nobody to code
        self._fleet.update_run(self._run, backlog=backlog, workers_wanted=needed)
        on_spot = sum(worker.market == "spot" for worker in staying + leaving)
        spot, on_demand = sizing.split(
            needed + len(leaving),
            spot_share=self._settings.spot_share,
            spot_alive=on_spot,
            on_demand_alive=len(staying) + len(leaving) - on_spot,
        )
        minutes, usd = sizing.expect(
            backlog,
            needed,
            rate=self._rate(record, reports),
            usd_per_hour=prices.usd_per_hour(self._settings.instance_type),
        )
        return sizing.Plan(spot + on_demand, spot, on_demand, on_spot, round(minutes, 2), round(usd, 4))

    def look(self, *, may_launch: bool = True) -> Look:
        """Counts the backlog, the workers and the money, keeps them in the run's record, and says what follows.

        A worker that has not been heard of for minutes, or that reports and comes no further, is terminated, so that
        another takes its place. One that has had nothing to do for a while, and is not needed, is dismissed: it leaves
        by itself.

        Args:
            may_launch: False once the run has used up its rounds of launching: being short of workers is then no
                verdict as long as one of them is left.
        """
        if not self._holds_lease():
            return Look("lost", backlog=0, workers=0, workers_needed=0, cost_usd=0.0)
        record = self._fleet.run(self._run)
        depth = self._queue.depth()
        reports = self._fleet.workers(self._run)
        workers, _ = self._workers(reports)
        needed = self._needed(record, depth.total, reports)
        cost, of_day = self._meter(record, backlog=depth.total, workers=len(workers))
        limit = sizing.limit_reached(self._settings, run_usd=cost, day_usd=of_day)
        verdict: Verdict = sizing.verdict(
            depth.total, workers=len(workers), needed=needed, over_budget=bool(limit), may_launch=may_launch
        )
        why = next((report["why"] for report in reports if report["state"] == "stopped"), "")
        if why and depth.total:
            verdict = "stopped"
        dismissed = self._dismiss(workers, reports, depth, needed)
        coded, failed = (sum(report[name] for report in reports) for name in ("coded", "failed"))
        return Look(
            verdict,
            depth.total,
            len(workers) - dismissed,
            needed,
            round(cost, 6),
            dismissed,
            limit,
            coded,
            failed,
            why if verdict == "stopped" else "",
        )

    def look_while(self, verdict: Verdict, *, every: float, seconds: float, may_launch: bool = True) -> Look:
        """Looks again every `every` seconds while that is the verdict, for `seconds` at most. Gives the last look.

        A playbook's task costs a second of processor time to start; this spares it most of them. What passes by itself
        (`cloud/faults.py`) ends no look before its time: a run is not lost to a service that stumbles for a minute.
        """
        until = self._clock() + timedelta(seconds=seconds)
        while True:
            try:
                look = self.look(may_launch=may_launch)
            except Exception as error:
                if kind_of(error) != "retry" or self._clock() + timedelta(seconds=every) > until:
                    raise
                self._sleep(every)
                continue
            if look.verdict != verdict or self._clock() + timedelta(seconds=every) > until:
                return look
            self._sleep(every)

    def close(self, failure: str = "", *, over_budget: bool = False) -> str:
        """Closes the run's record, as failed where `failure` names a reason, then releases the lease. Gives the reason.

        Args:
            over_budget: the run ended because its money was spent; the watchdog then starts none after it for a day.

        Raises:
            LeaseLost: the run no longer had the lease. Its record is the watchdog's to close.
        """
        if not self._holds_lease():
            raise LeaseLost(f"run {self._run} no longer holds the lease; the watchdog closes its record")
        record = self._fleet.run(self._run)
        workers = self._fleet.workers(self._run)
        coded, failed = (sum(worker[name] for worker in workers) for name in ("coded", "failed"))
        rate = sizing.measured_rate(workers)
        cost, _ = self._meter(
            record,
            backlog=self._queue.depth().total,
            coded=coded,
            failed=failed,
            instance_type=self._settings.instance_type,
            engine=self._settings.engine,
            over_budget=over_budget,
            **({} if rate is None else {"rate": rate}),
        )
        requests = prices.requests_usd(coded + failed)
        self._fleet.update_run(
            self._run,
            requests_usd=requests,
            **({"usd_a_thousand": 1000 * (cost + requests) / (coded + failed)} if coded + failed else {}),
            **({"budget_reached": "run" if cost >= self._settings.budget_usd else "day"} if over_budget else {}),
        )
        reason = failure or f"drained: {coded} charts coded, {failed} failed"
        self._fleet.close_run(self._run, "failed" if failure else "done", reason, now=self._clock())
        self._fleet.release_lease(self._run)
        return reason

    def _holds_lease(self) -> bool:
        lease = self._fleet.lease()
        return lease is not None and lease.run == self._run and not lease.lapsed(self._clock())

    def _workers(self, reports: list[dict[str, Any]]) -> tuple[list[Instance], list[Instance]]:
        """The workers that boot, work or rest, and those that leave. One not heard of, or that comes no
        further, is terminated and is neither.

        Args:
            reports: as `FleetTable.workers` gives them.
        """
        records = {report["instance"]: report for report in reports}
        now = self._clock()
        staying: list[Instance] = []
        leaving: list[Instance] = []
        silent: dict[str, Instance] = {}
        for instance in self._instances.alive(role="worker", run=self._run):
            record = records.get(instance.id)
            heard_at = instance.launched_at if record is None else datetime.fromisoformat(record["seen_at"])
            still = timedelta(seconds=0 if record is None else record["still_seconds"])
            if now - heard_at > (BOOTING if record is None else SILENT) or still > STILL:
                silent[instance.id] = instance
            elif record is not None and (record["state"] in GOING or "dismissed_at" in record):
                leaving.append(instance)
            else:
                staying.append(instance)
        refused = self._instances.terminate(silent)  # the watchdog raises the alarm where it is refused as well
        return staying, leaving + [silent[id_] for id_ in refused]

    def _rate(self, record: dict[str, Any], reports: list[dict[str, Any]]) -> float:
        """Charts a minute and worker: this run's own, else that of the last run on the same instances, else a guess."""
        measured = sizing.measured_rate(reports)
        if measured is not None:
            return measured
        if "rate_expected" in record:
            return float(record["rate_expected"])
        rate = self._last_rate()
        self._fleet.update_run(self._run, rate_expected=rate)
        return rate

    def _last_rate(self) -> float:
        runs, _ = self._fleet.runs(limit=20)
        same = (
            run["rate"]
            for run in runs
            if run.get("rate")
            and (run["instance_type"], run["engine"]) == (self._settings.instance_type, self._settings.engine)
        )
        return float(next(same, sizing.FIRST_RATE))

    def _needed(self, record: dict[str, Any], backlog: int, reports: list[dict[str, Any]]) -> int:
        now = self._clock()
        standing = sizing.Standing(
            rate=self._rate(record, reports),
            minutes=_minutes(record["launched_at"], now),
            run_usd=record.get("cost_usd", 0.0),
            day_usd=self._fleet.spent(now=now),
            given=(
                record["workers_given"]
                if "refused_at" in record and _minutes(record["refused_at"], now) < sizing.REFUSED_MINUTES
                else None
            ),
        )
        price = prices.usd_per_hour(self._settings.instance_type)
        return sizing.fleet_for(backlog, standing, self._settings, usd_per_hour=price)

    def _dismiss(self, workers: list[Instance], reports: list[dict[str, Any]], depth: Depth, needed: int) -> int:
        """Tells idle workers that are not needed to leave, and says how many. One that has just found work stays."""
        since = {report["instance"]: report["idle_since"] for report in reports if "idle_since" in report}
        now = self._clock()
        idle = [
            sizing.Idle(
                instance.id,
                minutes=_minutes(since[instance.id], now),
                usd_per_hour=prices.usd_per_hour(instance.type, instance.market),
            )
            for instance in workers
            if instance.id in since
        ]
        chosen = sizing.surplus(idle, waiting=depth.waiting + depth.delayed, workers=len(workers), needed=needed)
        return sum(self._fleet.dismiss_worker(self._run, instance, now=now) for instance in chosen)

    def _meter(self, record: dict[str, Any], **also: Any) -> tuple[float, float]:
        """US dollars so far, of the run and of the day (UTC), at list price: what was known at the last look, and since
        then the instances now alive.

        Keeps it in the day's sum first and then in the run's record, `also` with it: where only the first is written,
        a budget is kept too well rather than not.
        """
        now = self._clock()
        since = datetime.fromisoformat(record.get("costed_at", record["launched_at"]))
        more = 0.0
        for instance in self._instances.alive(run=self._run):
            hours = (now - max(since, instance.launched_at)).total_seconds() / 3600
            more += prices.usd_per_hour(instance.type, instance.market) * max(hours, 0.0)
        of_day = self._fleet.spend(more, now=now)
        cost = float(record.get("cost_usd", 0.0)) + more
        self._fleet.update_run(self._run, cost_usd=cost, costed_at=now.isoformat(), **also)
        return cost, of_day


def _minutes(since: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(since)).total_seconds() / 60


def plan_as_facts(plan: sizing.Plan) -> dict[str, Any]:
    """A plan for Ansible, and in words."""
    said = (
        f"{plan.workers} workers: {plan.spot} Spot, {plan.on_demand} On-Demand; "
        f"about {plan.minutes:.0f} minutes and {plan.usd:.2f} USD"
    )
    return asdict(plan) | {"said": said}


def look_as_facts(look: Look) -> dict[str, Any]:
    """A look for Ansible, and in words."""
    return asdict(look) | {"said": look.said}
