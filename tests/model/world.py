"""The world that the machine acts on: a stack, what runs in it, what was submitted to it, and what must hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from chartcoder.cloud.fleet import ENDED
from tests.model.lanes import DIES_AFTER, DIES_BEFORE, DONE, Lane
from tests.model.processes import EXPECTED, LAMBDA_SECONDS, Process, Processes
from tests.model.stack import ChartItem, ModelStack

BATCH = "b"
LEAVING_SECONDS = 120 + 240  # a master's own time to leave after its run's end, and two clocks two minutes off
LAPSED_SECONDS = 300  # past which a lease has lapsed by everybody's clock
SWEEP_SECONDS = 300  # the watchdog's rate
MOST_CALLS = 40_000  # of a recovery
RECOVERY_SECONDS = 8 * 3600.0
"""From the last fault to the end of everything: a lapsed lease (ten minutes), a sweep (five), the watchdog's pause
after runs that failed in a row (two hours), and charts that hang or kill, each three times, one after the other."""


@dataclass
class Submitted:
    """A chart, by its latest upload that S3 has told of."""

    text: str
    uploads: int = 0
    told: str = ""  # the sequencer of the newest upload whose event came


@dataclass(frozen=True)
class Event:
    """What S3 has yet to tell."""

    chart: str
    key: str
    version: str
    sequencer: str

    def body(self) -> str:
        s3 = {
            "bucket": {"name": "charts"},
            "object": {"key": quote_plus(self.key, safe="/"), "versionId": self.version, "sequencer": self.sequencer},
        }
        return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]})


@dataclass
class World:
    stack: ModelStack
    processes: list[Process] = field(default_factory=list)
    charts: dict[str, Submitted] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)  # that S3 has not delivered
    booted: set[str] = field(default_factory=set)  # instances
    calls: int = 0

    def __post_init__(self) -> None:
        self.start = Processes(self.stack)
        self._leases: list[tuple[int, str | None]] = [(0, None)]
        self._ended_runs: dict[str, str] = {}
        self._items: dict[str, ChartItem] = {}
        self._orphans: dict[int, set[str]] = {}

    # what happens

    def upload(self, chart: str, text: str) -> None:
        submitted = self.charts.setdefault(chart, Submitted(text))
        submitted.uploads += 1
        submitted.text = text
        key = f"charts/{BATCH}/{chart}.txt"
        version = self.stack.s3.put_object(Bucket="charts", Key=key, Body=text.encode())["VersionId"]
        self.events.append(Event(chart, key, version, f"{submitted.uploads:032X}"))

    def deliver(self, event: Event, *, again: bool = False) -> None:
        """S3 tells the queue of an upload; `again`: and will tell it once more."""
        self.stack.queue.send([event.body()])
        submitted = self.charts[event.chart]
        submitted.told = max(submitted.told, event.sequencer)
        if not again:
            self.events.remove(event)

    def redeliver(self) -> None:
        """SQS hands out a message again that somebody has in hand: at least once is what it promises."""
        for message in self.stack.waiting():
            message.visible_at = 0

    def reorder(self) -> None:
        messages = self.stack.waiting()
        messages.reverse()

    def invoke(self, process: Process) -> None:
        self.processes.append(process)
        if process.name == "watchdog":
            self._orphans[id(process)] = self._orphaned()

    def running(self, name: str) -> bool:
        return any(process.name == name for process in self.processes)

    def not_booted(self) -> list[str]:
        return [id_ for id_ in self.stack.alive() if id_ not in self.booted]

    def boot(self, instance: str, *, skew: float = 0.0, hangs: bool = False) -> None:
        """An instance has booted, and runs what it is for; or hangs, and never will."""
        self.booted.add(instance)
        about = self.stack.alive()[instance]
        if not hangs:
            start = self.start.master if about.role == "master" else self.start.worker
            self.processes.append(start(instance, about.run, skew))

    def lanes(self) -> list[tuple[Process, Lane]]:
        """Who could make a call now."""
        self.start.coding.end_what_is_due()
        return [
            (process, lane)
            for process in self.processes
            if not process.hung
            for lane in process.lanes
            if not lane.ended and lane.wakes_at <= self.stack.clock.now
        ]

    def advance(self, process: Process, lane: Lane, fate: str = DONE) -> None:
        asked = lane.call
        lane.advance(fate)
        if "." not in asked and not lane.ended and not process.doomed:
            return  # it woke, and has asked nobody anything yet
        self.calls += 1
        self.stack.clock.move(0.05)
        if fate != DONE:
            process.untouched = False
        if fate in (DIES_BEFORE, DIES_AFTER) or process.doomed:
            process.kill()
        self._bury()
        self.check()

    def kill(self, process: Process) -> None:
        process.untouched = False
        process.kill()
        self._bury()
        self.check()

    def move(self, seconds: float) -> None:
        self.stack.clock.move(seconds)
        self.stack.forget_ended()
        self._bury()

    def _bury(self) -> None:
        """Ends what cannot go on: an instance ends with its process, a process with its instance, an invocation in
        time."""
        alive = self.stack.alive()
        for process in list(self.processes):
            if process.instance is None:
                late = self.stack.clock.now - process.started_at > LAMBDA_SECONDS
                if late and not process.over:
                    process.untouched = False
                    process.kill()
            elif process.instance not in alive:
                process.kill()
            if process.over:
                process.kill()
                self.processes.remove(process)
                self._check_end(process)
                if process.instance in alive and not process.hung:
                    self.stack.shut_down(process.instance)

    # what must hold

    def check(self) -> None:
        """Everything that must hold at every moment; the numbers are those of docs/model.md."""
        self._check_lease()
        self._check_runs()
        items = self.stack.chart_items(BATCH)
        self._check_results(items)
        self._check_tallies(items)
        self._check_nothing_is_lost(items)
        self._items = items

    def _check_lease(self) -> None:
        item = self.stack.lease()
        now = (int(item.get("generation", 0)), item.get("run"))
        before = self._leases[-1]
        if now == before:
            return
        self._leases.append(now)
        (old_generation, old_run), (generation, run) = before, now
        if run is None:
            assert generation == old_generation, f"I1: the lease was freed and its generation changed: {before} {now}"
        else:
            assert old_run is None, f"I1: {run} took the lease while {old_run} held it"
            assert generation == old_generation + 1, f"I1: the generation went from {old_generation} to {generation}"
            assert run == f"model-{generation:06d}", f"I1: run {run} is not of generation {generation}"

    def _check_runs(self) -> None:
        for run, record in self.stack.runs().items():
            ended = self._ended_runs.get(run)
            assert ended in (None, record["state"]), f"I2: run {run} ended as {ended} and is {record['state']}"
            assert (record["state"] in ENDED) == ("ended_at" in record), f"I2: run {run} is half ended"
            if record["state"] in ENDED:
                self._ended_runs[run] = record["state"]

    def _check_results(self, items: dict[str, ChartItem]) -> None:
        for chart, old in self._items.items():
            new = items.get(chart)
            if new == old:
                continue
            if old.state == "coded":
                assert new is not None, f"I3: the result of {chart} is gone"
                newer = new.sequencer > old.sequencer
                assert newer or new.state == "coded", f"I3: {chart} was coded and is {new}"
            assert new is None or new.sequencer >= old.sequencer, f"I3: an older upload of {chart} replaced a newer"

    def _check_tallies(self, items: dict[str, ChartItem]) -> None:
        states = [item.state for item in items.values()]
        counted = {state: states.count(state) for state in ("coded", "failed")}
        assert self.stack.tally(BATCH) == counted, f"I4: the tallies say {self.stack.tally(BATCH)}, there are {counted}"

    def _check_nothing_is_lost(self, items: dict[str, ChartItem]) -> None:
        queued: dict[str, str] = {}
        for message in self.stack.messages():
            body = json.loads(message.body)
            for record in body["Records"]:
                about = record["s3"]["object"]
                chart = about["key"].rpartition("/")[2].removesuffix(".txt")
                queued[chart] = max(queued.get(chart, ""), about["sequencer"])
        for chart, submitted in self.charts.items():
            known = max(items[chart].sequencer if chart in items else "", queued.get(chart, ""))
            assert known >= submitted.told, f"I5: {chart} is neither in the queue nor has it a result or a failure"

    def _orphaned(self) -> set[str]:
        """The instances that no live run has, by everybody's clock."""
        lease, now = self.stack.lease(), self.stack.clock.now
        live = lease.get("run") if lease and now < lease.get("expires_at", 0) + LAPSED_SECONDS else None
        orphans = set()
        for instance in self.stack.alive().values():
            record = self.stack.run(instance.run) or {}
            leaves = (
                instance.role == "master"
                and record.get("state") in ("done", "failed")
                and self._since(record) < LEAVING_SECONDS
            )
            if instance.run != live and not leaves:
                orphans.add(instance.id)
        return orphans

    def _since(self, record: dict) -> float:
        from datetime import datetime

        return self.stack.clock.now - datetime.fromisoformat(record["ended_at"]).timestamp()

    def _check_end(self, process: Process) -> None:
        for lane in process.lanes:
            assert lane.error is None or isinstance(lane.error, EXPECTED), f"{lane.name} ended with {lane.error!r}"
        orphans = self._orphans.pop(id(process), set())
        if process.untouched and process.found is not None:
            left = orphans & set(self.stack.alive())
            assert not left, f"I6: {left} outlived a whole sweep of the watchdog"

    # the end

    def recover(self) -> None:
        """No further fault: everything runs, and the watchdog comes every five minutes, until nothing is left to do."""
        self.run_until(self.is_quiet)

    def run_until(self, done: Callable[[], bool]) -> None:
        """In peace, until something holds."""
        until = self.stack.clock.now + RECOVERY_SECONDS
        calls, swept_at = self.calls, 0.0
        while not done():
            assert self.stack.clock.now < until, (
                f"I7: not at rest after {RECOVERY_SECONDS / 3600:g} hours: {self.state()}"
            )
            assert self.calls - calls < MOST_CALLS, f"I7: {MOST_CALLS} calls and no rest: {self.state()}"
            while self.events:
                self.deliver(self.events[0])
            for instance in self.not_booted():
                self.boot(instance)
            if self.stack.clock.now - swept_at >= SWEEP_SECONDS and not self.running("watchdog"):
                swept_at = self.stack.clock.now
                self.invoke(self.start.watchdog(0))
            runnable = self.lanes()
            for process, lane in runnable:
                if not lane.ended and process in self.processes:
                    self.advance(process, lane)
            if not runnable:
                self._sleep(swept_at + SWEEP_SECONDS)
        self.check()

    def let_make_calls(self, process: Process, calls: int, fate: str) -> None:
        """One process alone makes so many calls, and then one more that ends so."""
        made = 0
        while process in self.processes:
            lane = min((lane for lane in process.lanes if not lane.ended), key=lambda lane: lane.wakes_at)
            if lane.wakes_at > self.stack.clock.now:
                self.move(lane.wakes_at - self.stack.clock.now)
            asks = "." in lane.call
            self.advance(process, lane, fate if asks and made == calls else DONE)
            made += asks

    def _sleep(self, at_latest: float) -> None:
        """Until the next lane wakes."""
        waking = [lane.wakes_at for process, lane in self._sleeping() if not process.hung]
        self.move(max(0.1, min([at_latest, *waking]) - self.stack.clock.now))

    def _sleeping(self) -> Iterator[tuple[Process, Lane]]:
        return ((process, lane) for process in self.processes for lane in process.lanes if not lane.ended)

    def is_quiet(self) -> bool:
        nothing_runs = not self.processes and not self.stack.alive() and "run" not in self.stack.lease()
        return nothing_runs and not self.events and not self.stack.messages()

    def check_outcomes(self, *, redriven: bool) -> None:
        """At rest every chart has exactly one result or failure. After a redrive in peace what can be coded is."""
        items = self.stack.chart_items(BATCH)
        for chart, submitted in self.charts.items():
            assert chart in items, f"I7: {chart} has neither a result nor a failure"
            item = items[chart]
            assert item.sequencer == submitted.told, f"I7: {chart} has the outcome of an older upload"
            assert item.state == "coded" or (item.reason and item.message), f"I7: {chart} failed without a reason"
            if redriven:
                codable = submitted.text in ("fine", "slow", "hangs once")
                shot_at = sum(other.text == "killer" for other in self.charts.values()) > 1  # two of them in one hand
                assert (item.state == "coded") == codable or (codable and shot_at), (
                    f"I8: {chart} ({submitted.text}) is {item} after a redrive"
                )
        assert set(items) == set(self.charts), "I7: there are results of charts that nobody submitted"

    def state(self) -> str:
        """For a failure's message."""
        lease = self.stack.lease()
        runs = {run: (record["state"], record.get("reason", "")) for run, record in self.stack.runs().items()}
        return (
            f"lease {lease}, messages {len(self.stack.messages())}, alive {self.stack.alive()}, runs {runs}, "
            f"processes {[(one.name, one.hung, [lane.call for lane in one.lanes]) for one in self.processes]}"
        )
