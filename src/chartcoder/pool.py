"""Many charts at once: one coder a process, each chart with a time limit.

A chart that crashes its process or runs out of time fails alone; the pool starts another process and goes on. Used by
the worker and by the command line.

pebble takes a process that dies while none of them works for the end of the whole pool: it cannot tell on which chart,
if any. This pool is then built anew, and what was not finished is coded by the new one; a pool that breaks again and
again is given up.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

from chartcoder.errors import BadRequest, ChartError, CodingFailed, PoolBroken
from chartcoder.outlets import silence
from chartcoder.readers import read_chart

if TYPE_CHECKING:
    from chartcoder.chart import CodedChart, Setting
    from chartcoder.coding.coder import Coder

Rendered = TypeVar("Rendered")

MOST_MEMORY = 3 * 2**30
"""Bytes that a coding process may take: some ten times what the largest chart needs, so that a document that unfolds
without end fails alone, and in words, before the kernel picks whom to kill."""

MOST_REBUILDS, REBUILD_SECONDS = 5, 600.0
"""How often in how long a broken pool is built anew: a process that dies by itself is an accident, one that cannot even
start dies again at once."""
LOOK_SECONDS = 0.1  # between two looks whether the pool is broken; pebble itself looks as often at its processes

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
        self._new_pool = lambda: ProcessPool(
            max_workers=processes, initializer=_load_coder, initargs=(engine, lexicon), context=context
        )
        # guards what follows; never held while a pool ends, whose threads ask for it. Its holder takes it again where a
        # chart is finished before it is known to be under way
        self._changing = threading.RLock()
        self._pool = self._new_pool()
        self._unfinished: dict[Future[Rendered], tuple[Any, ...]] = {}  # and what `_code` is given of each
        self._given_up: PoolBroken | None = None
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="coding pool", daemon=True)
        self._keeper.start()

    def submit(self, data: bytes, chart_id: str, setting: Setting | None = None) -> Future[Rendered]:
        """Reads and codes the document in `data`; `outcome` gives what came of it. A `setting` goes before what the
        chart says of itself.

        Raises:
            PoolBroken: the pool broke too often and was given up.
        """
        future: Future[Rendered] = Future()
        with self._changing:
            if self._given_up is not None:
                raise self._given_up
            self._unfinished[future] = (data, chart_id, setting, self._render)
            self._schedule(future)
        return future

    def outcome(self, future: Future[Rendered]) -> Rendered:
        """What became of a submitted chart.

        Raises:
            ChartError: the chart cannot be coded; its message says why and never holds the chart's text.
            PoolBroken: the pool broke too often and was given up.
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
        """Ends the processes at once. What is not finished is cancelled."""
        self._closing.set()
        self._keeper.join()
        self._pool.stop()
        self._pool.join()
        for future in self._take_unfinished():
            future.cancel()

    def _schedule(self, future: Future[Rendered]) -> None:
        """Gives a chart to the pool that there is; a broken one takes none, and the next one gets it."""
        try:
            tried = self._pool.schedule(_code, args=self._unfinished[future], timeout=self._seconds)
        except RuntimeError:  # pebble's word for "broken"
            return
        tried.add_done_callback(lambda tried: self._finish(future, tried))

    def _finish(self, future: Future[Rendered], tried: Future[Rendered]) -> None:
        """What the pool found of a chart is what became of it, unless the pool broke: then it is tried again."""
        if tried.cancelled() or isinstance(tried.exception(), BrokenProcessPool):
            return
        with self._changing:
            if self._unfinished.pop(future, None) is None:
                return
        if not future.set_running_or_notify_cancel():
            return
        if (error := tried.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(tried.result())

    def _keep(self) -> None:
        """Builds the pool anew whenever it is broken, until it is closed or breaks too often."""
        rebuilt: deque[float] = deque(maxlen=MOST_REBUILDS)
        while not self._closing.wait(LOOK_SECONDS):
            try:
                if self._pool.active:
                    continue
                self._pool.join()  # first: two pools at once would be twice the memory
                if len(rebuilt) == MOST_REBUILDS and time.monotonic() - rebuilt[0] < REBUILD_SECONDS:
                    raise PoolBroken(
                        f"coding processes died without a chart {MOST_REBUILDS + 1} times within "
                        f"{REBUILD_SECONDS / 60:g} minutes"
                    )
                rebuilt.append(time.monotonic())
                self._rebuild()
            except Exception as error:
                self._give_up(error)
                return

    def _rebuild(self) -> None:
        with self._changing:
            self._pool = self._new_pool()
            for future in list(self._unfinished):
                self._schedule(future)

    def _give_up(self, error: Exception) -> None:
        broken = error if isinstance(error, PoolBroken) else PoolBroken(f"no new pool: {type(error).__name__}")
        broken.__cause__ = None if broken is error else error
        with self._changing:
            self._given_up = broken
        for future in self._take_unfinished():
            if future.set_running_or_notify_cancel():
                future.set_exception(broken)

    def _take_unfinished(self) -> list[Future[Rendered]]:
        with self._changing:
            futures = list(self._unfinished)
            self._unfinished.clear()
        return futures

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
