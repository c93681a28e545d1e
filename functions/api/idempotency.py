"""Requests that are done once however often they come: Idempotency-Key, by powertools' own store of answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import Response

from chartcoder.errors import Conflict, KeyReused
from functions.api.http import Request

A_DAY = 24 * 3600
PARTITION = "IDEMPOTENCY"


class Once:
    """Keeps a request's answer for a day in ResultsTable, under a digest of caller, operation and key.

    The library is loaded with the first request that has a key: it costs a cold start too much.
    """

    def __init__(self, table: str) -> None:
        self._table = table

    def __call__(
        self, request: Request, operation: str, act: Callable[[], Response[str]], context: Any
    ) -> Response[str]:
        """The answer of `act`, or the one that it gave when this request came first.

        Raises:
            KeyReused: the key came before, with another request.
            Conflict: the first one is still under way.
            Whatever `act` raises; nothing is kept then.
        """
        from aws_lambda_powertools.utilities.idempotency import (
            DynamoDBPersistenceLayer,
            IdempotencyConfig,
            idempotent_function,
        )
        from aws_lambda_powertools.utilities.idempotency.exceptions import (
            IdempotencyAlreadyInProgressError,
            IdempotencyValidationError,
        )

        config = IdempotencyConfig(
            event_key_jmespath="[caller, operation, key]",
            payload_validation_jmespath="request",
            expires_after_seconds=A_DAY,
            hash_function="sha256",
            lambda_context=context,
        )
        layer = DynamoDBPersistenceLayer(
            table_name=self._table, key_attr="pk", sort_key_attr="sk", static_pk_value=PARTITION,
            expiry_attr="forget_at",
        )  # fmt: skip

        def answer(asked: dict[str, Any]) -> dict[str, Any]:
            response = act()
            return {"status": response.status_code, "headers": dict(response.headers), "body": response.body}

        asked = {
            "caller": request.caller, "operation": operation, "key": request.idempotency_key,
            "request": request.fingerprint(),
        }  # fmt: skip
        try:
            kept = idempotent_function(
                answer, data_keyword_argument="asked", persistence_store=layer, config=config, key_prefix=operation
            )(asked=asked)
        except IdempotencyValidationError:
            raise KeyReused("this Idempotency-Key was used for another request; expected a new one") from None
        except IdempotencyAlreadyInProgressError:
            raise Conflict("the first request with this Idempotency-Key is still under way; ask again") from None
        media_type = kept["headers"].pop("Content-Type", None)
        return Response(kept["status"], media_type, kept["body"], headers=kept["headers"])
