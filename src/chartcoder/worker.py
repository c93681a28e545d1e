"""The worker: receive, read, code, store, delete; until it is told to leave.

    receiver thread     asks the queue for ten whenever there is room, hands each chart to a fetcher
    fetcher threads     read the chart from its bucket and give it to the coding processes
    main thread         stores what comes back, ten at a time, and only then deletes the messages;
                        keeps the messages in hand invisible; watches for SIGTERM and the Spot notice

What was received before and not finished is tried alone, each message after the other, and is a failure before it is
tried: a chart that takes its worker down takes no neighbour with it.

A message is deleted only after what became of its charts is stored. Whatever dies before that leaves the message to
come again, and the results store keeps the first result.

What fails is told apart (`cloud/faults.py`): what passes is asked for again, less and less often; what concerns one
chart is that chart's failure; what nothing can be done without (the key, a right, a table) ends the worker, which gives
its messages back unharmed and says so in its record, so that the master ends the run. A worker that comes no further
leaves, too.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools import Logger

from chartcoder.cloud.charts import ChartReference, ChartStore, references
from chartcoder.cloud.faults import Patience, kind_of
from chartcoder.cloud.fleet import FleetTable, WorkerState
from chartcoder.cloud.key import StackKey
from chartcoder.cloud.metadata import InstanceMetadata
from chartcoder.cloud.queue import TEN, ChartsQueue, Delivery
from chartcoder.cloud.results import Outcome, ResultsStore, Stored, pack
from chartcoder.cloud.traces import ONCE, TraceSender
from chartcoder.errors import BadRequest, ChartError, ChartOutOfReach, CodingFailed, Stalled
from chartcoder.logs import make_logger
from chartcoder.observing import Observer, WorkerObserver
from chartcoder.outlets import contain_process
from chartcoder.pool import CodingPool
from chartcoder.protected import tell
from chartcoder.settings import Settings

if TYPE_CHECKING:
    from chartcoder.chart import CodedChart

FLUSH_SECONDS = 0.5  # how long a result may wait for nine others
NOTICE_SECONDS = 5.0  # between two looks at the Spot notice; AWS recommends five
GRACE_SECONDS = 90.0  # to finish what is in hand after SIGTERM or a Spot notice, which comes two minutes ahead
LEAST_STALL_SECONDS = 300.0  # without any progress, before a worker takes itself to hang
FETCHERS = 8

Coded = tuple[tuple[str, ...], bytes]  # the billed codes, and the whole result packed


class Pool(Protocol):
    """What the worker asks of `CodingPool`."""

    def submit(self, data: bytes, chart_id: str) -> Future[Coded]: ...

    def outcome(self, future: Future[Coded]) -> Coded: ...


@dataclass(slots=True)
class InHand:
    """One message and the charts it names that are not stored yet."""

    delivery: Delivery
    left: int


@dataclass(slots=True)
class Suspect:
    """A message that was received before and not deleted: some worker may have died of one of its charts. `marked`:
    this one was being tried when the last one died; None before anybody looked."""

    delivery: Delivery
    named: list[ChartReference]
    marked: bool | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker did since its last report. `still_seconds`: since it last came any further, with charts in hand.
    `why`: it was stopped by what every worker would meet."""

    coded: int
    failed: int
    state: WorkerState
    still_seconds: float = 0.0
    why: str = ""


class Worker:
    """Works the queue with one coding process a core.

    `work` runs the loops in their threads. Each loop is one public step, again and again: `receive`, `fetch`, `turn`.
    """

    def __init__(
        self,
        *,
        queue: ChartsQueue,
        charts: ChartStore,
        results: ResultsStore,
        pool: Pool,
        check_key: Callable[[], None],
        report: Callable[[Report], bool],
        notice: Callable[[], bool],
        name: str,
        run: str,
        room: int,
        max_receives: int,
        chart_seconds: float,
        logger: Logger,
        observer: Observer | None = None,
        report_seconds: float = NOTICE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            check_key: raises KeyUnusable while the stack's key is out of use.
            report: keeps what was done since the last report in the run's record; True where the run has no more work
                for this worker.
            notice: True once EC2 has announced that it takes this instance back.
            room: how many messages to hold at most; enough that no core waits for the next.
            max_receives: the queue's maxReceiveCount.
            chart_seconds: the longest that the pool takes for one chart.
            observer: hears of each chart's steps.
            report_seconds: between two reports.
        """
        self._queue, self._charts, self._results, self._pool = queue, charts, results, pool
        self._check_key, self._report, self._notice = check_key, report, notice
        self._name, self._run, self._room = name, run, room
        self._max_receives = max_receives
        self._log = logger
        self._observer = observer or Observer()
        self._report_seconds = report_seconds
        self._monotonic = monotonic
        self._stall_seconds = max(LEAST_STALL_SECONDS, 2.5 * chart_seconds)
        self._leaving = threading.Event()
        self._over = threading.Event()  # nothing more is done for what is in hand
        self._leave_by = float("inf")
        self._hand: dict[str, InHand] = {}
        self._changed = threading.Condition()  # guards _hand and the counts; notified when there is room again
        self._suspects: list[Suspect] = []  # in hand, and not tried yet
        self._to_fetch: SimpleQueue[tuple[Delivery, ChartReference]] = SimpleQueue()
        self._done: SimpleQueue[tuple[str, Outcome] | BaseException] = SimpleQueue()
        self._ended: list[tuple[str, Outcome]] = []  # to be stored
        self._stored: list[Delivery] = []  # to be deleted
        self._coded_count = self._failed_count = 0  # since the last report
        self._patience = {
            what: Patience(monotonic=monotonic)
            for what in ("receive", "fetch", "store", "delete", "try", "extend", "report")
        }
        now = monotonic()
        self._moved_at = self._asked_at = now
        self._reported_at = self._extend_at = self._notice_at = now
        self._visibility = 0

    def leave(self, reason: str) -> None:
        """Takes no new chart; `work` finishes or gives back what is in hand and returns."""
        if not self._leaving.is_set():
            self._log.info("leaving", extra={"reason": reason, "in_hand": len(self._hand)})
            self._leaving.set()

    def work(self) -> None:
        """Works until `leave` is called. Raises what the queue or a store raised: the instance is then replaced."""
        self.to_the_end(self._in_threads)

    def to_the_end(self, loops: Callable[[], None]) -> None:
        """Prepares, works by `loops`, which repeat the three steps, and gives back what is left, however they end."""
        try:
            self.prepare()
            loops()
        except BaseException as error:
            self._leaving.set()
            self._over.set()
            self._give_back(error)
            raise
        self._over.set()
        self._give_back()

    def _in_threads(self) -> None:
        # daemons: one that hangs in a call must not keep this process from ending
        for loop, count in ((self._receive_while_there_is_room, 1), (self._fetch_what_comes, FETCHERS)):
            for _ in range(count):
                threading.Thread(target=self.guard(loop), daemon=True).start()
        while self.turn(FLUSH_SECONDS):
            pass

    def prepare(self) -> None:
        """Looks whether there is what it works with, before it takes a chart: one taken in vain has lost a try.

        Raises:
            KeyUnusable: the stack's key is out of use.
            Whatever the queue or the results table answered.
        """
        self._check_key()
        self._visibility = self._queue.visibility_seconds()
        self._results.check()

    # receiver thread

    def _receive_while_there_is_room(self) -> None:
        while not self._leaving.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._has_room() or self._leaving.is_set(), timeout=1)
            # short polls while there is work in hand, long ones while there is none
            self.receive(wait_seconds=1 if self._hand else 5)
            self._leaving.wait(self._patience["receive"].wait())

    def receive(self, *, wait_seconds: int) -> None:
        """Asks the queue once, where there is room, and takes in hand what came."""
        self._asked_at = self._monotonic()
        if self._has_room() and not self._leaving.is_set():
            self._patiently("receive", lambda: self._receive(wait_seconds))
            self._asked_at = self._monotonic()

    def _has_room(self) -> bool:
        return not self._trying and len(self._hand) <= self._room - TEN

    @property
    def _trying(self) -> bool:
        """Whether something in hand has been tried before: nothing new is taken beside it."""
        return any(in_hand.delivery.receives > 1 for in_hand in list(self._hand.values()))

    def _receive(self, wait_seconds: int) -> None:
        deliveries = self._queue.receive(wait_seconds=wait_seconds)
        if self._leaving.is_set():
            self._queue.release(deliveries)
            return
        for delivery in deliveries:
            self._take(delivery, self._named(delivery))

    def _named(self, delivery: Delivery) -> list[ChartReference] | None:
        """The charts of a message, or None where it is no S3 event: such a one is not ours to delete; it ends as a dead
        letter, where a person looks at it."""
        try:
            return references(delivery.body, bucket=self._charts.bucket)
        except BadRequest as error:
            self._log.error("message refused", extra={"message_id": delivery.message_id, "error": str(error)})
            return None

    def _take(self, delivery: Delivery, named: list[ChartReference] | None) -> None:
        if named is None:
            return
        if not named:
            self._queue.delete([delivery])
            return
        with self._changed:
            if (in_hand := self._hand.get(delivery.message_id)) is not None:
                in_hand.delivery = delivery  # it lapsed and came again to us: only the newest receipt can delete it
                return
            if not self._hand:
                self._moved_at = self._monotonic()
            self._hand[delivery.message_id] = InHand(delivery, left=len(named))
            if delivery.receives >= min(2, self._max_receives):
                self._suspects.append(Suspect(delivery, named))
        self._observer.took(delivery)
        if delivery.receives < min(2, self._max_receives):
            for reference in named:
                self._to_fetch.put((delivery, reference))

    # fetcher threads

    def _fetch_what_comes(self) -> None:
        while not self._over.is_set():  # who leaves finishes what it holds
            self.fetch(wait_seconds=1)
            self._over.wait(self._patience["fetch"].wait())

    def fetch(self, *, wait_seconds: float) -> None:
        """Reads one chart that was received, if one comes within `wait_seconds`, and gives it to the pool."""
        try:
            delivery, reference = (
                self._to_fetch.get(timeout=wait_seconds) if wait_seconds else self._to_fetch.get_nowait()
            )
        except Empty:
            return
        if not self._patiently("fetch", lambda: self._fetch(delivery, reference)):
            self._to_fetch.put((delivery, reference))

    def _fetch(self, delivery: Delivery, reference: ChartReference) -> None:
        try:
            if reference.fault is not None:
                raise reference.fault
            data = self._charts.get(reference)
        except ChartError as error:
            if isinstance(error, ChartOutOfReach):
                self._check_key()  # out of use, it would make a failure of every chart
            self._end(delivery, Outcome.failed(reference, error, receives=delivery.receives))
            return
        self._observer.read(delivery.message_id)
        future = self._pool.submit(data, reference.id)
        future.add_done_callback(self.guard(lambda future: self._coded(delivery, reference, future)))

    def _coded(self, delivery: Delivery, reference: ChartReference, future: Future[Coded]) -> None:
        if future.cancelled():
            return  # the pool was closed while leaving; the message was given back
        self._observer.coded(delivery.message_id)
        try:
            codes, packed = self._pool.outcome(future)
        except ChartError as error:
            self._end(delivery, Outcome.failed(reference, error, receives=delivery.receives))
        else:
            self._end(delivery, Outcome(reference, "coded", codes, packed, receives=delivery.receives))

    def _end(self, delivery: Delivery, outcome: Outcome) -> None:
        self._done.put((delivery.message_id, outcome))

    # main thread

    def turn(self, wait_seconds: float) -> bool:
        """One turn: what ended is stored, and its messages are deleted; the others are kept. False once it has left.

        Raises:
            Stalled: nothing in hand has ended for longer than a chart may take, or the queue does not answer.
            Whatever failed in a thread, or a store answered that does not pass.
        """
        self._gather(wait_seconds)
        if self._ended:
            self._patiently("store", self._store)
        if self._stored:
            self._patiently("delete", self._delete)
        if self._suspects and len(self._suspects) == len(self._hand) and not self._leaving.is_set():
            self._patiently("try", self._try_next_suspect)
        self._keep()
        self._check_progress()
        if self._leaving.is_set():
            self._leave_by = min(self._leave_by, self._monotonic() + GRACE_SECONDS)
        untried = len(self._hand) == len(self._suspects)
        return not self._leaving.is_set() or (not untried and self._monotonic() < self._leave_by)

    def _gather(self, seconds: float) -> None:
        """Up to ten outcomes to be stored, waiting at most `seconds` for them."""
        until = time.monotonic() + seconds
        while len(self._ended) < TEN:
            try:
                item = (
                    self._done.get(timeout=max(0.0, until - time.monotonic())) if seconds else self._done.get_nowait()
                )
            except Empty:
                break
            if isinstance(item, BaseException):
                raise item
            self._ended.append(item)
        if self._patience["store"].wait() and len(self._ended) == TEN:
            time.sleep(min(seconds, self._patience["store"].wait()))

    def _store(self) -> None:
        ended = self._ended
        self._count(self._results.store([outcome for _, outcome in ended], worker=self._name, run=self._run))
        self._ended = []
        with self._changed:
            self._moved_at = self._monotonic()
            for message_id, _ in ended:
                in_hand = self._hand[message_id]
                in_hand.left -= 1
                if in_hand.left == 0:
                    self._stored.append(self._hand.pop(message_id).delivery)
            self._changed.notify_all()
        self._observer.ended(ended)
        for _, outcome in ended:
            if outcome.state == "failed":
                self._log.warning("chart failed", extra={"chart": outcome.reference.id, "reason": outcome.reason})

    def _try_next_suspect(self) -> None:
        """Tries one message alone that some worker did not finish, and first what least deserves the suspicion.

        Each is stored as a failure before it is tried: where no worker survives it, it must still end as one that can
        be listed; a result that comes after all replaces it. That also marks it: should this worker die of it, the
        next one tries its neighbours first.
        """
        for suspect in self._suspects:
            if suspect.marked is None:
                suspect.marked = any(self._was_tried(chart) for chart in suspect.named)
            if not suspect.marked:
                break
        else:
            suspect = self._suspects[0]
        delivery = suspect.delivery
        error = CodingFailed(
            f"no worker finished this chart in {delivery.receives - 1} tries; redrive it, and report "
            "its kind and size if it fails again"
        )
        outcomes = [Outcome.failed(chart, error, receives=delivery.receives) for chart in suspect.named]
        self._count(self._results.store(outcomes, worker=self._name, run=self._run))
        if delivery.receives >= self._max_receives:
            for chart in suspect.named:
                self._log.warning("on its last try", extra={"chart": chart.id})
        self._suspects.remove(suspect)
        for chart in suspect.named:
            self._to_fetch.put((delivery, chart))

    def _was_tried(self, chart: ChartReference) -> bool:
        known = self._results.known(chart.batch, chart.chart)
        return known is not None and known["state"] == "failed" and known["sequencer"] == chart.sequencer

    def _delete(self) -> None:
        self._queue.delete(self._stored)
        self._stored = []

    def _keep(self) -> None:
        """What is due by the clock: messages are kept invisible, the Spot notice is looked for, the record is kept."""
        now = self._monotonic()
        if now >= self._extend_at and self._patiently("extend", self._extend):
            self._extend_at = now + self._visibility / 3
        if now >= self._notice_at and self._notice():
            self.leave("Spot notice")
            self._notice_at = float("inf")
        elif now >= self._notice_at:
            self._notice_at = now + NOTICE_SECONDS
        if now - self._reported_at >= self._report_seconds:
            state: WorkerState = "leaving" if self._leaving.is_set() else "working" if self._hand else "idle"
            self._patiently("report", lambda: self._tell(state))

    def _extend(self) -> None:
        self._queue.extend(self._deliveries(), self._visibility)

    def _deliveries(self) -> list[Delivery]:
        with self._changed:
            return [*(in_hand.delivery for in_hand in self._hand.values()), *self._stored]

    def _check_progress(self) -> None:
        if self._still_seconds() > self._stall_seconds:
            raise Stalled(f"no chart of {len(self._hand)} in hand has ended for {self._still_seconds():.0f} seconds")
        silent = self._monotonic() - self._asked_at
        if not self._leaving.is_set() and self._has_room() and silent > self._stall_seconds:
            raise Stalled(f"the queue was asked {silent:.0f} seconds ago and has not answered")

    def _still_seconds(self) -> float:
        with self._changed:
            return self._monotonic() - self._moved_at if self._hand else 0.0

    def _give_back(self, error: BaseException | None = None) -> None:
        """Gives back what is in hand, and says in the run's record that this worker is gone.

        After an error that every other worker would meet, the messages stay invisible for a visibility timeout: given
        back at once, they would go from worker to worker and lose all their tries before the run has ended.
        """
        stopped = error is not None and kind_of(error) == "stop"
        deliveries = self._deliveries()
        try:
            if deliveries:
                self._log.info("giving back", extra={"messages": len(deliveries)})
                self._queue.extend(deliveries, self._visibility if stopped else 0)
            self._tell("stopped" if stopped else "left", why=tell(error) if stopped and error else "")
        except Exception as failure:
            if error is None:
                raise
            # the messages come back by themselves, and what ended this worker is what must be told
            self._log.warning("not given back", extra={"reason": tell(failure)})

    # all threads

    def _patiently(self, what: str, step: Callable[[], None]) -> bool:
        """Whether the step was done. What passes by itself is tried again when it is due; all else is raised."""
        patience = self._patience[what]
        if not patience.due():
            return False
        try:
            step()
        except Exception as error:
            patience.failed(error)
            self._moved_at = self._monotonic()  # a service that says "later" is no hang, and patience has an end
            self._log.warning("asked again later", extra={"detail": what, "reason": tell(error)})
            return False
        patience.worked()
        return True

    def _count(self, stored: Stored) -> None:
        with self._changed:
            self._coded_count += stored.coded
            self._failed_count += stored.failed
        self._observer.stored(stored)

    def _tell(self, state: WorkerState, why: str = "") -> None:
        with self._changed:
            coded, failed = self._coded_count, self._failed_count
        dismissed = self._report(Report(coded, failed, state, self._still_seconds(), why))
        with self._changed:
            self._coded_count -= coded
            self._failed_count -= failed
        self._reported_at = self._monotonic()
        if dismissed:
            self.leave("dismissed: the run has no more work for it")

    def guard(self, function: Callable[..., None]) -> Callable[..., None]:
        """What fails in a thread is raised in the main one, so that no fault goes unseen."""

        def guarded(*arguments: Any) -> None:
            try:
                function(*arguments)
            except BaseException as error:
                self._done.put(error)

        return guarded


def render(coded: CodedChart) -> Coded:
    """What the worker stores of a coded chart; runs in the coding process, so that packing uses every core."""
    return tuple(code.code for code in coded.codes), pack(coded)


def main() -> None:
    """`python -m chartcoder.worker`: wires the real parts and works until told to leave."""
    import boto3
    from botocore.config import Config

    contain_process()
    settings = Settings.read(os.environ)
    config = Config(retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=FETCHERS * 2)
    session = boto3.Session()
    dynamodb = session.resource("dynamodb", config=config)
    metadata = InstanceMetadata.from_environment(os.environ)
    fleet = FleetTable(dynamodb.Table(settings.fleet_table))
    name = metadata.instance_id()
    s3 = session.client("s3", config=config)
    queue = ChartsQueue(session.client("sqs", config=config), settings.charts_queue_url, settings.dead_letter_queue_url)
    processes = os.cpu_count() or 1
    logger = make_logger("worker", run=settings.run, worker=name)
    observer = WorkerObserver(
        stack=settings.stack,
        run=settings.run,
        worker=name,
        traces=TraceSender(session.client("xray", config=ONCE), logger=logger),
    )

    def report(what: Report) -> bool:
        observer.tell(at_once=what.state != "working")
        return fleet.record_worker(settings.run, name, **asdict(what))

    with CodingPool(
        processes=processes, engine=settings.engine, chart_seconds=settings.chart_seconds, render=render
    ) as pool:
        worker = Worker(
            queue=queue,
            charts=ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes),
            results=ResultsStore(dynamodb.Table(settings.results_table), s3, settings.results_bucket),
            pool=pool,
            check_key=StackKey.of(session, queue).check,
            report=report,
            notice=metadata.spot_notice,
            name=name,
            run=settings.run,
            room=max(2 * TEN, processes * TEN),
            max_receives=settings.max_receives,
            chart_seconds=settings.chart_seconds,
            logger=logger,
            observer=observer,
        )
        signal.signal(signal.SIGTERM, lambda *_: worker.leave("SIGTERM"))
        try:
            worker.work()
        finally:
            observer.close()


if __name__ == "__main__":
    main()
