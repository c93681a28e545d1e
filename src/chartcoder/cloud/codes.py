"""Which charts a code was billed for: one small item of ResultsTable a code and chart.

    CODE#<code>     <batch>/<chart>

An item is written before its chart's result and outside of its transaction, at half the price of a transactional write.
So a worker that dies between the two leaves an item without its result, and never a result without its item: whoever
reads asks the charts themselves, and leaves out those that do not bill the code, or bill it no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chartcoder.cloud import pages

HUNDRED = 100  # the most items that one BatchGetItem gives


class CodeIndex:
    """The items that lead from a code to its charts."""

    def __init__(self, table: Any) -> None:
        """`table`: a boto3 DynamoDB Table resource."""
        self._table = table
        self._dynamodb = table.meta.client

    def add(self, entries: Iterable[tuple[str, str]]) -> None:
        """Notes (code, `<batch>/<chart>`) pairs; one that is there already stays as it is."""
        with self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for code, chart in entries:
                batch.put_item(Item=_key(code, chart))

    def remove(self, entries: Iterable[tuple[str, str]]) -> None:
        """Takes pairs off; one that is not there is no error."""
        with self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for code, chart in entries:
                batch.delete_item(Key=_key(code, chart))

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
