"""EC2 instances that really run: between the emulated EC2 and whatever plays the machine.

`Instances` owns the states (pending, running, shutting-down, terminated) and each instance's metadata service; a
`Machines` boots and kills: `embedded/instances_process.py` with processes, `embedded/instances_container.py` with
containers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedded.metadata import MetadataServer, Subject
from embedded.patches import ec2

log = logging.getLogger("embedded.instances")


@dataclass(frozen=True, slots=True)
class Boot:
    """What a machine is started with."""

    instance_id: str
    user_data: bytes
    metadata_endpoint: str


class Machines(Protocol):
    """What plays the machines."""

    host: str
    """The address where machines find this process."""

    def boot(self, boot: Boot, on_end: Callable[[int], None]) -> None:
        """Start a machine. `on_end` is called with its exit status when it ends, for whatever reason."""

    def destroy(self, instance_id: str) -> None:
        """End a machine and everything on it at once; return when nothing of it runs."""

    def processes(self) -> Mapping[str, list[int]]:
        """The process ids of every machine that is up."""


class Instances:
    """Keeps the emulated EC2's records and the machines in step. Implements `embedded.patches.ec2.Boots`."""

    def __init__(
        self,
        machines: Machines,
        credentials_of: Callable[[ec2.Record], dict[str, str] | None],
        *,
        account: str,
        region: str,
    ) -> None:
        self._machines, self._credentials_of = machines, credentials_of
        self._account, self._region = account, region
        self._metadata: dict[str, MetadataServer] = {}
        self._lock = threading.RLock()
        self.capacity: dict[str, int | None] = {"spot": None, "on-demand": None}  # None: no limit
        """Instances of each kind EC2 still has to give; tests set it to see what happens without Spot."""

    def refusal(self, *, spot: bool, count: int) -> str | None:
        """Why EC2 cannot give `count` instances, or None when it can."""
        kind = "spot" if spot else "on-demand"
        left = self.capacity[kind]
        if left is None:
            return None
        if count > left:
            return f"There is no {'Spot' if spot else 'On-Demand'} capacity available that matches your request."
        self.capacity[kind] = left - count
        return None

    def launched(self, record: ec2.Record) -> None:
        """Boot a pending instance; it is running when this returns."""
        instance_id = record["InstanceId"]
        with self._lock:
            subject = Subject(record, ec2.tags_of, self._credentials_of, self._account, self._region)
            server = MetadataServer(subject, self._machines.host)
            self._metadata[instance_id] = server
            ec2.set_state(record, ec2.RUNNING)
            boot = Boot(instance_id, ec2.user_data(record), server.endpoint)
            self._machines.boot(boot, lambda status: self._shut_down_by_itself(record, status))
        log.info("instance %s is running (%s)", instance_id, ec2.tags_of(record).get("chartcoder:role", "no role"))

    def ended(self, record: ec2.Record) -> None:
        """End an instance that TerminateInstances or StopInstances named."""
        stopped = record["State"]["Name"] in ("stopped", "stopping")
        if not stopped:
            ec2.set_state(record, ec2.SHUTTING_DOWN)
        self._close(record)
        if not stopped:
            ec2.set_state(record, ec2.TERMINATED)
        log.info("instance %s was %s", record["InstanceId"], record["State"]["Name"])

    def _shut_down_by_itself(self, record: ec2.Record, status: int) -> None:
        """The machine ended from inside: terminated or stopped, by the instance's shutdown behaviour."""
        with self._lock:
            if record["State"]["Name"] != "running":
                return  # we ended it
            self._close(record)
            if ec2.shutdown_behaviour(record) == "terminate":
                ec2.set_state(record, ec2.TERMINATED, "Client.InstanceInitiatedShutdown")
            else:
                ec2.set_state(record, {"Code": 80, "Name": "stopped"}, "Client.InstanceInitiatedShutdown")
        log.info("instance %s shut itself down (exit status %d)", record["InstanceId"], status)

    def _close(self, record: ec2.Record) -> None:
        self._machines.destroy(record["InstanceId"])
        server = self._metadata.pop(record["InstanceId"], None)
        if server:
            server.close()

    def notify_spot(self, instance_id: str, seconds: float = 120.0) -> None:
        """Announce in the instance's metadata that its Spot capacity is taken back in `seconds`.

        Raises:
            KeyError: when no such instance runs.
        """
        self._metadata[instance_id].subject.announce_interruption(seconds)

    def power_loss(self, records: list[ec2.Record]) -> None:
        """What a restart of the embedded cloud means for instances kept in its state: their machines are gone."""
        for record in records:
            if record["State"]["Name"] in ("pending", "running", "shutting-down"):
                ec2.set_state(record, ec2.TERMINATED, "Server.InternalError")

    def processes(self) -> dict[str, list[int]]:
        return dict(self._machines.processes())

    def close(self) -> None:
        with self._lock:
            for instance_id in list(self._metadata):
                self._machines.destroy(instance_id)
                self._metadata.pop(instance_id).close()


def console_path(instances_folder: Path, instance_id: str) -> Path:
    """Where an instance's boot script writes, as cloud-init does on a real one."""
    return instances_folder / instance_id / "root" / "var" / "log" / "cloud-init-output.log"
