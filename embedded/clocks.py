"""A clock that is off: what an instance finds in its environment so that its processes read another time.

libfaketime (Debian's package `faketime`) stands between a process and the clock of its machine. How much time passes is
told as it is; only what time it is, is not.
"""

from __future__ import annotations

from pathlib import Path

from chartcoder.errors import ChartcoderError


class ClockFixed(ChartcoderError):
    """The clock of an instance cannot be set."""


def library() -> Path | None:
    """Where libfaketime is on this machine; None where it is not installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def environment(seconds: float) -> dict[str, str]:
    """The variables under which a process's clock is off by `seconds`, and all its children's.

    Raises:
        ClockFixed: libfaketime is not installed.
    """
    if not seconds:
        return {}
    if (found := library()) is None:
        raise ClockFixed("a clock that is off needs libfaketime: apt-get install faketime")
    return {
        "LD_PRELOAD": str(found),
        "FAKETIME": f"{seconds:+g}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
