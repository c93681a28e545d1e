"""Handlers that the contract tests run as functions."""

from __future__ import annotations

import json
import os
import threading
from typing import Any


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Print what it is told, or the event; answer with what a handler can know of itself."""
    print(event.get("print") or f"EVENT {json.dumps(event)}")
    return {
        "process": os.getpid(),
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("AWS_SE")},
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }


def fail(event: dict[str, Any], context: Any) -> None:
    """Raise or exit, as the event asks."""
    if event["how"] == "exit":
        os._exit(3)
    raise ValueError("as asked")


def hang(event: dict[str, Any], context: Any) -> None:
    """Never answer."""
    threading.Event().wait()
