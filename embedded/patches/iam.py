"""IAM: with `enforce_iam`, policies are evaluated as if the loopback interface were TLS.

Every policy of the stack refuses what comes over plain HTTP. Nothing leaves the machine here, and botocore has no
certificate to check, so the emulator answers the condition key as AWS would for an HTTPS request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator

from embedded.patches.base import replace

_AS_OVER_TLS = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}


def install() -> None:
    @replace(iam_evaluator, "_resolve_condition_key", "key", "ctx")
    def resolve_condition_key(original: Callable[..., Any], key: str, context: Any) -> Any:
        return _AS_OVER_TLS.get(key.lower()) or original(key, context)
