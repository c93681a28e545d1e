"""FleetTable: who may run the fleet, what every run did, and what every worker does.

Items of the table (`pk`, `sk`):

    LEASE         LEASE                  the right to run the fleet: `generation`; while it is held `run`, `expires_at`
    RUN           <stack>-<generation>   a run's record: who asked, its stages, its end, its cost
    RUN#<run>     WORKER#<instance>      a worker's counters and when it was last seen
    WATCH         WATCH                  the watchdog's last look: since when charts wait, and why
    SPENT         <yyyy-mm-dd>           what the runs of a day (UTC) cost: `nano_usd`, a whole number

Times of records are ISO-8601 UTC strings; `expires_at` and `forget_at` are epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from chartcoder.cloud import pages
from chartcoder.errors import LeaseLost, NotFound

LEASE = {"pk": "LEASE", "sk": "LEASE"}
WATCH = {"pk": "WATCH", "sk": "WATCH"}
RUNS = "RUN"
SPENT = "SPENT"
MOST_ASKED = 200  # entries of a run's `asked`: it grows every few minutes while the run lives, and an item has 400 kB
WORKERS_KEPT_SECONDS = 90 * 24 * 3600
DAYS_KEPT_SECONDS = 400 * 24 * 3600
NANO = 1_000_000_000

RunState = Literal["launching", "running", "draining", "done", "failed", "died"]
WorkerState = Literal["working", "idle", "leaving", "left", "stopped"]
StageOutcome = Literal["started", "ok", "failed"]

ENDED: tuple[RunState, ...] = ("done", "failed", "died")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run the fleet, held by one run until `expires_at` (epoch seconds)."""

    run: str
    generation: int
    expires_at: int

    def lapsed(self, now: datetime) -> bool:
        """A lapsed lease is lost to its holder, though nobody else has it before the watchdog released it."""
        return now.timestamp() >= self.expires_at


class FleetTable:
    """The fleet's memory. Every change of the lease is a conditional write, so that two runs never hold it at once."""

    def __init__(self, table: Any) -> None:
        """`table`: a boto3 DynamoDB Table resource."""
        self._table = table
        self._conflict = table.meta.client.exceptions.ConditionalCheckFailedException

    # the lease

    def lease(self) -> Lease | None:
        """The lease as it is held, lapsed or not; None where it is free."""
        item = self._table.get_item(Key=LEASE, ConsistentRead=True).get("Item", {})
        if "run" not in item:
            return None
        return Lease(run=item["run"], generation=int(item["generation"]), expires_at=int(item["expires_at"]))

    def take_lease(self, stack: str, *, seconds: int, now: datetime) -> Lease | None:
        """Takes a free lease for a new run, `<stack>-<generation>`; None where it is held.

        A lapsed lease is held still: the instances of its run may live, and the watchdog ends those before it
        releases the lease.
        """
        while True:
            item = self._table.get_item(Key=LEASE, ConsistentRead=True).get("Item", {})
            if "run" in item:
                return None
            seen = int(item.get("generation", 0))
            taken = Lease(f"{stack}-{seen + 1:06d}", seen + 1, int(now.timestamp()) + seconds)
            try:
                self._table.update_item(
                    Key=LEASE,
                    UpdateExpression="SET #generation = :next, #run = :run, #expires_at = :expires_at",
                    ConditionExpression="attribute_not_exists(#run) AND "
                    "(attribute_not_exists(#generation) OR #generation = :seen)",
                    ExpressionAttributeNames=_names("generation", "run", "expires_at"),
                    ExpressionAttributeValues={
                        ":next": taken.generation,
                        ":run": taken.run,
                        ":expires_at": taken.expires_at,
                        ":seen": seen,
                    },
                )
            except self._conflict:
                continue  # somebody was quicker: look again
            return taken

    def renew_lease(self, run: str, *, seconds: int, now: datetime) -> Lease:
        """Holds the lease for `seconds` more from now.

        Raises:
            LeaseLost: the lease lapsed, was released, or is another run's.
        """
        try:
            item = self._table.update_item(
                Key=LEASE,
                UpdateExpression="SET #expires_at = :expires_at",
                ConditionExpression="#run = :run AND #expires_at > :now",
                ExpressionAttributeNames=_names("run", "expires_at"),
                ExpressionAttributeValues={
                    ":run": run,
                    ":now": int(now.timestamp()),
                    ":expires_at": int(now.timestamp()) + seconds,
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._conflict:
            raise LeaseLost(
                f"run {run} no longer holds the lease: it lapsed or was released. This run ends without touching "
                "anything further; the watchdog ends its instances and starts the next run where charts wait"
            ) from None
        return Lease(run=item["run"], generation=int(item["generation"]), expires_at=int(item["expires_at"]))

    def release_lease(self, run: str) -> bool:
        """Frees the lease if `run` holds it, lapsed or not, and says whether it did."""
        return self._update(LEASE, "REMOVE #run, #expires_at", "#run = :run", {":run": run}, "run", "expires_at")

    # runs

    def open_run(self, run: str, *, asked_by: str, backlog: int, now: datetime) -> None:
        """Opens a run's record, before its master is launched."""
        self._table.put_item(
            Item={
                "pk": RUNS,
                "sk": run,
                "state": "launching",
                "asked": [{"by": asked_by, "at": _iso(now), "outcome": "launched"}],
                "stages": [],
                "backlog": backlog,
                "launched_at": _iso(now),
            },
            ConditionExpression="attribute_not_exists(pk)",
        )

    def note_asked(self, run: str, by: str, outcome: str, *, now: datetime | None = None) -> None:
        """Notes who asked for a run while this one lived, and what was answered. After 200 of them no more is noted."""
        self._update(
            _key(run),
            "SET #asked = list_append(#asked, :asked)",
            "attribute_exists(pk) AND size(#asked) < :most",
            {":asked": [{"by": by, "at": _iso(now), "outcome": outcome}], ":most": MOST_ASKED},
            "asked",
        )

    def record_stage(
        self, run: str, stage: str, outcome: StageOutcome, detail: str = "", *, now: datetime | None = None
    ) -> None:
        """Adds a stage's start or end to the run's record, as it happens."""
        self._update(
            _key(run),
            "SET #stages = list_append(#stages, :stages)",
            "attribute_exists(pk)",
            {":stages": [{"stage": stage, "outcome": outcome, "at": _iso(now), "detail": detail}]},
            "stages",
        )

    def update_run(self, run: str, **fields: Any) -> None:
        """Sets attributes of a run's record: `state`, `master`, `workers_wanted`, `backlog`, `exit_status`, ...

        A floating-point number is stored to six decimals. The `state` of a run that has ended stays as it is, and so
        does what would have been set with it.
        """
        self._update(
            _key(run),
            "SET " + ", ".join(f"#{name} = :{name}" for name in fields),
            "attribute_exists(pk)" + (" AND attribute_not_exists(ended_at)" if "state" in fields else ""),
            {f":{name}": _stored(value) for name, value in fields.items()},
            *fields,
        )

    def close_run(self, run: str, state: RunState, reason: str, *, now: datetime | None = None) -> bool:
        """Ends a run's record as done, failed or died. False where it had ended before, or there is none: the first
        to say how a run ended is right."""
        return self._update(
            _key(run),
            "SET #state = :state, #reason = :reason, #ended_at = :now",
            "attribute_exists(pk) AND attribute_not_exists(#ended_at)",
            {":state": state, ":reason": reason, ":now": _iso(now)},
            "state",
            "reason",
            "ended_at",
        )

    def run(self, run: str) -> dict[str, Any]:
        """A run's record.

        Raises:
            NotFound: there is no such run.
        """
        item = self._table.get_item(Key=_key(run), ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound("there is no such run; list the runs to see which there are")
        return _run(item)

    def runs(self, *, limit: int = 100, token: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
        """A page of runs, the newest first, and the token of the next page."""
        items, next_token = pages.query(
            self._table, "pk = :pk", {":pk": RUNS}, limit=limit, token=token, ScanIndexForward=False
        )
        return [_run(item) for item in items], next_token

    # workers

    def record_worker(
        self,
        run: str,
        instance: str,
        *,
        coded: int = 0,
        failed: int = 0,
        state: WorkerState,
        still_seconds: float = 0.0,
        why: str = "",
        now: datetime | None = None,
    ) -> bool:
        """Adds to a worker's counters and says that it lives, and in which state. True where it has been dismissed.

        Args:
            still_seconds: since it last came any further, with charts in hand.
            why: what stopped it, where every other worker would meet the same.
        """
        now = now or datetime.now(UTC)
        idle = {"idle": ", #idle_since = if_not_exists(#idle_since, :now)", "working": " REMOVE #idle_since"}
        names = ["coded", "failed", "seen_at", "first_seen_at", "state", "still_seconds", "why", "forget_at"]
        item = self._table.update_item(
            Key=_worker_key(run, instance),
            UpdateExpression="ADD #coded :coded, #failed :failed "
            "SET #seen_at = :now, #state = :state, #first_seen_at = if_not_exists(#first_seen_at, :now), "
            "#still_seconds = :still_seconds, #why = :why, #forget_at = :forget_at" + idle.get(state, ""),
            ExpressionAttributeNames=_names(*names, *(["idle_since"] if state in idle else [])),
            ExpressionAttributeValues={
                ":coded": coded,
                ":failed": failed,
                ":now": _iso(now),
                ":state": state,
                ":still_seconds": int(still_seconds),
                ":why": why,
                ":forget_at": int(now.timestamp()) + WORKERS_KEPT_SECONDS,
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return "dismissed_at" in item

    def dismiss_worker(self, run: str, instance: str, *, now: datetime) -> bool:
        """Tells a worker that is idle to leave: it hears of it with its next report. False where it has found work."""
        return self._update(
            _worker_key(run, instance),
            "SET #dismissed_at = :now",
            "attribute_exists(pk) AND #state = :idle",
            {":now": _iso(now), ":idle": "idle"},
            "dismissed_at",
            "state",
        )

    def workers(self, run: str) -> list[dict[str, Any]]:
        """What each worker of a run has done: `instance`, `coded`, `failed`, `state`, `still_seconds`, `why`,
        `first_seen_at`, `seen_at`, and `idle_since` since it has nothing to do, `dismissed_at` once it was told to
        leave."""
        return [
            {
                "instance": item["sk"].removeprefix("WORKER#"),
                "coded": int(item["coded"]),
                "failed": int(item["failed"]),
                "state": item["state"],
                "still_seconds": int(item.get("still_seconds", 0)),
                "why": item.get("why", ""),
                "first_seen_at": item["first_seen_at"],
                "seen_at": item["seen_at"],
            }
            | {name: item[name] for name in ("idle_since", "dismissed_at") if name in item}
            for item in pages.every(self._table, "pk = :pk", {":pk": f"RUN#{run}"})
        ]

    # what a day costs

    def spend(self, usd: float, *, now: datetime) -> float:
        """Adds to what the runs of this day (UTC) cost, and gives the sum in US dollars."""
        item = self._table.update_item(
            Key=_day_key(now),
            UpdateExpression="ADD #nano_usd :more SET #forget_at = :forget_at",
            ExpressionAttributeNames=_names("nano_usd", "forget_at"),
            ExpressionAttributeValues={
                ":more": round(usd * NANO),
                ":forget_at": int(now.timestamp()) + DAYS_KEPT_SECONDS,
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return int(item["nano_usd"]) / NANO

    def spent(self, *, now: datetime) -> float:
        """US dollars that the runs of this day (UTC) cost so far."""
        item = self._table.get_item(Key=_day_key(now), ConsistentRead=True).get("Item", {})
        return int(item.get("nano_usd", 0)) / NANO

    # the watchdog's memory

    def note_waiting(self, charts: int, *, now: datetime) -> datetime | None:
        """Keeps how many charts wait, and says since when there have been any; None where none wait."""
        since = "SET #waiting_since = if_not_exists(#waiting_since, :now), " if charts else "REMOVE #waiting_since SET "
        item = self._table.update_item(
            Key=WATCH,
            UpdateExpression=since + "#at = :now, #charts_waiting = :charts, #why = :none",
            ExpressionAttributeNames=_names("waiting_since", "at", "charts_waiting", "why"),
            ExpressionAttributeValues={":now": _iso(now), ":charts": charts, ":none": ""},
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return datetime.fromisoformat(item["waiting_since"]) if charts else None

    def note_why_waiting(self, why: str) -> None:
        """Keeps the reason why charts wait, after `note_waiting`."""
        self._update(WATCH, "SET #why = :why", "attribute_exists(pk)", {":why": why}, "why")

    def last_sweep(self) -> dict[str, Any] | None:
        """The watchdog's last look: `at`, `charts_waiting`, `why`, and `waiting_since` where charts wait."""
        item = self._table.get_item(Key=WATCH).get("Item")
        return None if item is None else {name: _plain(value) for name, value in item.items() if name not in LEASE}

    def _update(self, key: dict[str, str], change: str, condition: str, values: dict[str, Any], *names: str) -> bool:
        """Whether the condition held."""
        try:
            self._table.update_item(
                Key=key,
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(*names),
                ExpressionAttributeValues=values,
            )
        except self._conflict:
            return False
        return True


def _key(run: str) -> dict[str, str]:
    return {"pk": RUNS, "sk": run}


def _worker_key(run: str, instance: str) -> dict[str, str]:
    return {"pk": f"RUN#{run}", "sk": f"WORKER#{instance}"}


def _day_key(now: datetime) -> dict[str, str]:
    return {"pk": SPENT, "sk": now.astimezone(UTC).date().isoformat()}


def _names(*names: str) -> dict[str, str]:
    """Placeholders for attribute names: many of ours (state, run, at, ...) are or may become DynamoDB's own words."""
    return {f"#{name}": name for name in names}


def _iso(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


def _stored(value: Any) -> Any:
    return Decimal(f"{value:.6f}") if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    """DynamoDB's Decimals as int and float, at any depth."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _run(item: dict[str, Any]) -> dict[str, Any]:
    return {"run": item["sk"]} | {name: _plain(value) for name, value in item.items() if name not in ("pk", "sk")}
