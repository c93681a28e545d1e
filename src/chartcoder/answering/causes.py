"""Why charts wait and no worker works on them: told from what the fleet keeps of its runs, each with a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from chartcoder.answering.shapes import Why

BOOTING = timedelta(minutes=6)
"""From a launch to the first word of an instance: some two minutes of booting, and four of asking for an image in vain
(`playbooks/boot/instance.sh`)."""
HEARD = timedelta(minutes=3)  # a worker reports every few seconds
WATCHDOG_SILENT = timedelta(minutes=25)  # twice the slowest WatchdogRate, and something

Cause = Literal["few_charts", "starting", "no_capacity", "quota", "image", "key", "launcher", "watchdog", "budget",
                "failing_runs"]  # fmt: skip

WORDS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    ("key", re.compile(r"kms|key.{0,20}(?:disabled|pending deletion)", re.I)),
    ("quota", re.compile(r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|quota", re.I)),
    ("no_capacity", re.compile(r"Insufficient\w*Capacity|SpotMaxPriceTooLow|Unsupported.{0,60}Zone|capacity", re.I)),
    ("image", re.compile(r"ImageNotFound|pull|manifest|repository|ResolvedImageUri|InvalidAMIID", re.I)),
)
"""EC2's, ECR's and KMS's own codes in what a run's record says
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html), the most telling first."""

REMEDIES: dict[Cause, str] = {
    "few_charts": "nothing to do: BacklogThreshold and LongestWaitMinutes say how many are worth a run, and when",
    "starting": "nothing to do: an instance boots in some three minutes",
    "no_capacity": "EC2 has none to give: wait, or set another WorkerInstanceType or a lower SpotShare",
    "quota": "ask Service Quotas for more vCPUs of this kind of instance, or set a lower MaxWorkers",
    "image": "see that the images are in their repositories (`sam deploy` puts them there) and that the instances "
    "reach ECR: the endpoints or the NAT gateway of their subnet. `aws ec2 get-console-output` has the boot's words",
    "key": "enable the key in KMS, or cancel its deletion: until then nothing of the stack can be read or written",
    "launcher": "the launcher's log group has the whole of it",
    "watchdog": "see the watchdog's log group and its rule in EventBridge",
    "budget": "raise BudgetPerRun, or invoke the launcher by hand, which is not held back by the last run's budget; "
    "where it is the day's, raise BudgetPerDay or wait for the next day (UTC)",
    "failing_runs": "GET /runs has the reasons; invoke the launcher by hand once they are mended",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge by. `runs` has the newest first; `live` is the one that holds the lease."""

    now: datetime
    waiting: int
    live: dict[str, Any] | None = None
    workers: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    sweep: dict[str, Any] | None = None
    key_state: str | None = None


def causes(seen: Seen) -> list[Why]:
    """Why charts wait; empty where none do, or where a worker works."""
    found: dict[Cause, str] = {}
    if seen.key_state not in (None, "Enabled"):
        found["key"] = f"the stack's key is {seen.key_state}"
    if seen.waiting and not _works(seen):
        for cause, detail in _of_live_run(seen) if seen.live else _of_no_run(seen):
            found.setdefault(cause, detail)
    return [Why(cause=cause, detail=detail, remedy=REMEDIES[cause]) for cause, detail in found.items()]


def told_by(words: str) -> Cause | None:
    """The cause that an error's words name, if they name one."""
    return next((cause for cause, pattern in WORDS if pattern.search(words)), None)


def _works(seen: Seen) -> bool:
    return any(
        worker["state"] in ("working", "idle") and _age(seen, worker["seen_at"]) < HEARD for worker in seen.workers
    )


def _of_live_run(seen: Seen) -> Iterator[tuple[Cause, str]]:
    run = seen.live or {}
    launched = [stage for stage in run.get("stages", ()) if stage["stage"] == "launch"]
    failed = [stage for stage in launched if stage["outcome"] == "failed"]
    for stage in failed[-1:]:
        yield told_by(stage["detail"]) or "no_capacity", f"workers could not be launched: {stage['detail']}"
    if run.get("over_budget") or run.get("state") == "draining":
        yield "budget", f"run {run['run']} ends"
    since = (launched or [{"at": run["launched_at"]}])[-1]["at"]
    who = "worker" if launched else "master"
    if failed:
        return
    if _age(seen, since) < BOOTING:
        yield "starting", f"the {who} of run {run['run']} boots since {since}"
    elif not run.get("stages") or not seen.workers:
        yield "image", f"the {who} of run {run['run']} was launched at {since} and has said no word since"


def _of_no_run(seen: Seen) -> Iterator[tuple[Cause, str]]:
    last = seen.runs[0] if seen.runs else {}
    reason = str(last.get("reason", ""))
    why = str((seen.sweep or {}).get("why", ""))
    of_day = "day's budget" in why
    if of_day:
        yield "budget", why
    elif last.get("over_budget"):
        yield "budget", f"run {last['run']} reached its budget: {why or reason}"
    if last.get("state") in ("failed", "died"):
        yield from _of_failed_run(seen, last, reason)
    if "could not be launched" in why:
        yield told_by(why) or "launcher", why
    elif "worth a run" in why:
        yield "few_charts", why
    if seen.sweep is None or _age(seen, seen.sweep["at"]) > WATCHDOG_SILENT:
        at = "has never looked" if seen.sweep is None else f"looked last at {seen.sweep['at']}"
        yield "watchdog", f"the watchdog, which starts what no alarm asked for, {at}"
    if last.get("state") not in ("failed", "died") and "worth a run" not in why and not of_day:
        yield "starting", "an alarm or the watchdog asks for a run within minutes"


def _of_failed_run(seen: Seen, last: dict[str, Any], reason: str) -> Iterator[tuple[Cause, str]]:
    named = told_by(reason)
    if named:
        yield named, f"run {last['run']} ended as {last['state']}: {reason}"
    elif "could not be launched" in reason:
        yield "launcher", f"run {last['run']}: {reason}"
    elif last["state"] == "died" and not last.get("stages"):
        yield "image", f"the master of run {last['run']} ended before its first stage: {reason}"
    in_a_row = next((n for n, run in enumerate(seen.runs) if run["state"] not in ("failed", "died")), len(seen.runs))
    if in_a_row > 1 or not named:
        yield "failing_runs", f"{in_a_row} runs failed in a row, the last one so: {reason}"


def _age(seen: Seen, at: str) -> timedelta:
    return seen.now - datetime.fromisoformat(at)
