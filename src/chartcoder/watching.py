"""The watchdog: nothing outlives its run, no run is dead without a word, and no chart waits without a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chartcoder.cloud.charts import ChartReference, references
from chartcoder.cloud.fleet import ENDED, Lease
from chartcoder.cloud.instances import Instance
from chartcoder.cloud.queue import Delivery
from chartcoder.cloud.results import Outcome
from chartcoder.errors import BadRequest, CodingFailed, NotFound
from chartcoder.launching import Answer, Parts, launch_run

LEAVING = timedelta(minutes=2)  # from the end of a run's record to its master's own shutdown
APPEARING = timedelta(minutes=2)  # EC2 may not list an instance that it has just launched
OVERTIME = timedelta(minutes=10)  # past the longest life, at which an instance's own timer ends it
FIRST_PAUSE = timedelta(minutes=5)  # after the second failed run in a row; doubles with every further one
LONGEST_PAUSE = timedelta(hours=2)
BUDGET_PAUSE = timedelta(hours=24)
LETTERS_AT_ONCE = 10  # requests for ten dead letters, in one sweep
WATCHDOG = "watchdog"  # in place of a worker and a run, in the failures that the watchdog lists
STARTING = timedelta(minutes=20)  # from a run's launch to its first worker, with some rounds of asking for capacity
UNHEARD = timedelta(minutes=10)  # a worker that lives reports every few seconds


@dataclass(slots=True)
class Sweep:
    """What one sweep found and did."""

    charts_waiting: int = 0
    why_waiting: str = ""
    charts_stalled: int = 0  # of those that should be worked on, and are not
    died: dict[str, str] = field(default_factory=dict)  # run -> reason
    lapsed: str | None = None  # the run whose lease lapsed
    freed: str | None = None  # the run whose lease was released
    terminated: dict[str, str] = field(default_factory=dict)  # instance id -> reason
    not_terminated: dict[str, str] = field(default_factory=dict)  # instance id -> EC2's word
    letters_listed: int = 0  # dead letters that are listed failures by now
    answer: Answer | None = None  # of the launcher, where one was asked for
    launch_failure: Exception | None = None

    def counts(self) -> dict[str, int]:
        """The metrics of a sweep (`metrics.METRICS`)."""
        return {
            "LeaseLapsed": int(self.lapsed is not None),
            "InstancesNotTerminated": len(self.not_terminated),
            "RunsDied": len(self.died),
            "ChartsStalled": self.charts_stalled,
        }


def sweep(parts: Parts) -> Sweep:
    """One look at everything; doing it twice does nothing more.

    Ends what outlived its run, names the run that died, frees the lease of the dead, makes listed failures of the dead
    letters, and asks for a run where charts wait and nothing runs: an alarm that stays in ALARM asks only once.
    """
    found = Sweep()
    everyone = parts.instances.all()
    _terminate(parts, found, _too_old(parts, everyone))  # first of all: that needs neither the table nor its key
    lease = parts.fleet.lease()
    over = _bury_the_dead(parts, found, lease, everyone) if lease is not None else True
    _reap(parts, found, everyone, live=None if over or lease is None else lease.run)
    if over and lease is not None and parts.fleet.release_lease(lease.run):
        found.freed = lease.run
    _list_dead_letters(parts, found)
    _see_to_waiting_charts(parts, found)
    return found


def _bury_the_dead(parts: Parts, found: Sweep, lease: Lease, everyone: list[Instance]) -> bool:
    """Closes the record of the run that holds the lease and lives no more. True where that run is over."""
    record = _record(parts, lease.run)
    if record is not None and record["state"] in ENDED:
        return lease.lapsed(parts.clock()) or _ended_for(parts, record) > LEAVING
    reason = _cause_of_death(parts, lease, record, everyone)
    if reason is None:
        return False
    if lease.lapsed(parts.clock()):
        found.lapsed = lease.run
    found.died[lease.run] = reason
    parts.fleet.close_run(lease.run, "died", reason, now=parts.clock())
    return True


def _cause_of_death(parts: Parts, lease: Lease, record: dict[str, Any] | None, everyone: list[Instance]) -> str | None:
    launched = record is not None and "master" in record
    if lease.lapsed(parts.clock()):
        return (
            "its lease lapsed: the master hangs or is gone"
            if launched
            else "its launcher died before the master was launched"
        )
    # a launcher that has the lease opens the record and launches within seconds; else its lease lapses
    return _fate_of_master(parts, record, everyone) if record is not None and launched else None


def _fate_of_master(parts: Parts, record: dict[str, Any], everyone: list[Instance]) -> str | None:
    states = [instance.state for instance in everyone if instance.id == record["master"]]
    if states and states[0] not in ("shutting-down", "terminated"):
        return None
    age = parts.clock() - datetime.fromisoformat(record["launched_at"])
    if not states and age < APPEARING:
        return None
    return f"its master {record['master']} is gone ({states[0] if states else 'EC2 knows it no more'})"


def _reap(parts: Parts, found: Sweep, everyone: list[Instance], *, live: str | None) -> None:
    """Terminates every instance of this stack that does not belong to the live run."""
    outlived = "its run is over or unknown"
    strangers = (instance for instance in everyone if instance.alive and instance.run != live)
    _terminate(parts, found, {one.id: outlived for one in strangers if not _leaves_by_itself(parts, one)})


def _too_old(parts: Parts, everyone: list[Instance]) -> dict[str, str]:
    longest = timedelta(minutes=parts.settings.longest_life_minutes) + OVERTIME
    reason = f"older than {longest.total_seconds() / 60:.0f} minutes"
    return {one.id: reason for one in everyone if one.alive and parts.clock() - one.launched_at > longest}


def _terminate(parts: Parts, found: Sweep, doomed: dict[str, str]) -> None:
    doomed = {id_: reason for id_, reason in doomed.items() if id_ not in found.terminated}
    refused = parts.instances.terminate(doomed)
    found.not_terminated |= refused
    found.terminated |= {id_: reason for id_, reason in doomed.items() if id_ not in refused}


def _leaves_by_itself(parts: Parts, instance: Instance) -> bool:
    """A master whose run has just ended is about to shut itself down."""
    if instance.role != "master":
        return False
    record = _record(parts, instance.run)
    return record is not None and record["state"] in ("done", "failed") and _ended_for(parts, record) <= LEAVING


def _list_dead_letters(parts: Parts, found: Sweep) -> None:
    """Makes a listed failure of each chart that only a dead letter tells of, and deletes the letter.

    A worker stores the failure before a chart's last try; one that dies between receiving the chart and storing that
    leaves a dead letter and no failure. Where the chart has a result or a failure, that stands. A letter that is no S3
    event stays, for a person.
    """
    given_up = CodingFailed(
        f"no worker finished this chart in {parts.settings.max_receives} tries; redrive it, and report its kind and "
        "size if it fails again"
    )
    for _ in range(LETTERS_AT_ONCE if parts.queue.dead_letters() else 0):
        letters = parts.queue.receive_dead_letters()
        if not letters:
            return
        named = [(letter, _charts_of(parts, letter)) for letter in letters]
        outcomes = [
            Outcome.failed(chart, given_up, receives=letter.receives)
            for letter, charts in named
            for chart in charts or ()
            if not _is_known(parts, chart)
        ]
        parts.results.store(outcomes, worker=WATCHDOG, run=WATCHDOG)
        listed = [letter for letter, charts in named if charts is not None]
        parts.queue.delete_dead_letters(listed)
        found.letters_listed += len(listed)


def _charts_of(parts: Parts, letter: Delivery) -> list[ChartReference] | None:
    try:
        return references(letter.body, bucket=parts.settings.charts_bucket)
    except BadRequest:
        return None


def _is_known(parts: Parts, chart: ChartReference) -> bool:
    """Whether this upload of the chart, or a later one, has a result or a failure, which says more than a letter."""
    known = parts.results.known(chart.batch, chart.chart)
    return known is not None and known["key"] == chart.key and known["sequencer"] >= chart.sequencer


def _see_to_waiting_charts(parts: Parts, found: Sweep) -> None:
    """Asks for a run where charts wait, and keeps the reason where they go on waiting."""
    depth = parts.queue.depth()
    found.charts_waiting = depth.waiting + depth.delayed
    since = parts.fleet.note_waiting(depth.total, now=parts.clock())
    if since is None:
        return
    lease = parts.fleet.lease()
    by_design = "" if lease else _not_yet(parts, depth.total, since)
    held_back = "" if lease or by_design else _held_back(parts)
    found.why_waiting = by_design or held_back
    if not found.why_waiting:
        _ask(parts, found)
    if held_back or found.launch_failure or (lease and _nobody_works(parts, lease.run)):
        found.charts_stalled = depth.total
    parts.fleet.note_why_waiting(found.why_waiting)


def _ask(parts: Parts, found: Sweep) -> None:
    try:
        found.answer = launch_run(parts, asked_by="watchdog")
    except Exception as error:  # raised by whoever asked for the sweep, once it has told of the rest
        found.launch_failure = error
        found.why_waiting = f"the master could not be launched: {error}"
    else:
        found.why_waiting = _being_seen_to(parts, found.answer)


def _being_seen_to(parts: Parts, answer: Answer) -> str:
    record = _record(parts, answer.run) if answer.run else None
    state = f", {record['state']} since {record['launched_at']}" if record else ""
    return f"{answer.outcome}: {answer.run or 'a run'}{state}"


def _not_yet(parts: Parts, waiting: int, since: datetime) -> str:
    """Why so few charts are not worth a run yet; empty where they are."""
    settings = parts.settings
    due = since + timedelta(minutes=settings.longest_wait_minutes)
    if waiting >= settings.backlog_threshold or parts.clock() >= due:
        return ""
    return f"{waiting} of the {settings.backlog_threshold} charts that are worth a run; it starts by {due.isoformat()}"


def _held_back(parts: Parts) -> str:
    """Why no run is started after one that spent its budget or several that failed; empty where nothing speaks
    against one. Somebody who asks by an alarm or by hand is not held back."""
    now, budget = parts.clock().astimezone(UTC), parts.settings.budget_usd_per_day
    if parts.fleet.spent(now=now) >= budget:
        tomorrow = now.date() + timedelta(days=1)
        return f"the day's budget of {budget} USD is spent; the next run starts on {tomorrow.isoformat()} (UTC)"
    runs, _ = parts.fleet.runs(limit=10)
    failed = 0
    for run in runs:
        if run["state"] not in ("failed", "died"):
            break
        failed += 1
    if not failed:
        return ""
    last = runs[0]
    if last.get("over_budget") and last.get("budget_reached") != "day":
        pause, cause = BUDGET_PAUSE, "reached its budget"
    elif failed >= 2:
        pause, cause = min(FIRST_PAUSE * 2 ** (failed - 2), LONGEST_PAUSE), f"was the {failed}. in a row to fail"
    else:
        return ""
    due = datetime.fromisoformat(last["ended_at"]) + pause
    if parts.clock() >= due:
        return ""
    return f"run {last['run']} {cause} ({last['reason']}); the watchdog starts none before {due.isoformat()}"


def _nobody_works(parts: Parts, run: str) -> bool:
    """Whether a run that is long past its launch has no worker that was heard of lately."""
    record = _record(parts, run)
    if record is None or parts.clock() - datetime.fromisoformat(record["launched_at"]) < STARTING:
        return False
    heard = (datetime.fromisoformat(worker["seen_at"]) for worker in parts.fleet.workers(run))
    return all(parts.clock() - at > UNHEARD for at in heard)


def _record(parts: Parts, run: str) -> dict[str, Any] | None:
    try:
        return parts.fleet.run(run)
    except NotFound:
        return None


def _ended_for(parts: Parts, record: dict[str, Any]) -> timedelta:
    return parts.clock() - datetime.fromisoformat(record["ended_at"])
