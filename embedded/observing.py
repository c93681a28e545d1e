"""What can be seen of a batch and its run from outside, by the services that an operator would ask."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import NotFound
from embedded.cloud import EmbeddedCloud
from embedded.instances_process import MARK
from embedded.processes import marked

ALIVE = ("pending", "running", "shutting-down", "stopping")
STAGES = ("size", "launch", "watch", "drain", "terminate_workers", "close", "terminate_self")


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as EC2 describes it."""

    id: str
    role: str
    kind: str
    market: str
    state: str
    launched_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at everything."""

    submitted: int
    coded: int
    failed: int
    waiting: int
    in_flight: int
    delayed: int
    dead_letters: int
    alarms: dict[str, str]  # alarm's name -> state
    lease: str | None  # the run that holds it
    runs: list[dict[str, Any]]  # since we began, the newest first
    workers: dict[str, dict[str, Any]]  # of the newest run, by instance
    instances: list[Instance]
    seconds: float  # since the charts were submitted

    @property
    def ended(self) -> int:
        return self.coded + self.failed

    @property
    def alive(self) -> list[Instance]:
        return [i for i in self.instances if i.state in ALIVE]

    @property
    def run(self) -> dict[str, Any] | None:
        return self.runs[0] if self.runs else None

    @property
    def at_rest(self) -> bool:
        """Nothing waits, nothing runs, nobody holds the lease."""
        return not (self.waiting or self.in_flight or self.delayed or self.alive or self.lease)

    @property
    def done(self) -> bool:
        """Every chart ended, or is given up as a dead letter, and the fleet is gone."""
        return self.at_rest and self.ended + self.dead_letters >= self.submitted

    @property
    def cost_usd(self) -> float:
        """What the runs cost so far by list price, as their masters record it at every look."""
        return sum(float(run.get("cost_usd") or 0) for run in self.runs)


@dataclass
class Observer:
    """Looks at one batch in one cloud."""

    cloud: EmbeddedCloud
    batch: str
    submitted: int
    began_at: datetime
    _clock: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        settings = self.cloud.settings
        queues = settings.charts_queue_url, settings.dead_letter_queue_url
        self._queue = ChartsQueue(self.cloud.client("sqs"), *queues)
        self._fleet = FleetTable(self.cloud.table(settings.fleet_table))
        table = self.cloud.table(settings.results_table)
        self.results = ResultsStore(table, self.cloud.client("s3"), settings.results_bucket)
        self._alarms = {self.cloud.resources[name]: name for name in ("BacklogAlarm", "AgeAlarm")}
        self._dead_letters_before = self._queue.dead_letters()

    def look(self) -> Snapshot:
        """Ask every service once."""
        depth, lease = self._queue.depth(), self._fleet.lease()
        try:
            tally = self.results.tally(self.batch)
        except NotFound:  # no worker has looked at the batch yet
            tally = {"coded": 0, "failed": 0}
        runs = [r for r in self._fleet.runs(limit=10)[0] if _moment(r["launched_at"]) >= self.began_at]
        alarms = self.cloud.client("cloudwatch").describe_alarms(AlarmNames=list(self._alarms))["MetricAlarms"]
        return Snapshot(
            submitted=self.submitted,
            coded=tally["coded"],
            failed=tally["failed"],
            waiting=depth.waiting,
            in_flight=depth.in_flight,
            delayed=depth.delayed,
            dead_letters=self._queue.dead_letters() - self._dead_letters_before,
            alarms={self._alarms[a["AlarmName"]]: a["StateValue"] for a in alarms},
            lease=lease.run if lease else None,
            runs=runs,
            workers={w["instance"]: w for w in self._fleet.workers(runs[0]["run"])} if runs else {},
            instances=[_instance(i) for i in self.cloud.instances() if i["LaunchTime"] >= self.began_at],
            seconds=time.monotonic() - self._clock,
        )

    def charts(self, at_most: int) -> list[dict[str, Any]]:
        """The batch's charts that ended, by id."""
        charts, token = self.results.charts(self.batch, limit=min(at_most, 1000))
        while token and len(charts) < at_most:
            page, token = self.results.charts(self.batch, limit=min(at_most - len(charts), 1000), token=token)
            charts += page
        return charts

    def failures(self) -> list[dict[str, Any]]:
        """The batch's failures."""
        failures, token = self.results.failures(limit=100)
        while token:
            page, token = self.results.failures(limit=100, token=token)
            failures += page
        return [f for f in failures if f["id"].startswith(f"{self.batch}/")]

    @property
    def made_of(self) -> str:
        """What instances are made of."""
        return "container" if self.cloud.containers else "process"

    def leftovers(self, snapshot: Snapshot) -> list[str]:
        """Processes or containers of this machine that still belong to an instance of ours."""
        ids = {instance.id for instance in snapshot.instances}
        if self.cloud.containers:
            return [name for id_, names in self.cloud.containers.of_instances().items() if id_ in ids for name in names]
        return [str(pid) for id_ in ids for pid in marked(MARK, id_)]


def _instance(described: dict[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
    return Instance(
        id=described["InstanceId"],
        role=tags.get("chartcoder:role", "?"),
        kind=described["InstanceType"],
        market=described.get("InstanceLifecycle", "on-demand"),
        state=described["State"]["Name"],
        launched_at=described["LaunchTime"],
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
