"""Many charts at once: one coder a process, each chart with a time limit.

A chart that crashes its process or runs out of time fails alone; the pool starts another process and goes on. Used by
the worker and by the command line.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import signal
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

from chartcoder.errors import BadRequest, ChartError, CodingFailed
from chartcoder.outlets import silence
from chartcoder.readers import read_chart

if TYPE_CHECKING:
    from chartcoder.chart import CodedChart, Setting
    from chartcoder.coding.coder import Coder

Rendered = TypeVar("Rendered")

MOST_MEMORY = 3 * 2**30
"""Bytes that a coding process may take: some ten times what the largest chart needs, so that a document that unfolds
without end fails alone, and in words, before the kernel picks whom to kill."""

_coder: Coder  # of this child process


class CodingPool(Generic[Rendered]):
    """Codes charts in child processes. A context manager: leaving it ends them."""

    def __init__(
        self,
        *,
        processes: int,
        engine: str,
        chart_seconds: float,
        render: Callable[[CodedChart], Rendered],
        lexicon: Path | None = None,
    ) -> None:
        """`render` makes of a coded chart what is wanted of it, in the child; it must be importable by name. `lexicon`
        is the folder of a built artefact, the package's own by default.

        Raises:
            BadRequest: there is no such engine.
            LexiconMissing: the compiled lexicon was not built.
        """
        _check_engine(engine, lexicon)
        # forkserver: a child never inherits a lock that a thread of ours held, and starts with its imports done
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["chartcoder.coding.coder", "chartcoder.readers"])
        self._seconds = chart_seconds
        self._render = render
        self._pool = ProcessPool(
            max_workers=processes, initializer=_load_coder, initargs=(engine, lexicon), context=context
        )

    def submit(self, data: bytes, chart_id: str, setting: Setting | None = None) -> Future[Rendered]:
        """Reads and codes the document in `data`; `outcome` gives what came of it. A `setting` goes before what the
        chart says of itself."""
        future: Future[Rendered] = self._pool.schedule(
            _code, args=(data, chart_id, setting, self._render), timeout=self._seconds
        )
        return future

    def outcome(self, future: Future[Rendered]) -> Rendered:
        """What became of a submitted chart.

        Raises:
            ChartError: the chart cannot be coded; its message says why and never holds the chart's text.
        """
        try:
            return future.result()
        except TimeoutError:
            raise CodingFailed(
                f"coding took longer than {self._seconds:g} seconds and was stopped; split the document, "
                "or raise the stack's parameter ChartSeconds"
            ) from None
        except ProcessExpired as expired:
            raise CodingFailed(
                f"the coder's process died on this chart (exit status {expired.exitcode}); "
                "report the chart's kind and size"
            ) from None
        except ChartError as error:
            raise error from None  # its cause is the other process's traceback, in text

    def close(self) -> None:
        """Ends the processes at once."""
        self._pool.stop()
        self._pool.join()

    def __enter__(self) -> CodingPool[Rendered]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _check_engine(engine: str, lexicon: Path | None) -> None:
    """Fails here, in words, what would fail in every child."""
    from chartcoder.coding.coder import ENGINES
    from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon

    if engine not in ENGINES:
        raise BadRequest(f"unknown engine {engine!r}: one of {', '.join(ENGINES)}")
    Lexicon(lexicon or ARTEFACT)


def _load_coder(engine: str, lexicon: Path | None) -> None:
    global _coder
    from chartcoder.coding.coder import Coder

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _coder = Coder(engine=engine, lexicon=lexicon)
    gc.freeze()  # what is loaded stays: without this each collection looks through it, a tenth of all the time
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    silence()  # from here on this process holds charts: its result is its only way out


def _code(data: bytes, chart_id: str, setting: Setting | None, render: Callable[[CodedChart], Rendered]) -> Rendered:
    try:
        chart = read_chart(data, chart_id=chart_id)
        return render(_coder.code(replace(chart, setting=setting) if setting else chart))
    except ChartError as error:
        raise error from None  # what a reader's library said of the document stays here
    except (Exception, SystemExit) as error:  # its words may quote the chart: only its type leaves this process
        raise CodingFailed(
            f"the coder failed on this chart ({type(error).__name__}); report its kind and size"
        ) from None
