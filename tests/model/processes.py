"""What runs in lanes: the real launcher, watchdog, master, worker and redrive, each with its own clock.

Of the master only Ansible is stood in for, by `Playbook`, which does what the tasks of `playbooks/master.yml` do, in
their order and by the same stages; of the worker only the coder's processes, by `Pool`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.answering.failures import Failures
from chartcoder.cloud.instances import MARKET, ROLE, RUN, STACK
from chartcoder.cloud.results import pack
from chartcoder.errors import ChartcoderError, CodingFailed, UnreadableChart
from chartcoder.launching import Parts, launch_run
from chartcoder.master import Supervisor
from chartcoder.settings import Settings
from chartcoder.stages import Look, Stages
from chartcoder.watching import Sweep, sweep
from chartcoder.worker import Report, Worker
from tests.model.lanes import Clock, Killed, Lane
from tests.model.stack import MAX_RECEIVES, ModelStack

CHART_SECONDS = 400
SLOW_SECONDS = 200.0  # that a slow chart takes: longer than a message stays invisible by itself
LAMBDA_SECONDS = 300  # the longest that an invocation lives
EXPECTED = (ChartcoderError, ClientError, BotoCoreError, Killed)
"""How a process may end. Anything else is a fault of the code's that the model has found."""

LOGGER = Logger(service="model", level=logging.CRITICAL, logger_handler=logging.NullHandler())


class Deployed:
    """Lambda, as far as the launcher asks it: which image a function was deployed with."""

    def get_function(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"Code": {"ImageUri": f"registry/{FunctionName}@sha256:1"}}


@dataclass
class Process:
    """Lanes that live and die together. `instance` is the one it runs on; an invocation of a function has none."""

    name: str
    skew: float
    instance: str | None = None
    lanes: list[Lane] = field(default_factory=list)
    started_at: float = 0.0
    hung: bool = False  # it is there, and does nothing any more
    taken_back: bool = False  # EC2 has announced that it takes the instance back
    doomed: bool = False  # a chart has brought it down
    untouched: bool = True  # nothing went wrong for it
    found: Sweep | None = None  # of a watchdog's

    @property
    def over(self) -> bool:
        return self.lanes[0].ended

    def kill(self) -> None:
        for lane in self.lanes:
            lane.kill()


class Processes:
    """Starts processes on a stack."""

    def __init__(self, stack: ModelStack) -> None:
        self._stack, self._clock = stack, stack.clock
        self.coding = Coding(stack.clock)

    def _start(
        self, name: str, skew: float, work: Callable[[Lane, Process], None], instance: str | None = None
    ) -> Process:
        process = Process(name, skew, instance, started_at=self._clock.now)
        process.lanes.append(Lane(self._stack.lanes, name, lambda lane: work(lane, process)))
        return process

    def _time(self, skew: float) -> Callable[[], datetime]:
        return lambda: datetime.fromtimestamp(self._clock.now + skew, UTC)

    def _parts(self, skew: float) -> Parts:
        stack = self._stack
        return Parts(
            settings=stack.settings,
            fleet=stack.fleet,
            queue=stack.queue,
            instances=stack.instances,
            results=stack.results(),
            key=stack.key,
            functions=Deployed(),
            region="us-east-1",
            clock=self._time(skew),
        )

    def launcher(self, skew: float) -> Process:
        return self._start(
            "launcher", skew, lambda lane, _: void(launch_run(self._parts(skew), asked_by="alarm model"))
        )

    def watchdog(self, skew: float) -> Process:
        def look(lane: Lane, process: Process) -> None:
            process.found = sweep(self._parts(skew))
            if process.found.launch_failure is not None:
                raise process.found.launch_failure

        return self._start("watchdog", skew, look)

    def redrive(self) -> Process:
        failures = Failures(self._stack.charts, self._stack.results(), self._stack.queue)
        return self._start("redrive", 0, lambda lane, _: void(failures.redrive()))

    def master(self, instance: str, run: str, skew: float) -> Process:
        stack = self._stack
        settings = replace(stack.settings, run=run, coder_image="registry/coder", control_image="registry/control")

        def live(lane: Lane, process: Process) -> None:
            stages = Stages(
                settings,
                fleet=stack.fleet,
                queue=stack.queue,
                instances=stack.instances,
                clock=self._time(skew),
                sleep=lane.sleep,
            )
            supervisor = PlayingSupervisor(
                settings,
                fleet=stack.fleet,
                instances=stack.instances,
                instance=instance,
                region="us-east-1",
                logger=LOGGER,
                monotonic=lambda: self._clock.now,
                clock=self._time(skew),
                kill_descendants=lambda: None,  # those of this process are the test's own
            )
            supervisor.playbook = Playbook(settings, stages, stack.ec2)
            supervisor.supervise()

        return self._start(f"master {run}", skew, live, instance)

    def worker(self, instance: str, run: str, skew: float) -> Process:
        stack, time_of_day = self._stack, self._time(skew)

        def live(lane: Lane, process: Process) -> None:
            worker = Worker(
                queue=stack.queue,
                charts=stack.charts,
                results=stack.results(),
                pool=Pool(process, self.coding),
                check_key=stack.key.check,
                report=lambda report: self._record(run, instance, report, time_of_day()),
                notice=lambda: process.taken_back,
                name=instance,
                run=run,
                room=20,
                max_receives=MAX_RECEIVES,
                chart_seconds=CHART_SECONDS,
                logger=LOGGER,
                report_seconds=40,
                monotonic=lambda: self._clock.now,
            )

            def loops() -> None:
                for name, step, pause in (
                    ("receives", lambda: worker.receive(wait_seconds=5), 20.0),
                    ("fetches", lambda: worker.fetch(wait_seconds=0), 2.0),
                ):
                    process.lanes.append(self._loop(worker, process, f"{instance} {name}", step, pause))
                while worker.turn(0):
                    lane.sleep(2)

            worker.to_the_end(loops)

        return self._start(f"worker {run}", skew, live, instance)

    def _loop(self, worker: Worker, process: Process, name: str, step: Callable[[], None], pause: float) -> Lane:
        """A thread of a worker's, in a lane of its own."""

        def repeat(lane: Lane) -> None:
            while not process.over:
                step()
                lane.sleep(pause)

        return Lane(self._stack.lanes, name, lambda lane: worker.guard(repeat)(lane), wakes_at=self._clock.now)

    def _record(self, run: str, instance: str, report: Report, now: datetime) -> bool:
        return self._stack.fleet.record_worker(
            run,
            instance,
            coded=report.coded,
            failed=report.failed,
            state=report.state,
            still_seconds=report.still_seconds,
            why=report.why,
            now=now,
        )


class Coding:
    """What the coder's processes of all workers have in hand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.have_hung: set[str] = set()  # charts
        self._slow: list[tuple[float, Future[Any], Any]] = []

    def end_later(self, future: Future[Any], coded: Any) -> None:
        self._slow.append((self._clock.now + SLOW_SECONDS, future, coded))

    def end_what_is_due(self) -> None:
        due = [one for one in self._slow if one[0] <= self._clock.now]
        self._slow = [one for one in self._slow if one not in due]
        for _, future, coded in due:
            future.set_result(coded)


class Pool:
    """The coder's processes: what becomes of a chart is what its text says."""

    def __init__(self, process: Process, coding: Coding) -> None:
        self._process, self._coding = process, coding

    def submit(self, data: bytes, chart_id: str) -> Future[Any]:
        future: Future[Any] = Future()
        coded = (("I10",), pack({"id": chart_id, "codes": [{"code": "I10"}]}))
        match data:
            case b"poison":
                future.set_exception(CodingFailed("the coder's process died on this chart"))
            case b"unreadable":
                future.set_exception(UnreadableChart("the chart has no text"))
            case b"killer":
                self._process.doomed = True
                raise Killed
            case b"hangs once" if chart_id not in self._coding.have_hung:
                self._coding.have_hung.add(chart_id)  # it never ends, and the next process codes it
            case b"slow":
                self._coding.end_later(future, coded)
            case _:
                future.set_result(coded)
        return future

    def outcome(self, future: Future[Any]) -> Any:
        return future.result()


class TaskFailed(Exception):
    """A task of the playbook failed."""


class PlayingSupervisor(Supervisor):
    """The master with `Playbook` in Ansible's place."""

    playbook: Playbook

    def _run_ansible(self, folder: Path) -> Any:
        return self.playbook.play(self._take, self._must_stop)


class Playbook:
    """`playbooks/master.yml`, which tests/integration/test_playbook.py runs itself."""

    MOST_ROUNDS = 40

    def __init__(self, settings: Settings, stages: Stages, ec2: Any) -> None:
        self._settings, self._stages, self._ec2 = settings, stages, ec2
        self._look: Look | None = None
        self._patience = settings.lease_seconds // 4
        self._every = min(settings.watch_seconds, self._patience)

    def play(self, take: Callable[[dict[str, Any]], bool], must_stop: Callable[[], bool]) -> SimpleNamespace:
        self._take, self._must_stop = take, must_stop
        failure = ""
        try:
            try:
                self._work()
            except (TaskFailed, *EXPECTED[:3]) as error:
                failure = str(error) or type(error).__name__
            if self._look is None or self._look.verdict != "lost":
                self._begin("Terminate workers | Ensure none of this run is left")
                self._terminate()
                self._begin("Close | Ensure the run's record is closed")
                self._stages.close(failure)
        except (TaskFailed, *EXPECTED[:3]) as error:
            failure = str(error) or type(error).__name__
        except _CancelledError:
            return SimpleNamespace(rc=254, status="canceled")
        self._take({"event": "playbook_on_stats"})
        return SimpleNamespace(rc=2 if failure else 0, status="failed" if failure else "successful")

    def _work(self) -> None:
        for played in range(1, self.MOST_ROUNDS + 1):
            self._begin("Size | Ensure the run knows how many workers it needs")
            plan = self._stages.size()
            self._begin("Launch | Ensure there are as many workers as the plan has")
            try:
                self._launch("spot", plan.spot)
            except ClientError:
                plan = self._stages.size()
                plan = replace(plan, on_demand=plan.workers - plan.spot_alive)
            self._launch("on-demand", plan.on_demand)
            look = self._watch(may_launch=played < self.MOST_ROUNDS)
            if look.verdict == "empty":
                self._begin("Drain | Ensure the queue stays empty")
                look = self._look = self._stages.look_while("empty", every=self._every, seconds=4 * self._every)
            if look.verdict in ("budget", "stopped", "lost"):
                raise TaskFailed(look.said)
            if look.verdict == "empty":
                return
        raise TaskFailed("no worker is left")

    def _watch(self, *, may_launch: bool) -> Look:
        while True:
            self._begin("Watch | Ensure the run goes on until the queue is empty")
            self._look = self._stages.look_while(
                "working", every=self._every, seconds=self._patience, may_launch=may_launch
            )
            self._tell("runner_retry", "Watch | Ensure the run goes on until the queue is empty", self._look.said)
            if self._look.verdict != "working":
                return self._look

    def _launch(self, market: str, count: int) -> None:
        missing = count - len(self._workers(market)) if count > 0 else 0
        if missing <= 0:
            return
        tags = {STACK: self._settings.stack, ROLE: "worker", RUN: self._settings.run, MARKET: market}
        template = (
            self._settings.worker_spot_launch_template if market == "spot" else self._settings.worker_launch_template
        )
        self._ec2.run_instances(
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
            MinCount=missing,
            MaxCount=missing,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )

    def _terminate(self) -> None:
        if workers := self._workers():
            self._ec2.terminate_instances(InstanceIds=workers)
        if self._workers():
            raise TaskFailed("workers are left")

    def _workers(self, market: str | None = None) -> list[str]:
        filters = {
            f"tag:{STACK}": [self._settings.stack],
            f"tag:{RUN}": [self._settings.run],
            f"tag:{ROLE}": ["worker"],
            "instance-state-name": ["pending", "running", "stopping", "stopped"],
        } | ({f"tag:{MARKET}": [market]} if market else {})
        answer = self._ec2.describe_instances(
            Filters=[{"Name": name, "Values": values} for name, values in filters.items()]
        )
        return [item["InstanceId"] for reservation in answer["Reservations"] for item in reservation["Instances"]]

    def _begin(self, task: str) -> None:
        self._tell("playbook_on_task_start", task)

    def _tell(self, kind: str, task: str, said: str = "") -> None:
        self._take({"event": kind, "event_data": {"task": task, "res": {"said": said}}})
        if self._must_stop():
            raise _CancelledError


class _CancelledError(Exception):
    """ansible_runner was told to stop."""


def void(_: object) -> None:
    """What a lane's work gives to nobody."""
