"""Which charts a code was billed for: one small item of ResultsTable a code and chart.

    CODE#<code>     <batch>/<chart>

An item is written before its chart's result and outside of its transaction, at half the price of a transactional write.
So a worker that dies between the two leaves an item without its result, and never a result without its item: whoever
reads asks the charts themselves, and leaves out those that do not bill the code, or bill it no more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from chartcoder.cloud import pages

HUNDRED = 100  # the most items that one BatchGetItem gives
TWENTY_FIVE = 25  # and that one BatchWriteItem takes
TRIES = 10  # of a BatchWriteItem whose items DynamoDB leaves, for want of capacity
LONGEST_PAUSE = 5.0  # seconds between two of them


class CodeIndex:
    """The items that lead from a code to its charts."""

    def __init__(self, table: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """`table`: a boto3 DynamoDB Table resource."""
        self._table = table
        self._dynamodb = table.meta.client
        self._sleep = sleep

    def add(self, entries: Iterable[tuple[str, str]]) -> None:
        """Notes (code, `<batch>/<chart>`) pairs; one that is there already stays as it is."""
        self._write([{"PutRequest": {"Item": _key(*entry)}} for entry in dict.fromkeys(entries)])

    def remove(self, entries: Iterable[tuple[str, str]]) -> None:
        """Takes pairs off; one that is not there is no error."""
        self._write([{"DeleteRequest": {"Key": _key(*entry)}} for entry in dict.fromkeys(entries)])

    def _write(self, requests: list[dict[str, Any]]) -> None:
        """Twenty-five a request. What DynamoDB leaves, as it does above its capacity, is asked for again, later and
        later and with jitter, so that workers do not press on a table that has no more to give.

        Raises:
            ClientError: it leaves items time after time.
        """
        left_behind = 0
        while requests:
            answer = self._dynamodb.batch_write_item(RequestItems={self._table.name: requests[:TWENTY_FIVE]})
            left = answer.get("UnprocessedItems", {}).get(self._table.name, [])
            requests = left + requests[TWENTY_FIVE:]
            left_behind = left_behind + 1 if left else 0
            if left_behind >= TRIES:
                code, message = "ProvisionedThroughputExceededException", f"{len(left)} items left"
                raise ClientError({"Error": {"Code": code, "Message": message}}, "BatchWriteItem")
            if left:
                self._sleep(random.uniform(0.5, 1) * min(LONGEST_PAUSE, 0.05 * 2**left_behind))  # noqa: S311 - jitter

    def charts(
        self, code: str, *, batch: str | None, limit: int, token: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the charts (of `batch`, or of all) that bill `code`, by id, each with its `codes` and `at`.

        A page may be short: what is noted but not billed is left out after the page was cut.
        """
        condition, values = "pk = :pk", {":pk": f"CODE#{code}"}
        if batch is not None:
            condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": f"{batch}/"}
        noted, next_token = pages.query(self._table, condition, values, limit=limit, token=token)
        items = self.items([_chart_key(entry["sk"]) for entry in noted], "pk, sk, #at, codes", {"#at": "at"})
        billed = [
            {"id": f"{item['pk'].removeprefix('BATCH#')}/{item['sk'].removeprefix('CHART#')}"}
            | {"at": item["at"], "codes": item["codes"]}
            for item in items
            if code in item.get("codes", ())
        ]
        return sorted(billed, key=lambda chart: chart["id"]), next_token

    def items(self, keys: list[dict[str, str]], attributes: str, names: dict[str, str]) -> list[dict[str, Any]]:
        """Those of the items that are there, in no order. `attributes` is a ProjectionExpression, `names` its names."""
        found: list[dict[str, Any]] = []
        for first in range(0, len(keys), HUNDRED):
            asked: dict[str, Any] = {
                self._table.name: {
                    "Keys": keys[first : first + HUNDRED],
                    "ProjectionExpression": attributes,
                    **({"ExpressionAttributeNames": names} if names else {}),
                }
            }
            while asked:  # DynamoDB gives sixteen million bytes at once, and says what it left
                answer = self._dynamodb.batch_get_item(RequestItems=asked)
                found += answer["Responses"].get(self._table.name, [])
                asked = answer["UnprocessedKeys"]
        return found


def _key(code: str, chart: str) -> dict[str, str]:
    return {"pk": f"CODE#{code}", "sk": chart}


def _chart_key(chart_id: str) -> dict[str, str]:
    batch, _, chart = chart_id.partition("/")
    return {"pk": f"BATCH#{batch}", "sk": f"CHART#{chart}"}
