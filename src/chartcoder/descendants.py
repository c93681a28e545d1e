"""What a process has started, down to the last, and how to end it. Linux only.

Ansible puts each of its workers into a session of its own, so that killing its process group leaves the module that
is under way alive: one that launches instances, for example.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind.

    Raises:
        OSError: the kernel refuses.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def kill_descendants() -> None:
    """Kills everything this process has started. From the top down, each is stopped before its children are looked
    for, so that none is started behind our back."""
    found = [os.getpid()]
    for parent in found:
        for child in _children(parent):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                found.append(child)
    for pid in found[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(parent: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # gone since it was listed
        # pid (name, which may hold blanks and parentheses) state ppid ...
        if int(status.rpartition(")")[2].split()[1]) == parent:
            yield int(entry.name)
