"""Instances as containers: each runs its real user data, has the machine's own addresses and the engine's socket.

What stands in for the AMI is `embedded/ami/container/`. The containers that an instance starts share its network, carry
its label, and end with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import docker
import requests
from docker.errors import APIError
from docker.models.containers import Container

from embedded.engine import CLOUD, INSTANCE, KILLED, Place, await_end, containers, main_process, remove
from embedded.instances import Boot, console_path

log = logging.getLogger("embedded.instances")

SOCKET = "/var/run/docker.sock"
COMMAND_LINE_API = (1, 41)  # of the machine image's docker, Debian 12's
CAPABILITIES = ["NET_ADMIN", "NET_BIND_SERVICE"]  # to have the metadata service's address, on port 80


def api_version(oldest: str) -> dict[str, str]:
    """What tells the machine image's docker to speak the `oldest` version that an engine newer than itself takes."""
    known = tuple(int(part) for part in oldest.split(".") if part.isdigit())
    return {"DOCKER_API_VERSION": oldest} if known > COMMAND_LINE_API else {}


class ContainerMachines:
    """Plays EC2's machines with containers. Implements `embedded.instances.Machines`."""

    def __init__(
        self, client: docker.DockerClient, place: Place, *, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """`folder` gets each instance's console output, `environment` is what every instance finds."""
        self._client, self._place, self._folder = client, place, folder
        self._environment = dict(environment) | api_version(client.version().get("MinAPIVersion", ""))
        self._destroyed: set[str] = set()
        self._lock = threading.Lock()
        self.host = place.gateway

    def boot(self, boot: Boot, on_end: Callable[[int], None]) -> None:
        """Start an instance from a thread of its own: EC2 does not wait for a machine to boot either."""
        life = threading.Thread(target=self._live, args=(boot, on_end), name=boot.instance_id, daemon=True)
        life.start()

    def _live(self, boot: Boot, on_end: Callable[[int], None]) -> None:
        """From the container's start to its end, and to the end of all that it started."""
        status = KILLED
        try:
            container = self._create(boot)
            with self._lock:
                if boot.instance_id in self._destroyed:
                    remove(container)
                    return
                container.start()
            self._keep_console(container, boot.instance_id)
            status = await_end(container)
        except APIError as error:
            log.error("instance %s did not boot: %s", boot.instance_id, error.explanation or type(error).__name__)
        self._sweep(boot.instance_id)
        on_end(status)

    def _create(self, boot: Boot) -> Container:
        container: Container = self._client.containers.create(
            self._place.machine_image,
            name=boot.instance_id,
            hostname=boot.instance_id,
            labels=self._labels(boot.instance_id),
            network=self._place.network,
            environment={
                **self._environment,
                "EMBEDDED_CLOUD": self._place.cloud,
                "EMBEDDED_INSTANCE": boot.instance_id,
                "EMBEDDED_METADATA": boot.metadata_endpoint,
            },
            volumes={SOCKET: {"bind": SOCKET, "mode": "rw"}},
            cap_drop=["ALL"],
            cap_add=CAPABILITIES,
            security_opt=["no-new-privileges"],
        )
        return container

    def _labels(self, instance_id: str) -> dict[str, str]:
        return {CLOUD: self._place.cloud, INSTANCE: instance_id}

    def _keep_console(self, container: Container, instance_id: str) -> None:
        """Write what the instance says to its console's file, as it says it."""
        console = console_path(self._folder, instance_id)
        console.parent.mkdir(parents=True, exist_ok=True)

        def copy() -> None:
            with console.open("wb") as file:
                try:
                    for piece in container.logs(stream=True, follow=True):
                        file.write(piece)
                        file.flush()
                except (APIError, requests.exceptions.RequestException) as error:
                    log.warning("the console of %s is cut short (%s)", instance_id, type(error).__name__)

        threading.Thread(target=copy, name=f"console-{instance_id}", daemon=True).start()

    def destroy(self, instance_id: str) -> None:
        """End a machine as pulling its plug would: SIGKILL to everything on it."""
        with self._lock:
            self._destroyed.add(instance_id)
        self._sweep(instance_id)

    def _sweep(self, instance_id: str) -> None:
        """Kill the instance first, so that it starts nothing more, then what it started."""
        while left := containers(self._client, *(f"{k}={v}" for k, v in self._labels(instance_id).items())):
            for container in sorted(left, key=lambda one: one.name != instance_id):
                remove(container)

    def processes(self) -> Mapping[str, list[int]]:
        """The first process of each container of every instance."""
        found: dict[str, list[int]] = {}
        for container in containers(self._client, f"{CLOUD}={self._place.cloud}", INSTANCE):
            if pid := main_process(container):
                found.setdefault(container.labels[INSTANCE], []).append(pid)
        return found
