"""A chaos run: charts come in, faults strike, the pipeline recovers, and the promises are looked after.

calm      some charts are coded while their worker hangs for longer than a message is invisible, and nothing dies
storm     charts come in bursts, faults strike; the watchdog's schedule ticks faster than on AWS, as all else does
recovery  nothing goes wrong on purpose any more, until nothing waits and nothing runs
redrive   the failures are tried again, and the same is waited for
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from chartcoder.cloud.charts import ChartStore
from embedded.chaos.charts import Writer
from embedded.chaos.kinds import SCHEDULED, Kind, is_there
from embedded.chaos.memory import Memory
from embedded.chaos.promises import Found
from embedded.chaos.records import Journal, Struck
from embedded.chaos.schedule import Planned, plan
from embedded.chaos.system import NO_ANSWER, NoTarget, Role, System, coding, until
from embedded.emulator import METRIC_SECONDS
from embedded.leaks import Search
from embedded.processes import end

CALM = "calm"
BATCHES = (CALM, "storm-a", "storm-b", "storm-c")
CALM_CHARTS = 24
INVISIBLE_SECONDS = 15  # the queue's own setting; the template allows no less than 30, and nobody here waits so long
HANG_SECONDS = 20.0  # of the calm's worker: longer than a message is invisible, shorter than a chart may take

PARAMETERS = {
    "BudgetPerRun": "25",
    "ChartSeconds": "30",
    "LeaseSeconds": "45",
    "LongestWaitMinutes": "1",
    "MaxReceives": "4",
    "MaxWorkers": "4",
    "MinWorkers": "3",
    "SpotShare": "50",
    "VisibilitySeconds": "30",
    "WatchSeconds": "2",
    "WatchdogRate": "rate(1 minute)",
}
"""Of the stack: everything that is waited for is short."""

LOOK_SECONDS, TICK_SECONDS, PASS_SECONDS = 1.0, 5.0, 6.0
UPLOADERS = 4
AT_ONCE = 9  # faults under way at the most
MOST_TRIES = 3  # for each fault that shall hit something
BURST = 100  # charts
STEADY_SECONDS, AGAIN_EVERY = 0.7, 20  # between two bursts; one in so many is of charts that are there already


@dataclass
class Storm:
    """One chaos run on a deployed stack."""

    system: System
    writer: Writer
    search: Search
    charts: int
    faults: int
    seed: int
    kinds: tuple[Kind, ...]
    pause: float  # seconds between two faults
    patience: float  # seconds for each recovery
    say: Callable[[str], None]
    journal: Journal = field(default_factory=Journal)
    memory: Memory = field(default_factory=Memory)
    recovered: bool = True
    _over: threading.Event = field(default_factory=threading.Event)
    _struck_enough: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        settings = self.system.settings
        s3 = self.system.cloud.client("s3")
        self._store = ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes)
        sqs = self.system.cloud.client("sqs")
        sqs.set_queue_attributes(
            QueueUrl=settings.charts_queue_url, Attributes={"VisibilityTimeout": str(INVISIBLE_SECONDS)}
        )

    def blow(self) -> None:
        """Calm, storm and recovery."""
        with self._watched():
            self._be_calm()
            try:
                self._storm()
            except KeyboardInterrupt:
                self.say("no fault more; once more ends all of it")
            self.system.calm()
            self.say("nothing goes wrong on purpose any more; recovering")
            self._await_rest()

    def redrive(self) -> int:
        """Tries the failures again and waits until that is over; how many were put back."""
        with self._watched():
            redriven = self.system.redrive()
            self.say(f"{redriven} failures and dead letters were put back on the queue")
            self._await_rest()
        return redriven

    # the parts

    def _be_calm(self) -> None:
        """A worker hangs with charts in its hands while its heart beats. Nothing else happens to it."""
        self.say(
            f"{CALM_CHARTS} charts, whose workers hang for {HANG_SECONDS:.0f} s, longer than a message is invisible"
        )
        with self._workers_hang():
            self._upload(range(min(self.charts, CALM_CHARTS)), CALM)
            in_hand = until(lambda: self.system.queue.depth().in_flight, self.patience)
            time.sleep(HANG_SECONDS if in_hand else 0)
        until(lambda: self.system.ended(CALM) >= min(self.charts, CALM_CHARTS), self.patience)
        time.sleep(METRIC_SECONDS + 1)
        self.journal.handed_out = self.system.handed_out()

    @contextmanager
    def _workers_hang(self) -> Iterator[None]:
        """No coding process does anything as long as this lasts."""
        over = threading.Event()

        def hold() -> None:
            held: set[int] = set()
            while not over.wait(0.05):
                for pids in self.system.processes("worker").values():
                    for pid in set(coding(pids)) - held:
                        end(pid, signal.SIGSTOP)
                        held.add(pid)
            for pid in held:
                end(pid, signal.SIGCONT)

        thread = threading.Thread(target=hold, name="hang")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _storm(self) -> None:
        uploader = threading.Thread(target=self._upload_steadily, name="uploader", daemon=True)
        uploader.start()
        planned = plan(self.kinds, self.faults, seed=self.seed, pause=self.pause)
        try:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fault") as pool:
                under_way: list[Future[None]] = []
                waiting: deque[Planned] = deque()
                for fault in islice(planned, MOST_TRIES * self.faults):
                    waiting.append(fault)
                    time.sleep(fault.pause)
                    ready = self._await_ready(under_way, waiting)
                    if ready is None:
                        break
                    under_way.append(pool.submit(self._strike, ready))
                    if ready.kind.alone:
                        under_way[-1].result()
            for one in under_way:
                one.result()  # a mistake of the chaos's own is not the pipeline's
        finally:
            self._struck_enough.set()
            uploader.join()

    def _await_ready(self, under_way: list[Future[None]], waiting: deque[Planned]) -> Planned | None:
        """The next fault to strike, when there is room for it; None once enough have struck, or nothing runs any more
        that the others could hit."""
        deadline = time.monotonic() + self.patience
        while not self._is_enough() and time.monotonic() < deadline:
            if not self._is_busy(under_way) and (ready := self._ready(waiting)) is not None:
                return ready
            time.sleep(0.3)
        return None

    def _is_enough(self) -> bool:
        return len(self.journal.struck) >= self.faults

    def _is_busy(self, under_way: list[Future[None]]) -> bool:
        """Whether there is no room for another fault, or enough of them are under way."""
        busy = sum(not one.done() for one in under_way)
        return busy >= AT_ONCE or len(self.journal.struck) + busy >= self.faults

    def _ready(self, waiting: deque[Planned]) -> Planned | None:
        """The first of the faults that has something to hit, taken out; the others wait for what they hit."""
        roles: tuple[Role, ...] = ("worker", "master")
        there = {role: until(partial(is_there, self.system, role), 0.1) for role in roles}
        for fault in waiting:
            if fault.kind.hits is None or there[fault.kind.hits]:
                waiting.remove(fault)
                return fault
        return None

    def _strike(self, fault: Planned) -> None:
        began = time.monotonic()
        try:
            hits = fault.kind.strike(self.system, random.Random(fault.seed), fault.name)  # noqa: S311 - a schedule
        except NoTarget as error:
            with self.journal.lock:
                self.journal.missed.append(fault.kind.name)
            self.say(f"    {fault.kind.name}: missed, {error}")
        except NO_ANSWER as error:  # another fault had silenced AWS
            with self.journal.lock:
                self.journal.missed.append(fault.kind.name)
            self.say(f"    {fault.kind.name}: missed ({type(error).__name__})")
        else:
            struck = Struck(fault, began, time.monotonic(), hits)
            with self.journal.lock:
                self.journal.struck.append(struck)
                number = len(self.journal.struck)
            self.say(f"{number:4} {fault.kind.name} ({struck.ended_at - began:.1f} s, {hits})")

    def _upload_steadily(self) -> None:
        """All charts but the calm's, as fast as the faults come, so that there is always work; what is left at the end
        comes at once. Now and then, and when there are no others, some that are there already come again with new
        text."""
        rng = random.Random(f"uploads/{self.seed}")  # noqa: S311 - a schedule
        numbers = list(range(CALM_CHARTS, self.charts))
        done, turn = 0, 0
        while done < len(numbers) and not self._over.is_set():
            enough = self._struck_enough.wait(STEADY_SECONDS if self.faults else 0) or not self.faults
            share = 1.0 if enough else (len(self.journal.struck) + 1) / self.faults
            few = numbers[done : max(done + 1, min(done + BURST, round(share * len(numbers))))]
            batch = rng.choice(BATCHES[1:])
            if not self._without_fault(partial(self._upload, few, batch)):
                return
            done, turn = done + len(few), turn + 1
            if self.faults and turn % AGAIN_EVERY == 0:
                self._without_fault(partial(self._upload_again, rng))
        while self.faults and not self._over.is_set() and not self._struck_enough.wait(2 * STEADY_SECONDS):
            self._without_fault(partial(self._upload_again, rng))

    def _without_fault(self, upload: Callable[[], None]) -> bool:
        """Tries again while AWS does not answer: a sender's own retries."""
        for _ in range(20):
            try:
                upload()
            except NO_ANSWER:
                time.sleep(2)
            else:
                return True
        self.say("charts could not be uploaded")
        return False

    def _upload(self, numbers: Any, batch: str) -> None:
        def put(number: int) -> None:
            id_ = f"{batch}/chart-{number:06d}"
            if id_ not in self.journal.latest:
                self._store.put(id_, self.writer.write(number))
                self.journal.uploaded(id_, number, 0)

        with ThreadPoolExecutor(UPLOADERS) as pool:
            for done in [pool.submit(put, number) for number in numbers]:
                done.result()

    def _upload_again(self, rng: random.Random) -> None:
        """The same key with another text: its result must be of the later one."""
        with self.journal.lock:
            known = [id_ for id_ in self.journal.latest if not id_.startswith(f"{CALM}/")]
        for id_ in rng.sample(known, min(4, len(known))):
            number, version = self.journal.latest[id_]
            self._store.put(id_, self.writer.write(number, version=version + 1))
            self.journal.uploaded(id_, number, version + 1)

    def _await_rest(self) -> None:
        def rests() -> bool:
            return self.system.at_rest() and not until(lambda: not self.system.at_rest(), 3)

        self.recovered = bool(until(rests, self.patience)) and self.recovered
        self.say("nothing waits, nothing runs" if self.recovered else f"no rest within {self.patience:.0f} s")

    # who goes on looking

    @contextmanager
    def _watched(self) -> Iterator[None]:
        self._over.clear()
        tasks = ((self._look, LOOK_SECONDS), (self._tick, TICK_SECONDS), (self._pass, PASS_SECONDS))
        threads = [threading.Thread(target=self._repeat, args=task, name=task[0].__name__) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, task: Callable[[], None], seconds: float) -> None:
        while not self._over.wait(seconds):
            try:
                task()
            except NO_ANSWER:
                with self.journal.lock:
                    self.journal.silences += 1

    def _look(self) -> None:
        self.journal.looked(self.system.look())

    def _tick(self) -> None:
        """The watchdog's schedule; and the operator, who asks for a run where the watchdog would wait (operations.md,
        "Charts wait and nothing happens")."""
        self.system.invoke("Watchdog", SCHEDULED)
        if self.system.fleet.lease() is None and self.system.queue.depth().total:
            why = (self.system.fleet.last_sweep() or {}).get("why", "")
            if "starts none before" in why:
                self.system.invoke("Launcher", {})
                with self.journal.lock:
                    self.journal.asked += 1

    def _pass(self) -> None:
        self.memory.sample(self.system)
        self.search.look_at_what_passes()

    def found(self) -> Found:
        return Found.look(self.system)
