"""X-Ray: segments are kept and given back, and a tracing header goes on with an upload's event. ministack has neither.

Segments come by PutTraceSegments and, of functions, as datagrams to the daemon's port. They are given back as they are:
AWS puts the parts of a segment together and infers segments of services that send none.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.services import sqs

from embedded.patches.base import EmulatorChanged, replace

log = logging.getLogger("embedded.xray")

MOST_SEGMENTS = 10_000  # the latest
MOST_BYTES = 65_536  # of a datagram; a segment document may have 64 kB
DATAGRAM_HEADER = "\n"  # what stands before it names the format (X-Ray Developer Guide, "Sending segment documents")
ACTIONS = {
    "/TraceSegments": "xray:PutTraceSegments",
    "/TelemetryRecords": "xray:PutTelemetryRecords",
    "/TraceSummaries": "xray:GetTraceSummaries",
    "/Traces": "xray:BatchGetTraces",
}
Asgi = Callable[[Any, Any, Any], Any]
Answer = tuple[int, dict[str, str], bytes]

_header: ContextVar[str] = ContextVar("tracing header", default="")
"""`X-Amzn-Trace-Id` of the request that is being handled; what it makes happen later runs in a copy of its context."""


class Segments:
    """The segments of all traces, the latest of them."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, dict[str, Any], str]] = deque(maxlen=MOST_SEGMENTS)
        self._lock = threading.Lock()

    def take(self, document: str) -> bool:
        """Keeps a segment document; False where it is none."""
        try:
            segment = json.loads(document)
            sound = all(isinstance(segment[name], str) for name in ("id", "name", "trace_id"))
        except (ValueError, KeyError, TypeError):
            return False
        if sound:
            with self._lock:
                self._kept.append((time.time(), segment, document))
        return sound

    def summaries(self) -> list[dict[str, Any]]:
        """Each trace once, by its id."""
        with self._lock:
            return [{"Id": id_} for id_ in dict.fromkeys(segment["trace_id"] for _, segment, _ in self._kept)]

    def traces(self, ids: list[str]) -> list[dict[str, Any]]:
        with self._lock:
            kept = list(self._kept)
        found = []
        for wanted in ids:
            segments = [(s, document) for _, s, document in kept if s["trace_id"] == wanted]
            if segments:
                shown = [{"Id": segment["id"], "Document": document} for segment, document in segments]
                found.append({"Id": wanted, "Segments": shown})
        return found


def install(segments: Segments) -> None:
    if "xray" in router.SERVICE_PATTERNS or "xray" in app.SERVICE_HANDLERS:
        raise EmulatorChanged("ministack knows X-Ray by now: see embedded/patches/xray.py")
    router.SERVICE_PATTERNS["xray"] = {"host_patterns": [r"xray\."]}
    app.SERVICE_HANDLERS["xray"] = _handler(segments)

    @replace(iam_actions, "extract_iam_action", "service", "method", "path")
    def extract_iam_action(original: Callable[..., Any], service: str, method: str, path: str, *rest: Any) -> Any:
        return ACTIONS.get(path) if service == "xray" else original(service, method, path, *rest)

    @replace(sqs, "_build_send_sys_attrs", "now", "sys_attrs_input")
    def build_send_sys_attrs(original: Callable[..., Any], now: float, given: dict[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = original(now, given)  # one that the message brings goes before the request's
        return {**({"AWSTraceHeader": _header.get()} if _header.get() else {}), **attributes}

    @replace(sqs, "_ensure_msg_fields", "m")
    def ensure_message_fields(original: Callable[..., None], message: dict[str, Any]) -> None:
        is_new = "sys" not in message  # S3's events come this way
        original(message)
        if is_new and _header.get():
            message.setdefault("sys", {})["AWSTraceHeader"] = _header.get()


def _handler(segments: Segments) -> Callable[..., Any]:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        asked = json.loads(body or b"{}")
        if path == "/TraceSegments":
            refused = [document for document in asked["TraceSegmentDocuments"] if not segments.take(document)]
            unprocessed = [{"ErrorCode": "ParseError", "Message": "Invalid segment"} for _ in refused]
            return _answer({"UnprocessedTraceSegments": unprocessed})
        if path == "/TraceSummaries":
            return _answer({"TraceSummaries": segments.summaries()})
        if path == "/Traces":
            return _answer({"Traces": segments.traces(asked["TraceIds"]), "UnprocessedTraceIds": []})
        return _answer({"message": "not of the operations that embedded/patches/xray.py has"}, status=404)

    return handle


def _answer(value: dict[str, Any], *, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def with_tracing_header(application: Asgi) -> Asgi:
    """The application, which knows the tracing header of the request that it handles."""

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _header.set(dict(scope["headers"]).get(b"x-amzn-trace-id", b"").decode(errors="replace"))
        await application(scope, receive, send)

    return traced


class Daemon:
    """X-Ray's daemon, as functions find it: datagrams of a header line and a segment document."""

    def __init__(self, segments: Segments, host: str, port: int) -> None:
        """`port`: 0 for a free one. Raises OSError where it is taken."""
        self._segments = segments
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, name="xray-daemon", daemon=True).start()

    def _listen(self) -> None:
        while True:
            datagram = self._socket.recv(MOST_BYTES).decode(errors="replace")
            if not self._segments.take(datagram.partition(DATAGRAM_HEADER)[2]):
                log.warning("a datagram was no segment")
