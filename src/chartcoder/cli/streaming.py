"""Many documents through the pool: in the order of the input, a few read ahead, with a progress bar."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from chartcoder.errors import ChartError
from chartcoder.inputs import Document
from chartcoder.pool import CodingPool

Result = dict[str, Any]  # `CodedChart.as_dict()`, or {"id", "error": {"reason", "message"}}
AHEAD = 8  # documents read ahead for each process: enough that none waits, and memory stays flat

Engine = Annotated[
    str,
    typer.Option(
        help="compiled, or medspacy: the stock pipeline, slower.", autocompletion=lambda: ["compiled", "medspacy"]
    ),
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes; one a core by default.")]
ChartSeconds = Annotated[float, typer.Option(min=1, help="Longest time one chart may take.")]
Lexicon = Annotated[
    Path | None,
    typer.Option(help="A folder built by `python -m chartcoder.coding.build --out`, of another release, say."),
]
ALL_CORES = os.cpu_count() or 1


def coded(source: Iterator[Document], pool: CodingPool[Result], *, jobs: int) -> Iterator[tuple[Document, Result]]:
    """Documents with their results, in order; at most `AHEAD` documents a process are in memory."""
    under_way: deque[tuple[Document, Future[Result] | ChartError]] = deque()

    def submit(document: Document) -> None:
        under_way.append((document, document.error or pool.submit(document.data, document.id, document.setting)))

    for document in islice(source, AHEAD * jobs):
        submit(document)
    while under_way:
        document, pending = under_way.popleft()
        try:
            if isinstance(pending, ChartError):
                raise pending
            result = pool.outcome(pending)
        except ChartError as error:
            result = {"id": document.id, "error": {"reason": error.reason, "message": str(error)}}
        yield document, result
        for following in islice(source, 1):
            submit(following)


def progress_bar(*, to_terminal: bool) -> Progress:
    """On stderr, and only where that is a terminal which the results do not use."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (to_terminal and console.is_terminal),
    )
