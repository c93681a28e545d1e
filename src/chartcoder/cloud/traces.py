"""X-Ray: where a traced submission's trace goes on, and the sender of segments that never holds anybody up.

The trace of `POST /charts` travels by itself: boto3 sends it with the upload, S3 hands it on with its event, and SQS
keeps it beside the message as `AWSTraceHeader` (X-Ray Developer Guide, "Amazon S3 and AWS X-Ray"). Whoever uploads
without one (`aws s3 cp`) is not traced and pays nothing.

Segments go to the service itself, by PutTraceSegments: there is no daemon on an instance.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from queue import Empty, Full, Queue
from typing import Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.protected import tell

ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT = re.compile(r"[0-9a-f]{16}")

MOST_WAITING = 1_000  # segments not sent yet; more are dropped
MOST_DOCUMENTS = 50  # of one request
GATHER_SECONDS = 1.0
ONCE = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
"""Of a client for TraceSender: a trace is worth no wait."""

RETRY_AFTER = 300.0  # seconds from a refusal to the next try: a network without a way to X-Ray has none later, either
LEAVING_SECONDS = 5.0  # for what is left at the end
MOST_OF_ONE_TRACE = 20  # segments a process: a trace may have 500 kB, and a batch a thousand charts
TRACES_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """A sampled trace, and the segment in it that what follows is a consequence of."""

    id: str
    parent: str


def trace_of(header: str) -> Trace | None:
    """The trace that a tracing header names (`Root=1-...;Parent=...;Sampled=1`); None where it is not sampled or is no
    header: it came with a message, and proves nothing."""
    fields = dict(part.split("=", 1) for part in header.replace(" ", "").split(";") if "=" in part)
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if fields.get("Sampled") != "1" or not ROOT.fullmatch(root) or not SEGMENT.fullmatch(parent):
        return None
    return Trace(root, parent)


def segment(
    trace: Trace, name: str, steps: list[tuple[str, float]], end: float, *, fault: bool = False, **annotations: Any
) -> dict[str, Any]:
    """A segment document of an instance's work, with a subsegment for each step.

    Args:
        steps: (name, epoch seconds of its beginning); each ends where the next begins, the last at `end`.
        fault: whether what it did failed for a reason of ours.
        annotations: by which the trace is found: ids, counts and words of ours.
    """
    times = [began for _, began in steps] + [end]
    return {
        "name": name,
        "id": secrets.token_hex(8),
        "trace_id": trace.id,
        "parent_id": trace.parent,
        "origin": "AWS::EC2::Instance",
        "start_time": times[0],
        "end_time": end,
        "fault": fault,
        "annotations": annotations,
        "subsegments": [
            {"name": step, "id": secrets.token_hex(8), "start_time": began, "end_time": max(began, ended)}
            for (step, _), (began, ended) in zip(steps, pairwise(times), strict=True)
        ],
    }


class TraceSender:
    """Sends segments from a thread of its own, up to fifty a request. What cannot be sent is dropped and counted, and
    the reason is logged once."""

    def __init__(self, xray: Any, *, logger: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`xray`: a boto3 X-Ray client that gives up soon."""
        self._xray, self._log, self._monotonic = xray, logger, monotonic
        self._waiting: Queue[dict[str, Any] | None] = Queue(MOST_WAITING)
        self._sent: OrderedDict[str, int] = OrderedDict()  # segments by trace, the latest last
        self._silent_until = float("-inf")
        self._told = False
        self._lock = threading.Lock()
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
        self._thread.start()

    def send(self, document: dict[str, Any]) -> None:
        """Hands a segment over; returns at once."""
        if not self._is_one_too_many(document["trace_id"]):
            try:
                self._waiting.put_nowait(document)
            except Full:
                self._drop(1)

    def take_dropped(self) -> int:
        """How many segments were dropped since last asked."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def close(self) -> None:
        """Sends what is left, for a few seconds at most."""
        try:
            self._waiting.put(None, timeout=LEAVING_SECONDS)
        except Full:
            return
        self._thread.join(LEAVING_SECONDS)

    def _is_one_too_many(self, trace_id: str) -> bool:
        with self._lock:
            sent = self._sent.pop(trace_id, 0)
            self._sent[trace_id] = sent + 1
            if len(self._sent) > TRACES_REMEMBERED:
                self._sent.popitem(last=False)
        return sent >= MOST_OF_ONE_TRACE

    def _drop(self, segments: int) -> None:
        with self._lock:
            self._dropped += segments

    def _work(self) -> None:
        for gathered in self._gathered():
            if self._monotonic() < self._silent_until:
                self._drop(len(gathered))
            else:
                self._put(gathered)

    def _gathered(self) -> Iterator[list[dict[str, Any]]]:
        """What came, up to fifty at once, until `close`."""
        closed = False
        while not closed:
            documents, until = [self._waiting.get()], self._monotonic() + GATHER_SECONDS
            while documents[-1] is not None and len(documents) < MOST_DOCUMENTS:
                try:
                    documents.append(self._waiting.get(timeout=max(0.0, until - self._monotonic())))
                except Empty:
                    break
            closed = documents[-1] is None
            if gathered := [document for document in documents if document is not None]:
                yield gathered

    def _put(self, documents: list[dict[str, Any]]) -> None:
        try:
            answer = self._xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(one) for one in documents])
        except (BotoCoreError, ClientError) as error:
            self._drop(len(documents))
            self._silent_until = self._monotonic() + RETRY_AFTER
            if not self._told:  # a network without a way to X-Ray is an honest choice: no warning
                self._told = True
                self._log.info("traces cannot be sent", extra={"reason": tell(error)})
        else:
            self._drop(len(answer.get("UnprocessedTraceSegments", ())))
