"""Starting the emulator as a process, and knowing when it is ready."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chartcoder.errors import ChartcoderError
from embedded import ACCOUNT, HOST, REGION
from embedded.ports import free_port, is_free
from embedded.processes import Spawner, command_of, descendants, end

ENGINE_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT")
START_SECONDS, STOP_SECONDS = 60.0, 20.0


class EmbeddedCloudFailed(ChartcoderError):
    """The embedded cloud did not start or does not answer; its log says why."""


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "nothing was said"


class EmulatorProcess:
    """`python -m embedded.emulator` as a child that cannot outlive us."""

    def __init__(
        self,
        *,
        data: Path,
        project: Path,
        port: int = 0,
        enforce_iam: bool = False,
        persist: bool = True,
        place: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """Start it and wait until it answers. `place`: where instances and functions are containers; `options`: more of
        `embedded.emulator`'s own.

        Raises:
            EmbeddedCloudFailed: when it ends or does not answer within START_SECONDS; names its log.
        """
        self.port = port or free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        self.log = data / "emulator.log"
        data.mkdir(parents=True, exist_ok=True)
        if port and not is_free(port):
            raise EmbeddedCloudFailed(f"port {port}, for the AWS endpoint, is taken; choose another")
        command = [sys.executable, "-m", "embedded.emulator", "--port", str(self.port), "--data", str(data)]
        command += ["--project", str(project), *["--enforce-iam"] * enforce_iam, *["--forget"] * (not persist)]
        command += ["--place", str(place)] if place else []
        command += options
        with self.log.open("ab") as output:
            self.process: subprocess.Popen[bytes] = Spawner().start(
                command,
                environment={
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "HOME": str(data),
                    **{name: os.environ[name] for name in ENGINE_VARIABLES if name in os.environ},
                },
                directory=project,
                output=output,
                on_parent_death=signal.SIGTERM,
            )
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise EmbeddedCloudFailed(
                    f"the emulator ended with status {self.process.returncode}: {_last_line(self.log)}; see {self.log}"
                )
            try:
                self.control("GET", "processes")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise EmbeddedCloudFailed(f"the emulator did not answer within {START_SECONDS:.0f} s; see {self.log}")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask what AWS has no API for; see embedded/control.py.

        Raises:
            urllib.error.URLError: when the emulator does not answer or refuses.
        """
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.endpoint}/_embedded/{path}", data=data, method=method)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=10) as reply:  # noqa: S310 - our own loopback endpoint
            return json.loads(reply.read())

    def client_arguments(self) -> dict[str, str]:
        """What a boto3 client or resource of this cloud's owner is made with."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": ACCOUNT,
            "aws_secret_access_key": "embedded",
        }

    def processes(self) -> dict[int, str]:
        """The emulator and everything below it: process id -> command line."""
        own = self.process.pid
        return {pid: command for pid in [own, *descendants(own)] if (command := command_of(pid))}

    def stop(self) -> None:
        """End the emulator, its functions and its instances; state is saved first. Idempotent."""
        if self.process.poll() is None:
            end(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in [*descendants(self.process.pid), self.process.pid]:
                    end(pid)
                self.process.wait()
