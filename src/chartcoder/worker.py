"""The worker: receive, read, code, store, delete; until it is told to leave.

    receiver thread     asks the queue for ten whenever there is room, hands each chart to a fetcher
    fetcher threads     read the chart from its bucket and give it to the coding processes
    main thread         stores what comes back, ten at a time, and only then deletes the messages;
                        keeps the messages in hand invisible; watches for SIGTERM and the Spot notice

A message is deleted only after what became of its charts is stored. Whatever dies before that leaves the message to
come again, and the results store keeps the first result.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from chartcoder.cloud.charts import ChartReference, ChartStore, references
from chartcoder.cloud.fleet import FleetTable, WorkerState
from chartcoder.cloud.metadata import InstanceMetadata
from chartcoder.cloud.queue import TEN, ChartsQueue, Delivery
from chartcoder.cloud.results import Outcome, ResultsStore, Stored, pack
from chartcoder.cloud.traces import ONCE, TraceSender
from chartcoder.errors import BadRequest, ChartError, CodingFailed
from chartcoder.logs import make_logger
from chartcoder.observing import Observer, WorkerObserver
from chartcoder.outlets import contain_process
from chartcoder.pool import CodingPool
from chartcoder.settings import Settings

if TYPE_CHECKING:
    from chartcoder.chart import CodedChart

FLUSH_SECONDS = 0.5  # how long a result may wait for nine others
NOTICE_SECONDS = 5.0  # between two looks at the Spot notice; AWS recommends five
GRACE_SECONDS = 90.0  # to finish what is in hand after SIGTERM or a Spot notice, which comes two minutes ahead
FETCHERS = 8

Coded = tuple[tuple[str, ...], bytes]  # the billed codes, and the whole result packed


@dataclass(slots=True)
class InHand:
    """One message and the charts it names that are not stored yet."""

    delivery: Delivery
    left: int


@dataclass(slots=True)
class Progress:
    """What this worker has done since it last reported it."""

    coded: int = 0
    failed: int = 0
    reported_at: float = field(default_factory=time.monotonic)


class Worker:
    """Works the queue with one coding process a core."""

    def __init__(
        self,
        *,
        queue: ChartsQueue,
        charts: ChartStore,
        results: ResultsStore,
        pool: CodingPool[Coded],
        report: Callable[[int, int, WorkerState], bool],
        notice: Callable[[], bool],
        name: str,
        run: str,
        room: int,
        max_receives: int,
        logger: Logger,
        observer: Observer | None = None,
    ) -> None:
        """
        Args:
            report: takes (coded, failed, state) since the last report, for the run's record; True where the run has
                no more work for this worker.
            notice: True once EC2 has announced that it takes this instance back.
            room: how many messages to hold at most; enough that no core waits for the next.
            max_receives: the queue's maxReceiveCount; on the last of them a failure is stored before the attempt.
            observer: hears of each chart's steps.
        """
        self._queue, self._charts, self._results, self._pool = queue, charts, results, pool
        self._report, self._notice = report, notice
        self._name, self._run, self._room = name, run, room
        self._max_receives = max_receives
        self._log = logger
        self._observer = observer or Observer()
        self._visibility = queue.visibility_seconds()
        self._leaving = threading.Event()
        self._hand: dict[str, InHand] = {}
        self._changed = threading.Condition()  # guards _hand; notified when there is room again
        self._done: SimpleQueue[tuple[str, Outcome] | BaseException] = SimpleQueue()
        self._progress = Progress()

    def leave(self, reason: str) -> None:
        """Takes no new chart; `work` finishes or gives back what is in hand and returns."""
        if not self._leaving.is_set():
            self._log.info("leaving", extra={"reason": reason, "in_hand": len(self._hand)})
            self._leaving.set()

    def work(self) -> None:
        """Works until `leave` is called. Raises what the queue or a store raised: the instance is then replaced."""
        receiver = threading.Thread(target=self._guard(self._receive_while_there_is_room), daemon=True)
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch") as self._fetchers:
            receiver.start()
            try:
                self._store_until_left()
            finally:
                self._leaving.set()
                self._fetchers.shutdown(wait=False, cancel_futures=True)
                self._give_back()
        self._tell("left")

    # receiver thread

    def _receive_while_there_is_room(self) -> None:
        while not self._leaving.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._hand) <= self._room - TEN or self._leaving.is_set(), timeout=1)
                if len(self._hand) > self._room - TEN:
                    continue
            # short polls while there is work in hand, long ones while there is none
            deliveries = self._queue.receive(wait_seconds=1 if self._hand else 5)
            if self._leaving.is_set():
                self._queue.release(deliveries)
                return
            named = [(delivery, self._named(delivery)) for delivery in deliveries]
            self._fail_in_advance(named)
            for delivery, charts in named:
                self._take(delivery, charts)

    def _named(self, delivery: Delivery) -> list[ChartReference] | None:
        """The charts of a message, or None where it is no S3 event: such a one is not ours to delete; it ends as a dead
        letter, where a person looks at it."""
        try:
            return references(delivery.body, bucket=self._charts.bucket)
        except BadRequest as error:
            self._log.error("message refused", extra={"message_id": delivery.message_id, "error": str(error)})
            return None

    def _fail_in_advance(self, received: list[tuple[Delivery, list[ChartReference] | None]]) -> None:
        """What is on its last try is stored as a failure before anything is tried: where no worker survives a chart, it
        must still end as a failure that can be listed. A result that comes after all replaces it."""
        outcomes = [
            Outcome.failed(
                chart,
                CodingFailed(
                    f"no worker finished this chart in {delivery.receives - 1} tries; redrive it, and report "
                    "its kind and size if it fails again"
                ),
                receives=delivery.receives,
            )
            for delivery, charts in received
            if delivery.receives >= self._max_receives
            for chart in charts or ()
        ]
        if outcomes:
            self._count(self._results.store(outcomes, worker=self._name, run=self._run))
            for outcome in outcomes:
                self._log.warning("on its last try", extra={"chart": outcome.reference.id})

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
            self._hand[delivery.message_id] = InHand(delivery, left=len(named))
        self._observer.took(delivery)
        for reference in named:
            self._fetchers.submit(self._guard(self._fetch), delivery, reference)

    # fetcher threads

    def _fetch(self, delivery: Delivery, reference: ChartReference) -> None:
        try:
            if reference.fault is not None:
                raise reference.fault
            data = self._charts.get(reference)
        except ChartError as error:
            self._end(delivery, Outcome.failed(reference, error, receives=delivery.receives))
            return
        self._observer.read(delivery.message_id)
        future = self._pool.submit(data, reference.id)
        future.add_done_callback(self._guard(lambda future: self._coded(delivery, reference, future)))

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

    def _store_until_left(self) -> None:
        leave_by = float("inf")
        extend_at = notice_at = time.monotonic()
        waiting: list[tuple[str, Outcome]] = []
        while True:
            waiting += self._ended(TEN - len(waiting), FLUSH_SECONDS)
            if waiting:
                self._store(waiting)
                waiting = []
            now = time.monotonic()
            if now >= extend_at:
                self._extend()
                extend_at = now + self._visibility / 3
            if now >= notice_at and self._notice():
                self.leave("Spot notice")
                notice_at = float("inf")
            elif now >= notice_at:
                notice_at = now + NOTICE_SECONDS
            if now - self._progress.reported_at >= NOTICE_SECONDS:
                self._tell("working" if self._hand else "idle")
            if self._leaving.is_set():
                leave_by = min(leave_by, now + GRACE_SECONDS)
                if not self._hand or now >= leave_by:
                    return

    def _ended(self, limit: int, seconds: float) -> list[tuple[str, Outcome]]:
        """Up to `limit` outcomes, waiting at most `seconds` for them."""
        ended: list[tuple[str, Outcome]] = []
        until = time.monotonic() + seconds
        while len(ended) < limit:
            try:
                item = self._done.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if isinstance(item, BaseException):
                raise item
            ended.append(item)
        return ended

    def _store(self, ended: list[tuple[str, Outcome]]) -> None:
        self._count(self._results.store([outcome for _, outcome in ended], worker=self._name, run=self._run))
        complete = []
        with self._changed:
            for message_id, _ in ended:
                in_hand = self._hand[message_id]
                in_hand.left -= 1
                if in_hand.left == 0:
                    complete.append(self._hand.pop(message_id).delivery)
            self._changed.notify_all()
        self._queue.delete(complete)
        self._observer.ended(ended)
        for _, outcome in ended:
            if outcome.state == "failed":
                self._log.warning("chart failed", extra={"chart": outcome.reference.id, "reason": outcome.reason})

    def _extend(self) -> None:
        with self._changed:
            deliveries = [in_hand.delivery for in_hand in self._hand.values()]
        self._queue.extend(deliveries, self._visibility)

    def _give_back(self) -> None:
        with self._changed:
            deliveries = [in_hand.delivery for in_hand in self._hand.values()]
        if deliveries:
            self._log.info("giving back", extra={"messages": len(deliveries)})
            self._queue.release(deliveries)

    def _count(self, stored: Stored) -> None:
        with self._changed:
            self._progress.coded += stored.coded
            self._progress.failed += stored.failed
        self._observer.stored(stored)

    def _tell(self, state: WorkerState) -> None:
        with self._changed:
            progress, self._progress = self._progress, Progress()
        if self._leaving.is_set() and state != "left":
            state = "leaving"
        if self._report(progress.coded, progress.failed, state):
            self.leave("dismissed: the run has no more work for it")

    def _guard(self, function: Callable[..., None]) -> Callable[..., None]:
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
    processes = os.cpu_count() or 1
    logger = make_logger("worker", run=settings.run, worker=name)
    observer = WorkerObserver(
        stack=settings.stack,
        run=settings.run,
        worker=name,
        traces=TraceSender(session.client("xray", config=ONCE), logger=logger),
    )

    def report(coded: int, failed: int, state: WorkerState) -> bool:
        observer.tell(at_once=state != "working")
        return fleet.record_worker(settings.run, name, coded=coded, failed=failed, state=state)

    with CodingPool(
        processes=processes, engine=settings.engine, chart_seconds=settings.chart_seconds, render=render
    ) as pool:
        worker = Worker(
            queue=ChartsQueue(
                session.client("sqs", config=config), settings.charts_queue_url, settings.dead_letter_queue_url
            ),
            charts=ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes),
            results=ResultsStore(dynamodb.Table(settings.results_table), s3, settings.results_bucket),
            pool=pool,
            report=report,
            notice=metadata.spot_notice,
            name=name,
            run=settings.run,
            room=max(2 * TEN, processes * TEN),
            max_receives=settings.max_receives,
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
