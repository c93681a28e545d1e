"""The launcher: one master for all who ask at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.config import Config

from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.instances import Instances, deployed_image, user_data
from chartcoder.cloud.key import StackKey
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.settings import Settings

Outcome = Literal["launched", "already running", "nothing to do", "the day's budget is spent"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of asking for a run. `run` is the run launched, or the one that lives already."""

    outcome: Outcome
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What launching works with; made once, in an entry point."""

    settings: Settings
    fleet: FleetTable
    queue: ChartsQueue
    instances: Instances
    results: ResultsStore
    key: StackKey
    functions: Any  # a boto3 Lambda client
    region: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    trace: Callable[[], str] = lambda: ""  # the tracing header of the invocation, where it has one

    @classmethod
    def of(cls, settings: Settings, session: Any, environment: Mapping[str, str]) -> Parts:
        """The parts on the services of a boto3 session, which are asked again where they throttle. Lambda keeps each
        invocation's tracing header in the `environment`."""
        config = Config(retries={"mode": "standard", "max_attempts": 8})
        dynamodb = session.resource("dynamodb", config=config)
        queue = ChartsQueue(
            session.client("sqs", config=config), settings.charts_queue_url, settings.dead_letter_queue_url
        )
        return cls(
            settings=settings,
            fleet=FleetTable(dynamodb.Table(settings.fleet_table)),
            queue=queue,
            instances=Instances(session.client("ec2", config=config), settings.stack),
            results=ResultsStore(
                dynamodb.Table(settings.results_table),
                session.client("s3", config=config),
                settings.results_bucket,
                reads_codes=False,
            ),
            key=StackKey.of(session, queue),
            functions=session.client("lambda", config=config),
            region=session.region_name,
            trace=lambda: environment.get("_X_AMZN_TRACE_ID", ""),
        )


def launch_run(parts: Parts, *, asked_by: str) -> Answer:
    """Launches a master where charts wait and no run lives; where one lives, notes in its record who asked.

    None is launched once the day's runs have spent its budget; the watchdog asks again the next day.

    A launcher that dies between taking the lease and launching leaves a lease that lapses: the watchdog mends it.

    Args:
        asked_by: "alarm <name>", "watchdog" or "operator".

    Raises:
        KeyUnusable: the stack's key is out of use. Nothing was started: no worker could code a chart, and each that
            tried would cost its charts a try.
        NoCapacity: EC2 has no instance for the master.
        Whatever an AWS service answered: the run's record says so, and the lease is free again.
    """
    backlog = parts.queue.depth().total
    if backlog == 0:
        return Answer("nothing to do")
    parts.key.check()
    settings, now = parts.settings, parts.clock()
    if parts.fleet.spent(now=now) >= settings.budget_usd_per_day and parts.fleet.lease() is None:
        return Answer("the day's budget is spent")
    lease = parts.fleet.take_lease(settings.stack, seconds=settings.lease_seconds, now=now)
    if lease is None:
        return _note_asked(parts, asked_by)
    run = lease.run
    try:
        parts.fleet.open_run(run, asked_by=asked_by, backlog=backlog, now=now)
        _launch_master(parts, run)
    except Exception as error:
        # a failed launch must neither keep the lease nor go without a word; the caller hears of it all the same
        parts.fleet.close_run(run, "failed", f"the master could not be launched: {error}", now=parts.clock())
        parts.fleet.release_lease(run)
        raise
    return Answer("launched", run)


def _launch_master(parts: Parts, run: str) -> None:
    settings = replace(
        parts.settings,
        run=run,
        trace=parts.trace(),
        control_image=deployed_image(parts.functions, parts.settings.control_function),
        coder_image=deployed_image(parts.functions, parts.settings.coder_function),
    )
    master = parts.instances.launch(
        settings.master_launch_template,
        role="master",
        run=run,
        user_data=user_data("master", settings, region=parts.region),
        token=run,
    )
    parts.fleet.update_run(run, master=master, control_image=settings.control_image, coder_image=settings.coder_image)


def _note_asked(parts: Parts, asked_by: str) -> Answer:
    lease = parts.fleet.lease()
    if lease is None:  # released since it was refused; who asks next finds it free
        return Answer("already running")
    parts.fleet.note_asked(lease.run, asked_by, "already running", now=parts.clock())
    return Answer("already running", lease.run)
