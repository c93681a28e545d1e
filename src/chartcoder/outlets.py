"""The outlets of a process: stderr, logs, warnings, core files. Nobody else's words get out by them.

What a library says of its own accord may quote the chart it was given. So of an uncaught exception the type and the
places are told, of a library's log line the logger, the level and the place, of a warning its category and place. The
processes that hold charts while they are coded say nothing at all: their result is their only way out.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from chartcoder.protected import trace

STDOUT, STDERR = 1, 2  # file descriptors


class PlacesOnly(logging.Formatter):
    """A library's log line by its logger, level and place; what it says is withheld."""

    withholds = True  # so marked is also the formatter of our own log (`logs.Formatter`)

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname} {record.name} at {record.pathname}:{record.lineno} (its words are withheld)"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}\n{trace(error)}"


def contain_process() -> None:
    """Sets up this process, once, at its start, so that nobody else's words get out of it.

    Uncaught exceptions of any thread are told by type and place, warnings by category and place, libraries' log lines
    by logger and place; a crash leaves no core file, which would hold the memory's charts.
    """
    sys.excepthook = lambda _kind, error, _traceback: _say(trace(error))
    threading.excepthook = lambda failed: _say(
        f"in the thread {failed.thread.name if failed.thread else '?'}: "
        f"{trace(failed.exc_value) if failed.exc_value else failed.exc_type.__name__}"
    )
    sys.unraisablehook = lambda failed: _say(
        f"could not be raised: {trace(failed.exc_value) if failed.exc_value else failed.exc_type.__name__}"
    )
    warnings.showwarning = _show_warning
    logging.raiseExceptions = False  # its complaint of a line that it could not write quotes the line
    os.environ["LOGURU_AUTOINIT"] = "False"  # its own sink shows the values of variables
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in _handlers(root):
        if not getattr(handler.formatter, "withholds", False):
            handler.setFormatter(PlacesOnly())


def _handlers(root: logging.Logger) -> Iterator[logging.Handler]:
    """Every handler there is: Lambda's runtime brings one, Powertools another where POWERTOOLS_DEBUG is set."""
    yield from root.handlers
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _say(f"{category.__name__} at {filename}:{lineno} (its words are withheld)")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def silence() -> None:
    """Shuts this process's stdout and stderr for good, those of libraries in other languages too."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for descriptor in (STDOUT, STDERR):
            os.dup2(nowhere.fileno(), descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def silenced() -> Iterator[None]:
    """Meanwhile nothing gets out by stdout or stderr, whatever writes to them. Not for several threads at once."""
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        stream.flush()
    kept = [os.dup(descriptor) for descriptor in (STDOUT, STDERR)]
    with Path(os.devnull).open("w") as nowhere:
        try:
            for descriptor in (STDOUT, STDERR):
                os.dup2(nowhere.fileno(), descriptor)
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield
        finally:
            for descriptor, keep in zip((STDOUT, STDERR), kept, strict=True):
                os.dup2(keep, descriptor)
                os.close(keep)
