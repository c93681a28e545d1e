"""Who may call the emulated endpoints: charts are behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from embedded.control import only_from

NETWORKS = ("127.0.0.1/32", "172.20.0.0/16")


def status_for(caller: str) -> int:
    """The status that a caller from this address gets."""
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a chart"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "client": (caller, 40_000)}
    asyncio.run(only_from(NETWORKS, application)(scope, None, send))
    status: int = sent[0]["status"]
    assert status == 200 or not any(message.get("body") for message in sent)
    return status


@pytest.mark.parametrize("caller", ["127.0.0.1", "172.20.0.1", "172.20.3.4"])
def test_this_machine_and_the_clouds_own_containers_are_answered(caller: str) -> None:
    assert status_for(caller) == 200


@pytest.mark.parametrize("caller", ["172.21.0.2", "192.0.2.7", "10.0.0.1", "127.0.0.2"])
def test_everybody_else_is_refused_without_a_word(caller: str) -> None:
    assert status_for(caller) == 403
