"""What AWS has no API for: asking the emulator about its processes, and playing AWS's part in tests.

GET  /_embedded/processes                        {"instances": {id: [pid]}, "functions": {pid: handler}}
PUT  /_embedded/instances/<id>/spot-notice       a Spot interruption notice in the instance's metadata
PUT  /_embedded/capacity {"spot": 0}             how many instances of a kind EC2 still has; null: no limit
PUT  /_embedded/clock {"seconds": 120}           by how much the clocks of instances that boot from now on are off
GET  /_embedded/faults                           {name: calls hit}: the calls that go wrong on purpose
PUT  /_embedded/faults/<name> {"service": ...}   more of them: the fields of embedded.faults.Fault
DELETE /_embedded/faults/<name>                  an end of that: {"hit": calls}
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from embedded.faults import Fault

if TYPE_CHECKING:
    from embedded.emulator import Emulator

PREFIX = "/_embedded/"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def with_control(app: Asgi, emulator: Emulator) -> Asgi:
    """The emulator's application with these paths in front."""

    async def controlled(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, _tell_started(send, emulator))
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            return await app(scope, receive, send)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = _answer(emulator, scope["method"], scope["path"].removeprefix(PREFIX), body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
        return None

    return controlled


def only_from(networks: Sequence[str], app: Asgi) -> Asgi:
    """The application for callers of these networks alone: charts may be behind it."""
    allowed = [ipaddress.ip_network(network) for network in networks]

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            caller = ipaddress.ip_address(scope["client"][0])
            if not any(caller in network for network in allowed):
                await send({"type": "http.response.start", "status": 403, "headers": []})
                return await send({"type": "http.response.body", "body": b""})
        return await app(scope, receive, send)

    return guarded


def _tell_started(send: Any, emulator: Emulator) -> Any:
    async def tell(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":  # the state of an earlier life is loaded by now
            emulator.end_instances_of_an_earlier_life()
        await send(message)

    return tell


def _answer(emulator: Emulator, method: str, path: str, body: bytes) -> tuple[int, Any]:
    parts = path.split("/")
    if method == "GET" and path == "processes":
        return 200, {"instances": emulator.instances.processes(), "functions": emulator.functions.processes()}
    if method == "PUT" and path == "capacity":
        asked = json.loads(body)
        unknown = set(asked) - set(emulator.instances.capacity)
        if unknown:
            return 400, {
                "message": f"unknown kind {sorted(unknown)[0]!r}: one of {sorted(emulator.instances.capacity)}"
            }
        emulator.instances.capacity.update(asked)
        return 200, emulator.instances.capacity
    if method == "PUT" and path == "clock":
        emulator.set_clock(json.loads(body)["seconds"])
        return 200, {}
    if parts[0] == "faults":
        return _answer_of_faults(emulator, method, parts[1:], body)
    if method == "PUT" and len(parts) == 3 and parts[0] == "instances" and parts[2] == "spot-notice":
        try:
            emulator.instances.notify_spot(parts[1])
        except KeyError:
            return 404, {"message": f"no instance {parts[1]} runs"}
        return 200, {}
    return 404, {"message": "see embedded/control.py"}


def _answer_of_faults(emulator: Emulator, method: str, names: list[str], body: bytes) -> tuple[int, Any]:
    if method == "GET" and not names:
        return 200, emulator.faults.hits()
    if method == "PUT" and len(names) == 1:
        try:
            emulator.faults.put(names[0], Fault(**json.loads(body)))
        except (TypeError, ValueError) as error:
            return 400, {"message": str(error)}
        return 200, {}
    if method == "DELETE" and len(names) == 1:
        return 200, {"hit": emulator.faults.lift(names[0])}
    return 404, {"message": "see embedded/control.py"}
