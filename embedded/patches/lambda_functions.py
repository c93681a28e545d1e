"""Lambda: functions that are images run as processes of their handler, and answer with the digest they run.

ministack runs image functions in a Docker engine only; the embedded cloud needs none. Everything around the call
(permissions, concurrency, retries of asynchronous calls, log groups, metrics) stays ministack's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from embedded.patches.base import replace, require


class Invokes(Protocol):
    """What runs functions (see embedded/functions.py)."""

    def invoke(self, config: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]: ...


def install(functions: Invokes, resolve_image: Callable[[str], str]) -> None:
    """Have `functions` run the image functions; `resolve_image` turns a tagged image into its digest."""
    require(lambda_svc, "_execute_function_dispatch", "_classify_function_error", "_get_func_record_for_qualifier")
    require(lambda_runtime, "execution_credentials")

    @replace(lambda_svc, "_execute_function_docker", "func", "event", "request_id")
    def execute(original: Callable[..., Any], function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config = function.get("config") or function
        if config.get("PackageType") != "Image":
            return dict(original(function, event, request_id))
        return functions.invoke(config, event, request_id)

    @replace(lambda_svc, "_get_function", "name", "qualifier")
    def get_function(original: Callable[..., Any], name: str, qualifier: str | None = None) -> Any:
        status, headers, body = original(name, qualifier)
        answer = json.loads(body)
        code = answer.get("Code") or {}
        if status != 200 or "ImageUri" not in code:
            return status, headers, body
        code["ResolvedImageUri"] = resolve_image(code["ImageUri"])
        return status, headers, json.dumps(answer).encode()


def role_credentials(config: dict[str, Any]) -> dict[str, str]:
    """The AWS_* credentials a function's execution role gives it."""
    return dict(lambda_runtime.execution_credentials(config))
