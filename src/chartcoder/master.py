"""The master: `python -m chartcoder.master` runs the playbook of one run and sees to it that the run ends.

The playbook does the work (playbooks/master.yml); this process watches the playbook:

- each stage's start and end goes to the run's record as it happens, and all output to stdout, which is the log;
- the lease is renewed from Ansible's own events and from nothing else, so that a playbook that hangs loses it;
- a lost lease stops everything at once, and nothing further is touched: what was this run's is the watchdog's now;
- where Ansible dies, cannot start, or is told to stop, the workers are terminated and the record closed without it.

The process leaves with the run's exit status, last of all; its boot script then shuts the instance down.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.cloud.fleet import ENDED, FleetTable, StageOutcome
from chartcoder.cloud.instances import Instances, playbooks, user_data
from chartcoder.cloud.traces import ONCE, TraceSender, trace_of
from chartcoder.descendants import adopt_orphans, kill_descendants
from chartcoder.errors import LeaseLost
from chartcoder.logs import make_logger
from chartcoder.metrics import tell_look
from chartcoder.observing import run_segment
from chartcoder.outlets import contain_process
from chartcoder.protected import tell
from chartcoder.settings import Settings

DONE, FAILED, LEASE_LOST, STOPPED = 0, 2, 3, 143
RENEWALS = 6  # in a lease's time
LONGEST_DETAIL = 500  # characters of a stage's detail
NO_ANSWER = (BotoCoreError, ClientError)

Event = dict[str, Any]


class StageLog:
    """Tells of each stage once when it starts and once when it ends, from the names of the tasks: "Stage | Ensure ...".

    A task that fails is rescued where the same stage goes on after it; where another stage follows, the stage failed.
    """

    def __init__(self, tell: Callable[[str, StageOutcome, str], None]) -> None:
        self.stage: str | None = None
        self._tell = tell
        self._detail = ""
        self._rescued: str | None = None
        self._failure: str | None = None

    def take(self, event: Event) -> None:
        kind, data = event.get("event"), event.get("event_data") or {}
        task, result = data.get("task", ""), data.get("res") or {}
        if kind == "playbook_on_task_start":
            self._begin(task)
        elif kind == "playbook_on_stats":
            self.end()
        elif _stage_of(task) != self.stage:
            return  # a task of no stage: what it did is in the log
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            self._failure = _brief(f"{task}: {result.get('msg', 'no message')}")
        elif kind in ("runner_on_ok", "runner_retry"):
            self._detail = _brief(_said(result)) or self._detail

    def end(self) -> None:
        """Ends the stage that is under way."""
        if self.stage is not None and self._failure is not None:
            self._tell(self.stage, "failed", self._failure)
        elif self.stage is not None:
            told = [self._detail] if self._detail else []
            told += [f"rescued: {self._rescued}"] if self._rescued else []
            self._tell(self.stage, "ok", _brief("; ".join(told)))
        self.stage, self._detail, self._rescued, self._failure = None, "", None, None

    def _begin(self, task: str) -> None:
        stage = _stage_of(task)
        if stage is None:
            return
        if stage == self.stage:
            self._rescued, self._failure = self._failure or self._rescued, None
            return
        self.end()
        self.stage = stage
        self._tell(stage, "started", "")


class Supervisor:
    """Runs the playbook of `settings.run` and sees to the run's end."""

    def __init__(
        self,
        settings: Settings,
        *,
        fleet: FleetTable,
        instances: Instances,
        instance: str,
        region: str,
        logger: Logger,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        kill_descendants: Callable[[], None] = kill_descendants,
    ) -> None:
        """`instance`: the master's own id."""
        self._settings, self._fleet, self._instances = settings, fleet, instances
        self._run, self._instance, self._region, self._log = settings.run, instance, region, logger
        self._monotonic, self._clock, self._kill_descendants = monotonic, clock, kill_descendants
        self._stages = StageLog(self._record_stage)
        self._renewed_at = monotonic()
        self._closing = False  # the lease is about to be released, and need not be kept
        self._lost = False
        self._stopped = False
        self._fault: Exception | None = None

    def stop(self) -> None:
        """Ends the run early: the playbook is cancelled, the workers are terminated, the record is closed."""
        self._stopped = True

    def supervise(self) -> int:
        """Runs the playbook to its end, or ends the run without it. Gives the exit status."""
        try:
            self._renew_lease()
            self._fleet.update_run(self._run, state="running", master=self._instance)
            status, reason = self._play()
            if not self._lost and not self._all_is_over():
                self._end_without_ansible(reason)
        except LeaseLost as error:
            self._log.error("lease lost", extra={"reason": str(error)})
            return LEASE_LOST
        except NO_ANSWER:  # the record cannot be kept: with its key disabled nobody can
            self._terminate_workers_while_ours()
            raise
        if self._lost:
            return LEASE_LOST
        self._fleet.update_run(self._run, exit_status=status)
        return status

    # the playbook

    def _play(self) -> tuple[int, str]:
        """(exit status, why the run failed if it did)."""
        try:
            with TemporaryDirectory(prefix="chartcoder-") as folder:
                runner = self._run_ansible(Path(folder))
        except Exception as error:  # Ansible could not even start: the run must still be brought to its end
            self._log.exception("Ansible failed")
            self._fault = error
        finally:  # Ansible may have died and left a module at work
            self._kill_descendants()
        if self._fault is not None:
            return FAILED, f"the master failed: {tell(self._fault)}"
        if self._stopped:
            return STOPPED, "the master was told to stop"
        if runner.rc == 0:
            return DONE, ""
        return FAILED, f"the playbook ended with status {runner.rc} ({runner.status})"

    def _run_ansible(self, folder: Path) -> Any:
        import ansible_runner

        boot = folder / "worker-user-data.sh"
        boot.write_text(user_data("worker", self._settings, region=self._region))
        return ansible_runner.run(
            private_data_dir=str(folder),
            project_dir=str(playbooks()),
            playbook="master.yml",
            inventory=str(playbooks() / "inventory.ini"),
            extravars={"settings": asdict(self._settings), "worker_user_data": str(boot)},
            envvars=self._environment(folder),
            settings={"pexpect_timeout": 1, "suppress_ansible_output": True},
            event_handler=self._take,
            cancel_callback=self._must_stop,
        )

    @staticmethod
    def _environment(folder: Path) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            "ANSIBLE_HOME": f"{folder}/ansible",
            "ANSIBLE_CONFIG": str(playbooks() / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": f"{folder}/ansible/local",
            "ANSIBLE_REMOTE_TEMP": f"{folder}/ansible/remote",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }

    def _take(self, event: Event) -> bool:
        """Takes one of Ansible's events. What goes wrong here must stop the playbook, which runs beside us."""
        try:
            if event.get("stdout"):
                print(event["stdout"], flush=True)
            self._stages.take(event)
            if look := look_of(event):
                tell_look(self._settings.stack, look)
            if not self._closing:
                self._keep_lease()
        except Exception as error:
            self._log.exception("the master failed")
            self._fault = error
        return False  # no copy on disk: the log has it

    def _must_stop(self) -> bool:
        hangs = self._monotonic() - self._renewed_at >= self._settings.lease_seconds
        if hangs and not self._closing and not self._lost:
            self._log.error("the playbook said nothing for a lease's time; the lease has lapsed")
            self._lost = True
        if not self._lost and not self._stopped and self._fault is None:
            return False
        self._kill_descendants()  # ansible_runner only kills Ansible's process group, in which its modules are not
        return True

    # the lease and the record

    def _keep_lease(self) -> None:
        due = self._monotonic() - self._renewed_at >= self._settings.lease_seconds / RENEWALS
        if not due or self._lost:
            return
        try:
            self._renew_lease()
        except LeaseLost as error:
            self._log.error("lease lost", extra={"reason": str(error)})
            self._lost = True
        except NO_ANSWER as error:  # there are other events to come before the lease lapses
            self._log.warning("the lease could not be renewed", extra={"reason": tell(error)})

    def _renew_lease(self) -> None:
        asked_at = self._monotonic()
        self._fleet.renew_lease(self._run, seconds=self._settings.lease_seconds, now=self._clock())
        self._renewed_at = asked_at

    def _record_stage(self, stage: str, outcome: StageOutcome, detail: str) -> None:
        self._log.info("stage", extra={"stage": stage, "outcome": outcome, "detail": detail})
        self._closing = self._closing or stage == "close"
        try:
            self._fleet.record_stage(self._run, stage, outcome, detail, now=self._clock())
            if outcome == "started" and not self._closing:
                draining = stage in ("drain", "terminate_workers")
                self._fleet.update_run(self._run, state="draining" if draining else "running")
        except NO_ANSWER as error:  # a gap in the record is better than a run that ends for it
            self._log.warning("a stage is missing in the record", extra={"stage": stage, "reason": tell(error)})

    # the end without Ansible

    def _all_is_over(self) -> bool:
        closed = self._fleet.run(self._run)["state"] in ENDED
        return closed and not self._instances.alive(role="worker", run=self._run)

    def _end_without_ansible(self, reason: str) -> None:
        """Terminates the workers, closes the record, releases the lease: whatever the playbook left undone."""
        if self._fleet.run(self._run)["state"] not in ENDED:
            self._renew_lease()
        self._stages.end()
        self._record_stage("terminate_workers", "started", "")
        workers = [instance.id for instance in self._instances.alive(role="worker", run=self._run)]
        refused = self._instances.terminate(workers)
        if refused:
            self._log.error("instances that should be gone are not", extra={"instances": refused})
        detail = f"without Ansible: {len(workers) - len(refused)} terminated"
        self._record_stage("terminate_workers", "failed" if refused else "ok", f"{detail}; refused: {refused}")
        self._record_stage("close", "started", "")
        self._fleet.close_run(self._run, "failed", reason, now=self._clock())
        self._fleet.release_lease(self._run)
        self._record_stage("close", "ok", reason)

    def _terminate_workers_while_ours(self) -> None:
        """Ends the workers by EC2 alone, as long as nobody else can have the lease. What is left is the watchdog's."""
        if self._lost or self._monotonic() - self._renewed_at >= self._settings.lease_seconds:
            return
        workers = [instance.id for instance in self._instances.alive(role="worker", run=self._run)]
        refused = self._instances.terminate(workers)
        self._log.error(
            "the run's record could not be kept; its workers were terminated",
            extra={"instances": {id_: refused.get(id_, "terminated") for id_ in workers}},
        )


def _stage_of(task: str) -> str | None:
    """`terminate_workers` of "Terminate workers | Ensure ..."; None of a task without a stage."""
    name, bar, _ = task.partition(" | ")
    return name.lower().replace(" ", "_") if bar else None


def look_of(event: Event) -> dict[str, Any] | None:
    """The look at the run that an event of Ansible's tells of, as `chartcoder_look` gives it; None of any other."""
    about = event.get("event_data") or {}
    if event.get("event") not in ("runner_on_ok", "runner_retry") or about.get("task_action") != "chartcoder_look":
        return None
    result: dict[str, Any] = about.get("res") or {}
    return result if "verdict" in result else None


def _said(result: dict[str, Any]) -> str:
    """The words of a module's result."""
    if "instance_ids" in result:
        return f"{len(result['instance_ids'])} instances: {', '.join(result['instance_ids'])}"
    said = result.get("said") or result.get("msg") or ""
    return said if isinstance(said, str) else ""


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def trace_run(settings: Settings, fleet: FleetTable, traces: TraceSender, logger: Logger) -> None:
    """Ends the trace that the run was launched in, where it was traced, with what became of the run."""
    if (trace := trace_of(settings.trace)) is not None:
        try:
            record = fleet.run(settings.run)
        except NO_ANSWER as error:
            logger.warning("the run's trace has no end", extra={"reason": tell(error)})
        else:
            traces.send(run_segment(trace, settings.stack, record, end=time.time()))
    traces.close()


def main() -> int:
    """Wires the real parts and supervises the run that the environment names."""
    import boto3
    from botocore.config import Config

    from chartcoder.cloud.metadata import InstanceMetadata

    contain_process()
    settings = Settings.read(os.environ)
    session = boto3.Session()
    config = Config(retries={"mode": "standard", "max_attempts": 8})
    logger = make_logger("master", run=settings.run)
    fleet = FleetTable(session.resource("dynamodb", config=config).Table(settings.fleet_table))
    supervisor = Supervisor(
        settings,
        fleet=fleet,
        instances=Instances(session.client("ec2", config=config), settings.stack),
        instance=InstanceMetadata.from_environment(os.environ).instance_id(),
        region=session.region_name,
        logger=logger,
    )
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
    status = supervisor.supervise()
    trace_run(settings, fleet, TraceSender(session.client("xray", config=ONCE), logger=logger), logger)
    return status


if __name__ == "__main__":
    sys.exit(main())
