"""ResultsTable and ResultsBucket: what became of every chart.

Items of the table (`pk`, `sk`):

    BATCHES         <batch>          the batches there are
    BATCH#<batch>   CHART#<chart>    a chart's one result or one failure
    BATCH#<batch>   TALLY#<worker>   how many of its charts this worker coded and failed

and those of `codes.py` and `decisions.py`.

A chart's item and its worker's tally change in one transaction, so a batch's progress is the exact sum of its tallies;
each worker has a tally of its own, so that workers do not contend for one item.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from chartcoder.chart import CodedChart
from chartcoder.cloud import pages
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.codes import CodeIndex
from chartcoder.cloud.packing import deflate, for_anyone, inflate
from chartcoder.errors import ChartError, NotFound

INLINE_BYTES = 100_000
"""A longer result lives in ResultsBucket. A DynamoDB item may have 400,000 bytes, but what is packed into 100,000
unpacks to some megabytes, and a function's answer may have six."""
TRANSIENT = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
MOST_ITEMS = 25  # charts in one transaction; DynamoDB takes a hundred items of four million bytes in all
TRIES = 8  # of a transaction that ran into another one, or into a limit
FAILED = "FAILED"  # the one partition of FailuresIndex

State = Literal["coded", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one version of one chart: `codes` and `result`, or `reason` and `message`."""

    reference: ChartReference
    state: State
    codes: tuple[str, ...] = ()
    result: bytes = field(default=b"", repr=False)  # the coded chart's JSON, packed by `pack`
    reason: str = ""
    message: str = ""
    receives: int = 1

    @classmethod
    def failed(cls, reference: ChartReference, error: ChartError, *, receives: int = 1) -> Outcome:
        return cls(reference, "failed", reason=error.reason, message=str(error), receives=receives)


@dataclass(frozen=True, slots=True)
class Stored:
    """By how much the counts of coded and failed charts grew (a result that replaces a failure takes one off), and how
    many outcomes told of a chart that has its result already. `reasons`: of each failure that was written."""

    coded: int = 0
    failed: int = 0
    duplicates: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.coded + other.coded,
            self.failed + other.failed,
            self.duplicates + other.duplicates,
            self.reasons + other.reasons,
        )


def pack(result: CodedChart | dict[str, Any]) -> bytes:
    """The compact form in which a result is stored."""
    return deflate(msgspec.json.encode(result))


def unpack(packed: bytes) -> dict[str, Any]:
    """The inverse of `pack`."""
    result: dict[str, Any] = json.loads(inflate(packed))
    return result


class ResultsStore:
    """Stores outcomes exactly once and answers what became of a chart, a batch, a failure."""

    def __init__(self, table: Any, s3: Any, bucket: str, *, reads_codes: bool = True) -> None:
        """
        Args:
            table: a boto3 DynamoDB Table resource.
            s3: a boto3 S3 client.
            reads_codes: False for who may not read which codes a chart bills (the watchdog). The notes in `codes` of a
                result that it replaces then stay; whoever reads them leaves them out.
        """
        self._table = table
        self._client = table.meta.client
        self._s3 = s3
        self._bucket = bucket
        self._what_is_known = {"#key": "key", "#sequencer": "sequencer", "#state": "state"}
        if reads_codes:
            self._what_is_known["#codes"] = "codes"
        self._known_batches: set[str] = set()
        self.codes = CodeIndex(table)

    def check(self) -> None:
        """Raises what DynamoDB answers where the table cannot be read: before a chart is taken in vain."""
        self._item("", "")

    # writing

    def store(self, outcomes: Sequence[Outcome], *, worker: str, run: str) -> Stored:
        """Stores outcomes, each once: whoever codes a chart again, after a duplicate or a redelivery, changes nothing.

        A later upload of the same chart replaces the result of the earlier one; whatever comes later replaces a
        failure.
        Those of one batch go in one transaction, up to 25.
        """
        total = Stored()
        for transaction in _transactions(outcomes):
            batch = transaction[0].reference.batch
            self.know_batch(batch)
            total += self._store_batch(batch, transaction, worker=worker, run=run)
        return total

    def _store_batch(self, batch: str, outcomes: list[Outcome], *, worker: str, run: str) -> Stored:
        """One transaction where nothing is known of the charts yet, which is the rule; else the old items decide."""
        writes = [_Write(outcome, old=None) for outcome in outcomes]
        self.codes.add((code, outcome.reference.id) for outcome in outcomes for code in outcome.codes)
        duplicates, transient = 0, TRIES
        while writes:
            try:
                self._transact(batch, writes, worker=worker, run=run)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
                conflicting = {number for number, code in enumerate(reasons) if code == "ConditionalCheckFailed"}
                if not conflicting:
                    transient -= 1
                    if not transient or not set(reasons) <= TRANSIENT:
                        raise
                    time.sleep(random.uniform(0, 0.1) * (TRIES - transient))  # noqa: S311 - jitter, not a secret
                    continue
                settled = [
                    self._settle(write.outcome) if number in conflicting else write
                    for number, write in enumerate(writes)
                ]
                duplicates += settled.count(None)
                writes = [write for write in settled if write is not None]
            else:
                break
        self.codes.remove(pair for write in writes for pair in write.codes_gone())
        return Stored(
            coded=sum(write.change("coded") for write in writes),
            failed=sum(write.change("failed") for write in writes),
            duplicates=duplicates,
            reasons=tuple(write.outcome.reason for write in writes if write.outcome.state == "failed"),
        )

    def _settle(self, outcome: Outcome) -> _Write | None:
        """What to write for a chart that has an item already; None where that item stands."""
        if outcome.reason == _NameTaken.reason:
            return None  # the second object was told so before
        reference = outcome.reference
        old = self.known(reference.batch, reference.chart)
        if old is None:
            return _Write(outcome, old=None)
        same_object = old["key"] == reference.key
        if not same_object:
            # Two objects of one batch differ only in their extension. The chart's id is taken; the second is told so
            # under its whole name.
            return _Write(_name_taken(outcome), old=None) if reference.extension else None
        newer = reference.sequencer > old["sequencer"]
        # A failure gives way to a result, and to a later failure: a redrive takes off the list the one that it has
        # read, and must not take off the one that its chart has got since.
        mends = old["state"] == "failed" and reference.sequencer == old["sequencer"]
        return _Write(outcome, old=old) if newer or mends else None

    def _transact(self, batch: str, writes: list[_Write], *, worker: str, run: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        items = [{"Put": self._put(write, now=now, worker=worker, run=run)} for write in writes]
        tally = {
            "TableName": self._table.name,
            "Key": {"pk": f"BATCH#{batch}", "sk": f"TALLY#{worker}"},
            "UpdateExpression": "ADD coded :coded, failed :failed SET updated_at = :now",
            "ExpressionAttributeValues": {
                ":coded": sum(write.change("coded") for write in writes),
                ":failed": sum(write.change("failed") for write in writes),
                ":now": now,
            },
        }
        self._client.transact_write_items(TransactItems=[*items, {"Update": tally}])

    def _put(self, write: _Write, *, now: str, worker: str, run: str) -> dict[str, Any]:
        outcome, reference = write.outcome, write.outcome.reference
        item: dict[str, Any] = {
            "pk": f"BATCH#{reference.batch}",
            "sk": f"CHART#{write.chart}",
            "state": outcome.state,
            "at": now,
            "run": run,
            "worker": worker,
            "key": reference.key,
            "sequencer": reference.sequencer,
            "receives": outcome.receives,
        }
        if reference.version:
            item["version"] = reference.version
        if outcome.state == "coded":
            item["codes"] = list(outcome.codes)
            item |= self._placed(outcome)
        else:
            item |= {
                "reason": outcome.reason,
                "message": outcome.message,
                "failed_pk": FAILED,
                "failed_sk": f"{now}#{reference.batch}/{write.chart}",
            }
        put: dict[str, Any] = {"TableName": self._table.name, "Item": item}
        if write.old is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "#state = :state AND sequencer = :sequencer"
            put["ExpressionAttributeNames"] = {"#state": "state"}
            put["ExpressionAttributeValues"] = {
                ":state": write.old["state"],
                ":sequencer": write.old["sequencer"],
            }
        return put

    def _placed(self, outcome: Outcome) -> dict[str, Any]:
        """The result in the item itself, or in ResultsBucket with a pointer in the item."""
        if len(outcome.result) <= INLINE_BYTES:
            return {"result": outcome.result}
        reference = outcome.reference
        key = f"results/{reference.batch}/{reference.chart}/{reference.sequencer}.json.zz"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=for_anyone(outcome.result))
        return {"result_key": key}

    def know_batch(self, batch: str) -> None:
        """Puts a batch on the list of batches, once."""
        if batch in self._known_batches:
            return
        self._table.update_item(
            Key={"pk": "BATCHES", "sk": batch},
            UpdateExpression="SET first_seen_at = if_not_exists(first_seen_at, :now)",
            ExpressionAttributeValues={":now": datetime.now(UTC).isoformat(timespec="milliseconds")},
        )
        self._known_batches.add(batch)

    def forget_failure(self, failure: dict[str, Any], *, worker: str) -> None:
        """Takes a failure off the list once its chart is on the queue again. One that was mended meanwhile stands."""
        batch, _, chart = failure["id"].partition("/")
        delete = {
            "TableName": self._table.name,
            "Key": {"pk": f"BATCH#{batch}", "sk": f"CHART#{chart}"},
            "ConditionExpression": "failed_sk = :failed_sk",
            "ExpressionAttributeValues": {":failed_sk": failure["failed_sk"]},
        }
        tally = {
            "TableName": self._table.name,
            "Key": {"pk": f"BATCH#{batch}", "sk": f"TALLY#{worker}"},
            "UpdateExpression": "ADD failed :minus_one",
            "ExpressionAttributeValues": {":minus_one": -1},
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Delete": delete}, {"Update": tally}])
        except self._client.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
                raise

    # reading

    def chart(self, batch: str, chart: str) -> dict[str, Any]:
        """A chart's item, with `result` unpacked where it was coded.

        Raises:
            NotFound: nothing is known of it: not submitted, or not coded yet.
        """
        item = self._item(batch, chart)
        if item is None:
            raise NotFound("no result yet for this chart: it was not submitted under this id, or waits to be coded")
        if "result_key" in item:
            with self._s3.get_object(Bucket=self._bucket, Key=item["result_key"])["Body"] as body:
                return item | {"result": unpack(body.read())}
        return item | {"result": unpack(bytes(item["result"]))} if item["state"] == "coded" else item

    def known(self, batch: str, chart: str) -> dict[str, Any] | None:
        """Which version of a chart is `coded` or `failed`, without what became of it; None where nothing did yet."""
        item: dict[str, Any] | None = self._table.get_item(
            Key={"pk": f"BATCH#{batch}", "sk": f"CHART#{chart}"},
            ConsistentRead=True,
            ProjectionExpression=", ".join(self._what_is_known),
            ExpressionAttributeNames=self._what_is_known,
        ).get("Item")
        return item

    def record(self, batch: str, chart: str) -> dict[str, Any] | None:
        """A chart's item as it is, without what lives in the bucket; None where nothing became of it yet."""
        return self._item(batch, chart)

    def address(self, batch: str, chart: str) -> str | None:
        """A presigned address of a result that lives in ResultsBucket, which gives it as JSON; None of any other."""
        key = (self._item(batch, chart) or {}).get("result_key")
        what = {"ResponseContentType": "application/json", "ResponseContentEncoding": "deflate"}
        which = {"Bucket": self._bucket, "Key": key, **what}
        signed: str | None = key and self._s3.generate_presigned_url("get_object", Params=which, ExpiresIn=300)
        return signed

    def tally(self, batch: str) -> dict[State, int]:
        """How many charts of a batch are coded and failed.

        Raises:
            NotFound: there is no such batch.
        """
        key = {":pk": f"BATCH#{batch}", ":prefix": "TALLY#"}
        tallies = list(pages.every(self._table, "pk = :pk AND begins_with(sk, :prefix)", key))
        if not tallies and "Item" not in self._table.get_item(Key={"pk": "BATCHES", "sk": batch}):
            raise NotFound("there is no such batch, or none of its charts has been looked at yet")
        return {state: sum(int(tally.get(state, 0)) for tally in tallies) for state in ("coded", "failed")}

    def batches(self, *, limit: int = 100, token: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
        """A page of batches by name, and the token of the next page."""
        items, next_token = pages.query(self._table, "pk = :pk", {":pk": "BATCHES"}, limit=limit, token=token)
        return [{"batch": item["sk"], "first_seen_at": item["first_seen_at"]} for item in items], next_token

    def charts(
        self, batch: str, *, limit: int = 100, token: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of a batch's charts, by id, without their results."""
        items, next_token = pages.query(
            self._table,
            "pk = :pk AND begins_with(sk, :prefix)",
            {":pk": f"BATCH#{batch}", ":prefix": "CHART#"},
            limit=limit,
            token=token,
            ProjectionExpression="pk, sk, #state, #at, codes, reason, #message",
            ExpressionAttributeNames={"#state": "state", "#at": "at", "#message": "message"},
        )
        return [_listed(item) for item in items], next_token

    def add_decisions(self, charts: list[dict[str, Any]]) -> None:
        """Adds to each listed chart of one batch how many `decisions` were made on it."""
        parts = [chart["id"].partition("/") for chart in charts]
        keys = [{"pk": f"BATCH#{batch}", "sk": f"REVIEW#{chart}"} for batch, _, chart in parts]
        found = {item["sk"]: int(item["decisions"]) for item in self.codes.items(keys, "sk, decisions", {})}
        for chart, key in zip(charts, keys, strict=True):
            chart["decisions"] = found.get(key["sk"], 0)

    def failures(self, *, limit: int = 100, token: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
        """A page of failures, the newest first, each with the reference that a redrive needs."""
        items, next_token = pages.query(
            self._table,
            "failed_pk = :failed",
            {":failed": FAILED},
            limit=limit,
            token=token,
            IndexName="FailuresIndex",
            ScanIndexForward=False,
        )
        return [self.failure(item) for item in items], next_token

    def failure(self, item: dict[str, Any]) -> dict[str, Any]:
        """What a redrive needs to know of a failed chart's item."""
        return _listed(item) | {"failed_sk": item["failed_sk"], "reference": reference_of(item)}

    def _item(self, batch: str, chart: str) -> dict[str, Any] | None:
        key = {"pk": f"BATCH#{batch}", "sk": f"CHART#{chart}"}
        item: dict[str, Any] | None = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return item


@dataclass(frozen=True, slots=True)
class _Write:
    """One outcome on its way into the table, in place of `old`."""

    outcome: Outcome
    old: dict[str, Any] | None

    @property
    def chart(self) -> str:
        reference = self.outcome.reference
        return reference.chart + (reference.extension if self.outcome.reason == _NameTaken.reason else "")

    def change(self, state: State) -> int:
        """By how much the tally of `state` grows."""
        was = self.old is not None and self.old["state"] == state
        return int(self.outcome.state == state) - int(was)

    def codes_gone(self) -> set[tuple[str, str]]:
        """What the old item billed and this one does not, as (code, chart)."""
        old = () if self.old is None else self.old.get("codes", ())
        return {(code, self.outcome.reference.id) for code in set(old) - set(self.outcome.codes)}


def _transactions(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Outcomes by batch; a chart that stands twice (a duplicate event) goes into a later transaction, in its order."""
    transactions: dict[tuple[int, str], list[Outcome]] = {}
    seen: Counter[str] = Counter()
    for outcome in outcomes:
        nth = seen[outcome.reference.id]
        seen[outcome.reference.id] += 1
        transactions.setdefault((nth, outcome.reference.batch), []).append(outcome)
    together = transactions.values()
    return [many[first : first + MOST_ITEMS] for many in together for first in range(0, len(many), MOST_ITEMS)]


class _NameTaken(ChartError):
    reason = "name_taken"


def _name_taken(outcome: Outcome) -> Outcome:
    error = _NameTaken(
        "another object of this batch has the same chart id under another extension; "
        "upload this chart again under a name of its own"
    )
    return Outcome.failed(outcome.reference, error, receives=outcome.receives)


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    listed = {
        "id": f"{item['pk'].removeprefix('BATCH#')}/{item['sk'].removeprefix('CHART#')}",
        "state": item["state"],
        "at": item["at"],
    }
    return listed | {name: item[name] for name in ("codes", "reason", "message") if name in item}


def reference_of(item: dict[str, Any]) -> ChartReference:
    """The version of the object that a chart's item tells of."""
    return ChartReference(item["key"], item.get("version"), None, item["sequencer"])
