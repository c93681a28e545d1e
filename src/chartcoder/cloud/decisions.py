"""What people decided on a chart's codes, beside what the coder said and never over it.

Items of ResultsTable:

    BATCH#<batch>   REVIEW#<chart>              how many decisions there are, and the last one's time
    BATCH#<batch>   DECISION#<chart>#<number>   one decision: code, decision, who, when, why, on which upload

A decision is written once and never changed: a change of mind is another decision. Both items change in one
transaction, on the condition that nobody decided meanwhile and that the chart was not coded anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from chartcoder.cloud import pages
from chartcoder.errors import Conflict, Stale

Verdict = Literal["accept", "reject", "add"]
MOST_DECISIONS = 9_999  # of one chart: they are told apart by four digits, in order


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one code. `upload` is the sequencer of the version of the chart that it was made on."""

    code: str
    decision: Verdict
    by: str
    at: str
    upload: str
    why: str | None = None
    description: str | None = None  # of an added code


class DecisionStore:
    """Keeps decisions in the order in which they were made."""

    def __init__(self, table: Any) -> None:
        """`table`: a boto3 DynamoDB Table resource."""
        self._table = table
        self._client = table.meta.client

    def of(self, batch: str, chart: str) -> list[Decision]:
        """All decisions on a chart, the first one first, those on earlier uploads too."""
        key = {":pk": f"BATCH#{batch}", ":prefix": f"DECISION#{chart}#"}
        items = pages.every(self._table, "pk = :pk AND begins_with(sk, :prefix)", key)
        return [
            Decision(**{name: item.get(name) for name in Decision.__dataclass_fields__})  # type: ignore[arg-type]
            for item in items
        ]

    def add(
        self, batch: str, chart: str, *, code: str, decision: Verdict, by: str, upload: str, seen: int, **more: Any
    ) -> Decision:
        """Writes the decision that comes after the first `seen` ones.

        Args:
            upload: the sequencer of the chart's result that was decided on.
            more: `why`, `description`.

        Raises:
            Stale: somebody decided meanwhile, or the chart was coded anew.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        made = Decision(code=code, decision=decision, by=by, at=now, upload=upload, **more)
        if seen >= MOST_DECISIONS:
            raise Conflict(f"a chart takes {MOST_DECISIONS:,} decisions; this one has them all")
        partition = f"BATCH#{batch}"
        fields = {name: getattr(made, name) for name in Decision.__dataclass_fields__}
        put = {
            "TableName": self._table.name,
            "Item": {"pk": partition, "sk": f"DECISION#{chart}#{seen + 1:04d}"}
            | {name: value for name, value in fields.items() if value is not None},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        count = {
            "TableName": self._table.name,
            "Key": {"pk": partition, "sk": f"REVIEW#{chart}"},
            "UpdateExpression": "SET decisions = :next, decided_at = :now",
            "ConditionExpression": "decisions = :seen" if seen else "attribute_not_exists(pk)",
            "ExpressionAttributeValues": {":next": seen + 1, ":now": now, **({":seen": seen} if seen else {})},
        }
        same_upload = {
            "TableName": self._table.name,
            "Key": {"pk": partition, "sk": f"CHART#{chart}"},
            "ConditionExpression": "sequencer = :upload",
            "ExpressionAttributeValues": {":upload": upload},
        }
        try:
            self._client.transact_write_items(
                TransactItems=[{"Put": put}, {"Update": count}, {"ConditionCheck": same_upload}]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            codes = {reason["Code"] for reason in error.response["CancellationReasons"]}
            if not codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                raise
            raise Stale(
                "somebody decided on this chart meanwhile, or it was coded anew; get its decisions again and decide "
                "on what they are now"
            ) from None
        return made


def version_of(decisions: list[Decision], upload: str) -> str:
    """What changes with every decision and every new result of the chart: the strong validator of its decisions."""
    return f"{len(decisions)}-{hashlib.sha256(upload.encode()).hexdigest()[:12]}"
