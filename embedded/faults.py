"""Calls of AWS that go wrong on purpose, as they do on a bad day: refused, throttled, or answered by nobody.

A fault is put in place over the control door (embedded/control.py) and hits calls of the pipeline's own roles; the
account's owner, who puts charts in and looks, is spared. Which calls it hits is drawn from a seed.

    fail       the service's own error 500, and nothing was done
    throttle   the service's own word for "too many requests", and nothing was done
    refuse     an error with the code that is asked for, and nothing was done
    lose       it was done, and the connection breaks before the answer is there
    silence    it was done, and nobody answers for `seconds`; then the connection breaks
    hold       it is done after `seconds`, unless the caller is gone by then: the request that a dying caller never sent
    duplicate  of S3's events alone: the event is delivered twice, the second time up to `seconds` later
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from embedded import ACCOUNT

MODES = ("fail", "throttle", "refuse", "lose", "silence", "hold", "duplicate")
EVENTS = "s3-events"  # stands for a service: what S3 tells the queue

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

# what each service says: (status, code). From the services' API references, "Common errors" and the operations' own
FAILURES = {
    "dynamodb": (500, "InternalServerError"),
    "ec2": (500, "InternalError"),
    "s3": (500, "InternalError"),
    "sqs": (500, "InternalFailure"),
}
THROTTLES = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "ec2": (503, "RequestLimitExceeded"),
    "s3": (503, "SlowDown"),
    "sqs": (403, "RequestThrottled"),
}


@dataclass
class Fault:
    """What goes wrong, and with which calls.

    Attributes:
        service: as in a request's signature: dynamodb, ec2, s3, sqs; or `s3-events`.
        mode: one of MODES.
        actions: the operations that are hit, by their API's name (of S3: the HTTP method); none: every one.
        share: of the calls that are hit, 0 to 1.
        calls: how many are hit at most; None: no limit.
        seconds: how long `silence` and `hold` take, and by how much `duplicate` is late at most.
        code: what `refuse` says.
        holding: what must stand in the request's body.
    """

    service: str
    mode: str
    actions: tuple[str, ...] = ()
    share: float = 1.0
    calls: int | None = None
    seconds: float = 5.0
    code: str = ""
    holding: str = ""
    seed: int = 0
    hit: int = 0
    _drawn: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}: one of {', '.join(MODES)}")
        self.actions = tuple(self.actions)
        self._drawn = random.Random(self.seed)  # noqa: S311 - a schedule, not a secret

    def takes(self, service: str, action: str, body: bytes) -> bool:
        """Whether this call is hit; counts it."""
        if service != self.service or (self.actions and action not in self.actions):
            return False
        if self.holding.encode() not in body or self.hit == self.calls or self._drawn.random() >= self.share:
            return False
        self.hit += 1
        return True

    def lateness(self) -> float:
        return self._drawn.uniform(0, self.seconds)


class Faults:
    """The faults in place, by name. Used from the event loop and from the threads that deliver events."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def put(self, name: str, fault: Fault) -> None:
        with self._lock:
            self._faults[name] = fault

    def lift(self, name: str) -> int:
        """Takes a fault away, and says how many calls it hit."""
        with self._lock:
            fault = self._faults.pop(name, None)
        return fault.hit if fault else 0

    def hits(self) -> dict[str, int]:
        with self._lock:
            return {name: fault.hit for name, fault in self._faults.items()}

    def of(self, service: str, action: str, body: bytes = b"") -> Fault | None:
        """The first fault that hits this call."""
        with self._lock:
            return next((fault for fault in self._faults.values() if fault.takes(service, action, body)), None)

    def __bool__(self) -> bool:
        return bool(self._faults)


def with_faults(app: Asgi, faults: Faults) -> Asgi:
    """The application with faults in front."""

    async def faulty(scope: Any, receive: Any, send: Any) -> None:
        if not faults or scope["type"] != "http":
            return await app(scope, receive, send)
        caller, service = _signer(scope)
        if caller in ("", ACCOUNT):
            return await app(scope, receive, send)
        body, again = await _read(receive)
        action = _action(scope, service, body)
        fault = faults.of(service, action, body)
        if fault is None:
            return await app(scope, again, send)
        if fault.mode in ("hold", "lose", "silence"):
            return await _be_late(fault, app, scope, receive, again, send)
        return await _refuse(fault, service, send)

    return faulty


async def _be_late(fault: Fault, app: Asgi, scope: Any, receive: Any, again: Any, send: Any) -> None:
    """`receive` tells when the caller hangs up; `again` gives the application its request."""
    if fault.mode == "hold":
        return None if await _is_gone(receive, fault.seconds) else await app(scope, again, send)
    unheard: list[Any] = []
    await app(scope, again, _keep(unheard))
    if fault.mode == "silence":
        await _is_gone(receive, fault.seconds)
    return await _break_off(send)


async def _refuse(fault: Fault, service: str, send: Any) -> None:
    status, code = _refusal(fault, service)
    content, body = _error(service, code)
    headers = [(b"content-type", content), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _refusal(fault: Fault, service: str) -> tuple[int, str]:
    if fault.mode == "refuse":
        return 400, fault.code
    known = FAILURES if fault.mode == "fail" else THROTTLES
    return known.get(service, (500, "InternalFailure") if fault.mode == "fail" else (429, "TooManyRequestsException"))


def _error(service: str, code: str) -> tuple[bytes, bytes]:
    """(content type, body) of an error as the service's protocol has it."""
    said = "a fault on purpose"
    if service == "ec2":
        error = f"<Errors><Error><Code>{code}</Code><Message>{said}</Message></Error></Errors>"
        return b"text/xml", f"<Response>{error}<RequestID>fault</RequestID></Response>".encode()
    if service == "s3":
        return b"application/xml", f"<Error><Code>{code}</Code><Message>{said}</Message></Error>".encode()
    return b"application/x-amz-json-1.0", json.dumps({"__type": f"com.amazonaws#{code}", "message": said}).encode()


def _keep(messages: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def keep(message: Any) -> None:
        messages.append(message)

    return keep


async def _break_off(send: Any) -> None:
    """Begin an answer and do not end it: the server then closes the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


async def _is_gone(receive: Any, seconds: float) -> bool:
    """Wait so long, or until the caller hangs up, and say whether it did."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _read(receive: Any) -> tuple[bytes, Any]:
    """A request's body, and a `receive` that gives it again and then what comes."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


def _signer(scope: Any) -> tuple[str, str]:
    """(access key, service) of a request's signature; empty where it has none."""
    for name, value in scope["headers"]:
        if name == b"authorization" and b"Credential=" in value:
            scope_parts = value.split(b"Credential=")[1].split(b",")[0].decode().split("/")
            if len(scope_parts) == 5:
                return scope_parts[0], scope_parts[3]
    return "", ""


def _action(scope: Any, service: str, body: bytes) -> str:
    """The operation by its API's name; of S3, and of others that speak REST, the method."""
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            return str(value.decode().rpartition(".")[2])
    if service == "ec2":
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return str(scope["method"])
