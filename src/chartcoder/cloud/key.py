"""The stack's KMS key: everything at rest hangs on it, and nothing may be started or taken while it is out of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.cloud.queue import ChartsQueue
from chartcoder.errors import KeyUnusable


class KeyManagement:
    """KMS, asked for a key's state."""

    def __init__(self, kms: Any) -> None:
        """`kms`: a boto3 KMS client."""
        self._kms = kms

    def state(self, key: str) -> str:
        """Enabled, Disabled, PendingDeletion, ... (KMS API Reference, KeyMetadata)."""
        state: str = self._kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        return state


class StackKey:
    """The one key of the stack."""

    def __init__(self, state: Callable[[str], str], key: Callable[[], str | None]) -> None:
        """`state` gives a key's state; `key` names the stack's, which is what its queue is encrypted with."""
        self._state, self._key = state, key

    @classmethod
    def of(cls, session: Any, queue: ChartsQueue) -> StackKey:
        """The key of `queue`, asked for on a boto3 session. KMS may be out of reach of a network that reaches the rest:
        then it is not waited for."""
        config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})
        return cls(KeyManagement(session.client("kms", config=config)).state, queue.key)

    def check(self) -> None:
        """Passes where the key can be used, or where nobody says that it cannot: a stack without a key of its own, a
        KMS that does not answer. Who then uses it hears it from the service.

        Raises:
            KeyUnusable: KMS says that the key is disabled, about to be deleted, or otherwise out of use.
        """
        key = self._key()
        if key is None:
            return
        try:
            state = self._state(key)
        except (BotoCoreError, ClientError):
            return
        if state != "Enabled":
            raise KeyUnusable(
                f"the stack's KMS key is {state}; enable it, or cancel its deletion. Until then no chart is taken and "
                "no run is started; the charts wait in the queue"
            )
