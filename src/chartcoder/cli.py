"""The command line."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import chartcoder
from chartcoder.chart import CodedChart
from chartcoder.errors import ChartcoderError, ChartError
from chartcoder.inputs import Document, documents, total_bytes
from chartcoder.pool import CodingPool
from chartcoder.writers import FORMATS, writer

app = typer.Typer(
    help="Clinical charts to ICD-10-CM codes, with the evidence for each.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # a pretty traceback shows local variables: a chart's text would be one
)

Result = dict[str, Any]
AHEAD = 8  # documents read ahead for each process: enough that none waits, and memory stays flat


@app.command(
    epilog="""
Examples:

    chartcoder code note.txt --format table

    chartcoder code charts/ > coded.jsonl

    cat notes.jsonl | chartcoder code - --format csv --output coded.csv
"""
)
def code(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, .jsonl files of {id, text}, or - for stdin.")],
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="Write here instead of to standard output.")] = None,
    engine: Annotated[str, typer.Option(help="compiled, or medspacy: the stock pipeline, slower.")] = "compiled",
    jobs: Annotated[int, typer.Option(min=1, help="Processes; one a core by default.")] = os.cpu_count() or 1,
    chart_seconds: Annotated[float, typer.Option(min=1, help="Longest time one chart may take.")] = 120,
) -> None:
    """Code charts here, without any cloud: all cores, one result a chart, in the order of the input.

    A chart that cannot be coded gives a line with its error; the exit status is then 1.
    """
    failed = 0
    with ExitStack() as stack:
        total = total_bytes(paths)
        out = stack.enter_context(output.open("w", encoding="utf-8", newline="")) if output else sys.stdout
        write = writer(format, out)
        pool = stack.enter_context(
            CodingPool(processes=jobs, engine=engine, chart_seconds=chart_seconds, render=CodedChart.as_dict)
        )
        progress = stack.enter_context(_progress_bar(to_terminal=out is not sys.stdout or not out.isatty()))
        task = progress.add_task("coding", total=total)
        for document, result in _coded(documents(paths), pool, ahead=AHEAD * jobs):
            write(result)
            failed += "error" in result
            progress.advance(task, document.size)
    if failed:
        typer.echo(f"{failed} charts could not be coded; their lines say why", err=True)
        raise typer.Exit(1)


@app.command()
def up(
    charts: Annotated[Path | None, typer.Option(help="Charts to submit; the project's samples by default.")] = None,
    data: Annotated[Path, typer.Option(help="Where the embedded cloud keeps its state.")] = Path(".chartcoder"),
    port: Annotated[int, typer.Option(help="The API's port on 127.0.0.1.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Workers at most.")] = 2,
    once: Annotated[bool, typer.Option("--once", help="Exit when the batch is done, instead of serving on.")] = False,
) -> None:
    """Run the whole pipeline on this machine, on the embedded cloud: no AWS account, no Docker.

    Starts emulated AWS endpoints on loopback, creates the stack from template.yaml, submits the charts, shows the run
    live and then goes on answering the API until Ctrl-C.
    """
    try:
        from embedded import demo
    except ModuleNotFoundError as error:
        raise ChartcoderError(
            f"the embedded cloud is part of the project's checkout and its extras ({error.name} is missing): "
            "clone the project and run `make setup` there"
        ) from None
    status = demo.run(charts=charts, data=data, port=port, workers=workers, stay=not once, console=Console())
    raise typer.Exit(status)


@app.command()
def version() -> None:
    """Show the version."""
    typer.echo(chartcoder.__version__)


def main() -> None:
    """The console script: errors of ours are one line on stderr, without a traceback."""
    try:
        app()
    except ChartcoderError as error:
        typer.echo(f"chartcoder: {error}", err=True)
        sys.exit(2)


def _coded(source: Iterator[Document], pool: CodingPool[Result], *, ahead: int) -> Iterator[tuple[Document, Result]]:
    """Documents with their results, in order; at most `ahead` documents are in memory."""
    under_way: deque[tuple[Document, Future[Result] | ChartError]] = deque()

    def submit(document: Document) -> None:
        under_way.append((document, document.error or pool.submit(document.data, document.id)))

    for document in islice(source, ahead):
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


def _progress_bar(*, to_terminal: bool) -> Progress:
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


if __name__ == "__main__":
    main()
