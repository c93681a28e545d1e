"""`chartcoder code`: charts to codes on this machine, without any cloud."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from chartcoder.chart import CodedChart
from chartcoder.cli.app import app, examples
from chartcoder.cli.streaming import ALL_CORES, ChartSeconds, Engine, Jobs, Lexicon, coded, progress_bar
from chartcoder.inputs import documents, total_bytes
from chartcoder.pool import CodingPool
from chartcoder.writers import FORMATS, open_writer


@app.command(
    epilog=examples(
        "chartcoder code note.txt --format table",
        "chartcoder code charts/ > coded.jsonl",
        "cat notes.jsonl | chartcoder code - --format csv --output coded.csv",
        "chartcoder code bulk.ndjson --format fhir > bundles.ndjson",
    )
)
def code(
    paths: Annotated[
        list[Path], typer.Argument(help="Files of any format, folders, .jsonl files of {id, text}, or - for stdin.")
    ],
    format: Annotated[
        str, typer.Option(help=f"One of {', '.join(FORMATS)}.", autocompletion=lambda: list(FORMATS))
    ] = "jsonl",
    output: Annotated[
        str | None, typer.Option(help="Write here instead of to standard output; for parquet a folder, or s3://...")
    ] = None,
    engine: Engine = "compiled",
    jobs: Jobs = ALL_CORES,
    chart_seconds: ChartSeconds = 120,
    lexicon: Lexicon = None,
) -> None:
    """Code charts here, without any cloud: all cores, one result a chart, in the order of the input.

    A chart that cannot be coded gives a line with its error; the exit status is then 1.
    """
    failed = 0
    with ExitStack() as stack:
        total = total_bytes(paths)
        write = stack.enter_context(open_writer(format, output))
        pool = stack.enter_context(
            CodingPool(
                processes=jobs,
                engine=engine,
                chart_seconds=chart_seconds,
                render=CodedChart.as_dict,
                lexicon=lexicon,
            )
        )
        progress = stack.enter_context(progress_bar(to_terminal=output is not None or not sys.stdout.isatty()))
        task = progress.add_task("coding", total=total)
        for document, result in coded(documents(paths), pool, jobs=jobs):
            write(result)
            failed += "error" in result
            progress.advance(task, document.size)
    if failed:
        typer.echo(f"{failed} charts could not be coded; their lines say why", err=True)
        raise typer.Exit(1)
