"""The deployed pipeline as the chaos sees it: through the services that an operator would ask, and as processes."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chartcoder.cloud.fleet import ENDED, FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import ChartcoderError, NotFound
from embedded.cloud import EmbeddedCloud
from embedded.instances_process import MARK
from embedded.processes import descendants, end, marked

NO_ANSWER = (BotoCoreError, ClientError, urllib.error.URLError, OSError)
"""While the emulator is stopped, or overwhelmed, whoever looks gets none."""

PATIENCE_SECONDS = 90.0

Role = Literal["master", "worker"]
Found = TypeVar("Found")


class NoTarget(ChartcoderError):
    """There was nothing for this fault to hit."""


@dataclass(frozen=True, slots=True)
class Look:
    """What could be seen at one moment."""

    at: float  # time.monotonic()
    ended: int  # charts coded or failed, by the tallies
    waiting: int  # messages in the queue, in hand and delayed too
    lease: str | None
    open_runs: tuple[str, ...]  # whose record has not ended

    @property
    def idle(self) -> bool:
        return self.waiting == 0


class System:
    """One deployed stack on the embedded cloud."""

    def __init__(self, cloud: EmbeddedCloud, batches: tuple[str, ...]) -> None:
        self.cloud, self.batches = cloud, batches
        self.settings = cloud.settings
        self.queue = ChartsQueue(
            cloud.client("sqs"), self.settings.charts_queue_url, self.settings.dead_letter_queue_url
        )
        self.fleet = FleetTable(cloud.table(self.settings.fleet_table))
        table = cloud.table(self.settings.results_table)
        self.results = ResultsStore(table, cloud.client("s3"), self.settings.results_bucket)
        self._roles: dict[str, str] = {}

    # looking

    def look(self) -> Look:
        """Raises NO_ANSWER when there is none."""
        lease = self.fleet.lease()
        runs, _ = self.fleet.runs(limit=10)
        return Look(
            at=time.monotonic(),
            ended=sum(self.ended(batch) for batch in self.batches),
            waiting=self.queue.depth().total,
            lease=lease.run if lease else None,
            open_runs=tuple(run["run"] for run in runs if run["state"] not in ENDED),
        )

    def ended(self, batch: str) -> int:
        """Charts of a batch that are coded or failed, by its tallies."""
        try:
            return sum(self.results.tally(batch).values())
        except NotFound:
            return 0

    def alive(self) -> list[str]:
        """Instances that EC2 does not call terminated."""
        return [
            i["InstanceId"] for i in self.cloud.instances("pending", "running", "shutting-down", "stopping", "stopped")
        ]

    def at_rest(self) -> bool:
        """Nothing waits, nothing runs, nobody holds the lease."""
        return self.queue.depth().total == 0 and self.fleet.lease() is None and not self.alive()

    def leftovers(self) -> list[int]:
        """Processes of this machine that belong to an instance of this cloud, whatever EC2 says."""
        ours = {instance["InstanceId"] for instance in self.cloud.instances()}
        return [pid for id_ in ours for pid in marked(MARK, id_)]

    def handed_out(self) -> int:
        """Messages that ChartsQueue has handed out in the last hour, by its own metric, which is seconds late."""
        now = datetime.now(UTC)
        points = self.cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="NumberOfMessagesReceived",
            Dimensions=[{"Name": "QueueName", "Value": self.settings.charts_queue_url.rpartition("/")[2]}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return int(sum(point["Sum"] for point in points))

    # processes

    def processes(self, role: Role) -> dict[str, list[int]]:
        """The processes of each instance of a role that runs, everything below them too."""
        found: dict[str, list[int]] = {}
        for instance, pids in self.cloud.instance_processes().items():
            if self._role_of(instance) == role:
                found[instance] = pids if self.cloud.containers is None else _with_all_below(pids)
        return found

    def _role_of(self, instance: str) -> str:
        if instance not in self._roles:
            for described in self.cloud.instances():
                tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
                self._roles[described["InstanceId"]] = tags.get("chartcoder:role", "")
        return self._roles.get(instance, "")

    def functions(self, *names: str) -> list[int]:
        """The processes of these functions: launcher, watchdog, api, coder."""
        return [pid for pid, handler in self.cloud.function_processes().items() if any(n in handler for n in names)]

    # acting

    def invoke(self, function: str, event: Any) -> None:
        """Asks for a function as a schedule or a person does who does not wait for the answer."""
        name = self.cloud.outputs[f"{function}FunctionName"]
        self.cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))

    def redrive(self) -> int:
        """`POST /failures/redrive`; the charts that it put back."""
        url = f"{self.cloud.api_url}/failures/redrive"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=b"{}", method="POST", headers=headers)  # noqa: S310 - our own loopback door
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return sum(value for value in json.load(answer).values() if isinstance(value, int))

    def put_fault(self, name: str, **fault: Any) -> None:
        self._control("PUT", f"faults/{name}", fault)

    def hits(self, name: str) -> int:
        return int(self._control("GET", "faults").get(name, 0))

    def lift_fault(self, name: str) -> int:
        return int(self._control("DELETE", f"faults/{name}")["hit"])

    def set_clock(self, seconds: float) -> None:
        self._control("PUT", "clock", {"seconds": seconds})

    def set_capacity(self, **left: int | None) -> None:
        """As the cloud's own."""
        patiently(lambda: self.cloud.set_capacity(**left))

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        return patiently(lambda: self.cloud.emulator.control(method, path, body))

    def calm(self) -> None:
        """Takes away all that was done on purpose: what still goes wrong then is the pipeline's own."""
        for name in self._control("GET", "faults"):
            self.lift_fault(name)
        self.set_capacity(spot=None, on_demand=None)
        if self.cloud.containers is None:
            self.set_clock(0)
        for pids in self.cloud.instance_processes().values():
            for pid in _with_all_below(pids):
                end(pid, signal.SIGCONT)


def _with_all_below(pids: list[int]) -> list[int]:
    return list(dict.fromkeys(one for pid in pids for one in (pid, *descendants(pid))))


def arguments(pid: int) -> list[str]:
    """A process's command line by argument; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def parent(pid: int) -> int:
    """A process's parent; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def spent(pid: int) -> int:
    """Processor time that a process has used, in ticks; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError):
        return 0


def runs_module(pid: int, module: str) -> bool:
    """Whether a process is `python -m module`, and not one that has those words among its arguments."""
    return arguments(pid)[1:3] == ["-m", module]


def _is_forkserver(pid: int) -> bool:
    return any("multiprocessing.forkserver import main" in argument for argument in arguments(pid))


def coding(pids: list[int]) -> list[int]:
    """Of an instance's processes those that code charts: what a forkserver has forked."""
    return [pid for pid in pids if _is_forkserver(pid) and _is_forkserver(parent(pid))]


def forkservers(pids: list[int]) -> list[int]:
    return [pid for pid in pids if _is_forkserver(pid) and not _is_forkserver(parent(pid))]


def kill(pids: list[int]) -> None:
    """kill -9, as when a machine loses its power: none of them sees another one die."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            end(pid, number)


def patiently(ask: Callable[[], Found]) -> Found:
    """What somebody answers who is silent now and then, as all of AWS is while its emulator is stopped."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except NO_ANSWER:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def until(condition: Callable[[], Found], seconds: float) -> Found | None:
    """Waits for the condition to give something true, and gives it; None when it did not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except NO_ANSWER:
            pass
        time.sleep(0.2)
    return None
