"""Processes that cannot be forgotten: they die with their parent, and a whole tree of them can be ended for good.

Linux only: `prctl` gives both properties. A parent that dies, even by SIGKILL, takes its children along
(PR_SET_PDEATHSIG), and what a child leaves behind comes back to the nearest subreaper instead of escaping to init.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import IO

from chartcoder.errors import ChartcoderError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36


class ProcessError(ChartcoderError):
    """A process of the embedded cloud could not be started or ended."""


def _prctl(option: int, value: int) -> None:
    if not sys.platform.startswith("linux"):
        raise ProcessError(f"the embedded cloud runs on Linux; this is {sys.platform}")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise ProcessError(f"prctl({option}) was refused: {os.strerror(ctypes.get_errno())}")


def die_with_parent(number: int) -> None:
    """Have this process receive the signal `number` when the *thread* that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def become_subreaper() -> None:
    """Have orphans among this process's descendants become its children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents before their children."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = status.read_text(errors="replace").rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError, IndexError):
            continue
        parents.setdefault(int(parent), []).append(int(status.parent.name))
    below: list[int] = []
    waiting = list(parents.get(pid, ()))
    while waiting:
        child = waiting.pop(0)
        below.append(child)
        waiting.extend(parents.get(child, ()))
    return below


def command_of(pid: int) -> str:
    """The command line of a process; empty when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked(name: str, value: str | None = None) -> Iterator[int]:
    """Processes of this user whose environment holds `name` (with `value`, where given), wherever they hang."""
    needle = f"{name}=".encode() if value is None else f"{name}={value}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = environment.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if any(v.startswith(needle) if value is None else v == needle for v in variables):
            yield int(environment.parent.name)


def end(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; a process that is gone already is what was wanted."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def end_below(pid: int) -> int:
    """SIGKILL everything below `pid` until nothing is left, and reap what is ours. Returns how many were killed.

    Called by a subreaper on itself: a child that forks while we look becomes our own child at the latest when its
    parent dies, so the loop sees it on its next turn.
    """
    killed: set[int] = set()
    while below := [p for p in descendants(pid) if not _is_zombie(p)]:
        for process in below:
            end(process)
            killed.add(process)
        reap()
    reap()
    return len(killed)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return True


def collect(pid: int) -> None:
    """Wait for a killed process that is our child by now; one that is not is for its own parent to collect."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def reap() -> dict[int, int]:
    """Collect every child of this process that has ended: pid -> exit status (negative: the signal)."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends this process as Ctrl-C does, so that what it started is ended too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Spawner:
    """Starts children from one thread that lives as long as the process.

    PR_SET_PDEATHSIG fires when the thread that forked ends, not the process: children started from the pool threads of
    a server would be killed when their thread retires.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._serve, name="spawner", daemon=True).start()

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: IO[bytes] | int,
        on_parent_death: int = signal.SIGKILL,
    ) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, with exactly this environment, stdout and stderr to `output`.

        Raises:
            OSError: as `subprocess.Popen` does.
        """
        tethered = [sys.executable, "-I", "-S", str(Path(__file__).with_name("tether.py")), str(os.getpid())]
        tethered += [str(int(on_parent_death)), *command]
        done = threading.Event()
        outcome: list[subprocess.Popen[bytes] | BaseException] = []

        def job() -> None:
            try:
                outcome.append(
                    subprocess.Popen(  # noqa: S603 - the command is ours
                        tethered,
                        env=dict(environment),
                        cwd=directory,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
            except OSError as error:
                outcome.append(error)
            finally:
                done.set()

        self._jobs.put(job)
        done.wait()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _serve(self) -> None:
        while True:
            self._jobs.get()()
