"""An image registry on loopback in ECR's place: Debian's docker-registry, as a child that cannot outlive us.

It asks for the login that the emulated ECR gives out, so an instance that does not log in cannot pull.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import docker

from embedded import HOST
from embedded.engine import EngineFailed
from embedded.processes import Spawner

START_SECONDS = 30.0
USER = "AWS"
TOKEN = "ministack-auth-token"  # noqa: S105 - what ministack's ECR answers GetAuthorizationToken with; made up by it
PROGRAMS = ("docker-registry", "registry")


class Registry:
    """Serves images of a folder at `.address` until closed."""

    def __init__(self, folder: Path, port: int) -> None:
        """Start it and wait until it answers.

        Args:
            folder: where it keeps the images; may be shared by clouds one after the other.
            port: on 127.0.0.1. Docker takes a registry on loopback without TLS.

        Raises:
            EngineFailed: there is no such program, or it does not answer; names its log.
        """
        self.address = f"{HOST}:{port}"
        self._folder = folder
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            raise EngineFailed("no image registry is installed: on Debian and Ubuntu, apt-get install docker-registry")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "htpasswd").write_text(_htpasswd())
        (folder / "config.yml").write_text(json.dumps(self._configuration()))  # JSON is YAML
        self._command = [program, "serve", str(folder / "config.yml")]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _configuration(self) -> dict[str, object]:
        return {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "images")}},
            "http": {"addr": self.address},
            "auth": {"htpasswd": {"realm": "embedded", "path": str(self._folder / "htpasswd")}},
        }

    def start(self) -> None:
        """Start it, or start it again after `stop`."""
        with (self._folder / "registry.log").open("ab") as output:
            environment = {"PATH": "/usr/bin:/bin", "HOME": str(self._folder)}
            self._process = Spawner().start(
                self._command, environment=environment, directory=self._folder, output=output
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EngineFailed(f"the registry did not start; see {self._folder / 'registry.log'}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://{self.address}/v2/", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 401  # it wants a login
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it; what it keeps stays. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def push(self, client: docker.DockerClient, image: str, name: str) -> tuple[str, str]:
        """Push a local image as `name` (such as embedded/control:latest).

        Returns:
            the image's tagged name in this registry, and the same by digest.

        Raises:
            EngineFailed: the engine or the registry refuses.
        """
        tagged = f"{self.address}/{name}"
        repository, _, tag = tagged.rpartition(":")
        client.images.get(image).tag(repository, tag)
        login = {"username": USER, "password": TOKEN}
        digest = ""
        for line in client.api.push(repository, tag=tag, auth_config=login, stream=True, decode=True):
            if "error" in line:
                raise EngineFailed(f"pushing {name} to the registry on {self.address} failed: {line['error']}")
            digest = (line.get("aux") or {}).get("Digest", digest)
        return tagged, f"{repository}@{digest}"


def _htpasswd() -> str:
    """The login as the registry reads it: bcrypt is the one form it takes."""
    import bcrypt

    return f"{USER}:{bcrypt.hashpw(TOKEN.encode(), bcrypt.gensalt(rounds=5)).decode()}\n"
