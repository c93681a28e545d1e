"""ECR: repositories are in the registry that an engine can reach, so that `sam deploy` pushes there and instances pull.

ministack names them after AWS's own host, which nobody on this machine is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import ecr

from embedded.patches.base import replace


def install(address: str) -> None:
    """Have every repository at `address` (host and port)."""

    @replace(ecr, "_repo_uri", "name")
    def repo_uri(original: Callable[..., str], name: str) -> str:
        return f"{address}/{name}"

    @replace(ecr, "_get_authorization_token", "data")
    def get_authorization_token(original: Callable[..., Any], data: Any) -> Any:
        status, headers, body = original(data)
        answer = json.loads(body)
        for authorization in answer["authorizationData"]:
            authorization["proxyEndpoint"] = f"http://{address}"
        return status, headers, json.dumps(answer).encode()
