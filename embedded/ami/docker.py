"""`docker` without an engine: `run` starts the container's command as a process of this checkout.

The process gets the environment the container would get (env file, -e, the image's own) and nothing of the instance's
but the addresses of the embedded cloud. Its output goes where `--log-driver` sends it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from embedded.ami.docker_run import hand_on_signals, read, refuse, send_output
from embedded.processes import command_of, descendants, end

PASSED_ON = ("AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "EMBEDDED_INSTANCE")
CLOCK = ("FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "LD_PRELOAD", "NO_FAKE_STAT")  # of an instance whose clock is off


def main(arguments: list[str]) -> int:
    command, rest = (arguments[0] if arguments else "help"), arguments[1:]
    if command in ("--version", "version", "info", "-v"):
        print("Docker version 0 (embedded: containers are processes)")
        return 0
    if command == "login":
        sys.stdin.read()
        print("Login Succeeded")
        return 0
    if command == "pull":
        image = next(a for a in rest if not a.startswith("-"))
        print(f"Status: Image is up to date for {_known(image)}")
        return 0
    if command == "run":
        return Run(rest).start()
    if command == "stop":
        return stop(rest)
    refuse(f"the embedded instance knows login, pull, run, stop, version and info, not {command!r}")


def _known(image: str) -> str:
    """The image, if the embedded registry has it under exactly this name."""
    images: dict[str, str] = json.loads(Path(os.environ["EMBEDDED_REGISTRY"]).read_text())
    if image not in {*images, *images.values()}:
        refuse(f"manifest for {image} not found: manifest unknown", 1)
    return image


def _pid_file(container: str) -> Path:
    folder = Path(os.environ["CHARTCODER_HOST_ROOT"]) / "run" / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{container}.pid"


def stop(arguments: list[str]) -> int:
    """`docker stop [--time SECONDS] NAME`: SIGTERM, and SIGKILL to what is still there after the time."""
    seconds, names = 10.0, []
    while arguments:
        name, _, value = arguments.pop(0).partition("=")
        if name in ("--time", "--timeout", "-t"):
            seconds = float(value or arguments.pop(0))
        else:
            names.append(name)
    for name in names:
        if not _pid_file(name).exists():
            refuse(f"No such container: {name}", 1)
        pid, deadline = int(_pid_file(name).read_text()), time.monotonic() + seconds
        end(pid, signal.SIGTERM)
        while time.monotonic() < deadline and command_of(pid):
            time.sleep(0.05)
        for left in [pid, *descendants(pid)]:
            end(left)
        print(name)
    return 0


class Run:
    """One `docker run`, read as Docker reads it."""

    def __init__(self, arguments: list[str]) -> None:
        self.options, image, self.command = read(arguments)
        self.image = _known(image)

    def environment(self) -> dict[str, str]:
        """What the container's process finds: the image's variables, the env files, then -e."""
        python = Path(os.environ["EMBEDDED_PYTHON"])
        found = {"PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        for path in self.options.get("--env-file", []):
            for line in Path(path).read_text().splitlines():
                if line.strip() and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    found[name] = value
        for given in self.options.get("-e", []) + self.options.get("--env", []):
            name, equals, value = given.partition("=")
            found[name] = value if equals else os.environ.get(name, "")
        scratch = tempfile.mkdtemp(prefix="container-")
        found |= {name: os.environ[name] for name in PASSED_ON}
        found |= {name: os.environ[name] for name in CLOCK if name in os.environ}
        return {**found, "HOME": scratch, "TMPDIR": scratch}

    def argv(self) -> list[str]:
        command = self.options.get("--entrypoint", []) + self.command
        if not command:
            refuse("run: no command was given, and a process has no image to take one from")
        if command[0] in ("python", "python3") or command[0].endswith(("/python", "/python3")):
            command[0] = os.environ["EMBEDDED_PYTHON"]
        return command

    def start(self) -> int:
        """Run to the end, as `docker run` in the foreground does; its exit status is the command's."""
        process = subprocess.Popen(  # noqa: S603 - what the boot script asks for
            self.argv(),
            env=self.environment(),
            cwd=os.environ["EMBEDDED_PROJECT"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        name = self.options.get("--name", [f"container-{process.pid}"])[-1]
        _pid_file(name).write_text(str(process.pid))
        hand_on_signals(process)
        status = send_output(process, self.options)
        _pid_file(name).unlink(missing_ok=True)
        return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
