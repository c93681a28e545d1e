"""Functions as containers of their images, hardened as Lambda hardens them: not root, read-only but for /tmp."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError
from docker.models.containers import Container

from embedded.engine import CLOUD, FUNCTION, Place, await_end, by_digest, main_process, remove
from embedded.functions import Config

OUTPUT = "/output"  # in the container


class ContainerRuns:
    """Runs handlers in the engine. Implements `embedded.functions.Runs`."""

    def __init__(self, client: docker.DockerClient, place: Place, *, scratch: Path) -> None:
        self._client, self._place, self._scratch = client, place, scratch
        self.host = place.gateway

    def start(self, config: Config, handler: str, environment: Mapping[str, str]) -> RunningContainer:
        """Start a function's image, by digest, with the template's entry point and command.

        Its output comes through a named pipe and not by way of the engine, which hands it on a little later than the
        function's answer arrives: so a log line belongs to the event that wrote it.
        """
        configured = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or config.get("ImageConfig") or {}
        command = [*(configured.get("EntryPoint") or ()), *(configured.get("Command") or ())]
        folder = Path(tempfile.mkdtemp(dir=self._scratch, prefix="function-"))
        pipe = folder / "output"
        os.mkfifo(pipe)
        pipe.chmod(0o622)  # whoever the image runs as
        container: Container = self._client.containers.create(
            by_digest(self._client, self._place, config["ImageUri"]),
            entrypoint=["sh", "-c", f'exec "$@" >{OUTPUT} 2>&1', "sh"],
            command=command,
            environment=dict(environment),
            labels={CLOUD: self._place.cloud, FUNCTION: config["FunctionName"]},
            network=self._place.network,
            mem_limit=f"{config.get('MemorySize', 128)}m",
            read_only=True,
            tmpfs={"/tmp": f"rw,nosuid,nodev,size={_ephemeral(config)}m"},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            volumes={str(pipe): {"bind": OUTPUT, "mode": "rw"}},
        )
        return RunningContainer(container, pipe)


def _ephemeral(config: Config) -> int:
    """MiB of /tmp; 512 is Lambda's default."""
    return int((config.get("EphemeralStorage") or {}).get("Size", 512))


class RunningContainer:
    """A started container with the face of a `subprocess.Popen`."""

    def __init__(self, container: Container, pipe: Path) -> None:
        """Starts it. Raises docker.errors.APIError when the engine refuses."""
        self._container, self._pipe = container, pipe
        self.returncode: int | None = None
        self._ended = threading.Event()
        self.stdout: IO[bytes] | None = os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self._hold = os.open(pipe, os.O_WRONLY)  # the reader sees the end when the container and we have let go
        try:
            container.start()
        except APIError:
            self._let_go()
            remove(container)
            raise
        self.pid = main_process(container) or 0
        threading.Thread(target=self._await_end, name="function-end", daemon=True).start()

    def _await_end(self) -> None:
        self.returncode = await_end(self._container)
        self._let_go()
        remove(self._container)
        self._ended.set()

    def _let_go(self) -> None:
        os.close(self._hold)
        self._pipe.unlink(missing_ok=True)
        self._pipe.parent.rmdir()

    def poll(self) -> int | None:
        return self.returncode if self._ended.is_set() else None

    def wait(self) -> int:
        self._ended.wait()
        return self.returncode or 0

    def kill(self) -> None:
        remove(self._container)
