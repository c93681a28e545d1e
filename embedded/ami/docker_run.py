"""`docker run`'s options as Docker reads them, and where its container's output goes: for both kinds of instance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import NoReturn

from embedded.ami.awslogs import LogStream

VALUED = {
    "--cap-add", "--cap-drop", "--cpus", "--entrypoint", "--env", "-e", "--env-file", "--hostname", "--label",
    "--log-driver", "--log-opt", "--memory", "-m", "--name", "--network", "--pids-limit", "--restart", "--security-opt",
    "--shm-size", "--stop-timeout", "--tmpfs", "--ulimit", "--user", "-u", "--volume", "-v", "--workdir", "-w",
}  # fmt: skip
PLAIN = {"--init", "--rm", "--read-only", "--detach", "-d", "--quiet", "-q"}
NO_CONTAINER = 125  # docker run's own status when it cannot start the container

Options = dict[str, list[str]]


def refuse(message: str, status: int = NO_CONTAINER) -> NoReturn:
    """End as Docker's command line does when it cannot do what it was asked."""
    print(f"docker: {message}", file=sys.stderr)
    raise SystemExit(status)


def read(arguments: list[str]) -> tuple[Options, str, list[str]]:
    """`docker run`'s arguments: options by name (a plain one has ""), image, command. Refuses what it does not know."""
    options: Options = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        name, _, value = rest.pop(0).partition("=")
        if name in VALUED:
            options.setdefault(name, []).append(value or rest.pop(0))
        elif name in PLAIN:
            options.setdefault(name, []).append("")
        else:
            refuse(f"run: the embedded instance does not know the option {name}")
    if not rest:
        refuse("run: no image was given")
    return options, rest[0], rest[1:]


def hand_on_signals(process: subprocess.Popen[bytes]) -> None:
    """`docker run` hands the signals it gets on to the container."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: process.send_signal(received))


def send_output(process: subprocess.Popen[bytes], options: Options) -> int:
    """Send what the process writes where --log-driver says, until it ends; gives its exit status."""
    logs = _log_stream(options)
    assert process.stdout is not None  # noqa: S101 - started with a pipe
    for line in process.stdout:
        if logs:
            logs.write(line.decode(errors="replace").rstrip("\n"))
        else:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    status = process.wait()
    if logs:
        logs.close()
    return status if status >= 0 else 128 - status


def _log_stream(options: Options) -> LogStream | None:
    if options.get("--log-driver", ["json-file"])[-1] != "awslogs":
        return None
    given = dict(option.partition("=")[::2] for option in options.get("--log-opt", []))
    if "awslogs-group" not in given:
        refuse("run: the awslogs driver needs --log-opt awslogs-group=...")
    return LogStream(given["awslogs-group"], given.get("awslogs-stream") or f"container-{os.getpid()}")
