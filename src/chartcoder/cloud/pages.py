"""DynamoDB queries in pages, with tokens that tell an outsider nothing and cannot be bent into another query."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from chartcoder.errors import BadRequest
from chartcoder.untrusted import NotJson, is_text, parse_json

KEYS = {None: {"pk", "sk"}, "FailuresIndex": {"pk", "sk", "failed_pk", "failed_sk"}}
"""What names an item of the tables and of their index."""
KEY_BYTES = 1024  # the longest sort key that DynamoDB takes
NOT_OURS = "next_token is not one that this list gave out; begin again without it"


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
        request["ExclusiveStartKey"] = _decode(token, condition, values, KEYS[more.get("IndexName")])
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


def _decode(token: str, condition: str, values: dict[str, Any], names: set[str]) -> dict[str, str]:
    try:
        key = parse_json(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, NotJson):
        key = None
    if not isinstance(key, dict) or set(key) != names or not all(map(_is_key, key.values())):
        raise BadRequest(NOT_OURS)
    partition, _, asked = condition.split()[:3]  # "pk = :pk AND ..."
    # the partition asked for is the only one a token may continue in, and the list asked for the only list
    if key[partition] != values[asked] or not key["sk"].startswith(values.get(":prefix", "")):
        raise BadRequest(NOT_OURS)
    return dict(key)


def _is_key(value: Any) -> bool:
    return is_text(value) and 1 <= len(value.encode()) <= KEY_BYTES
