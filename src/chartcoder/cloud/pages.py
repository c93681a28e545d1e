"""DynamoDB queries in pages, with tokens that tell an outsider nothing and cannot be bent into another query."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from chartcoder.errors import BadRequest


def query(
    table: Any,
    condition: str,
    values: dict[str, Any],
    *,
    limit: int,
    token: str | None = None,
    **more: Any,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a query: at most `limit` items, and the token of the next page or None.

    Raises:
        BadRequest: `token` was not given out by this query.
    """
    request = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "Limit": limit,
        **more,
    }
    if token is not None:
        request["ExclusiveStartKey"] = _decode(token, values)
    answer = table.query(**request)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], None if last is None else _encode(last)


def every(table: Any, condition: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All items of a query, page by page, read consistently."""
    token = None
    while True:
        items, token = query(table, condition, values, limit=1000, token=token, ConsistentRead=True)
        yield from items
        if token is None:
            return


def _encode(key: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _decode(token: str, values: dict[str, Any]) -> dict[str, str]:
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        key = None
    strings = isinstance(key, dict) and all(isinstance(value, str) for value in key.values())
    # the partition asked for is the only one a token may continue in
    if not strings or not any(value in key.values() for value in values.values()):
        raise BadRequest("next_token is not one that this list gave out; begin again without it")
    return dict(key)
