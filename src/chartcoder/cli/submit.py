"""`chartcoder submit`: files into a batch of a deployed stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartcoder.cli.app import app, examples
from chartcoder.cli.connection import Connection, Endpoint, StackName
from chartcoder.cli.streaming import progress_bar
from chartcoder.inputs import total_bytes


@app.command(
    epilog=examples(
        "chartcoder submit charts/ --batch 2026-11-clinic",
        "chartcoder submit bulk.ndjson notes/*.pdf --batch b7 --map /secure/b7.jsonl",
        "chartcoder submit charts/ --batch b1 --endpoint http://127.0.0.1:8081",
    )
)
def submit(
    paths: Annotated[list[Path], typer.Argument(help="Files of any format, folders, .jsonl files of {id, text}.")],
    batch: Annotated[str, typer.Option(help="The batch's id; nothing of a patient, it shows in keys and logs.")],
    map: Annotated[
        Path | None, typer.Option(help="Which file became which chart; BATCH.charts.jsonl here by default.")
    ] = None,
    keep_names: Annotated[
        bool, typer.Option("--keep-names", help="Make ids of the files' names, which then must not tell of a patient.")
    ] = False,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """Submit charts. Said again, it goes on where it stopped, and uploads only what is new or changed.

    Charts get ids that say nothing; the map, which only you can read, tells which file is which.
    """
    from chartcoder.cloud.charts import ChartStore
    from chartcoder.submitting import ChartMap
    from chartcoder.submitting import submit as submit_files

    total = total_bytes(paths)
    place = Path(f"{batch}.charts.jsonl") if map is None else map
    connection = Connection(stack, endpoint)
    store = ChartStore(
        connection.client("s3"),
        connection.outputs["ChartsBucketName"],
        max_bytes=int(connection.parameters["MaxChartBytes"]),
    )
    with progress_bar(to_terminal=True) as progress:
        task = progress.add_task("submitting", total=total)
        done = submit_files(
            paths, store, batch, known=ChartMap(place), keep_names=keep_names,
            advance=lambda size: progress.advance(task, size),
        )  # fmt: skip
    typer.echo(f"{done.uploaded} charts submitted, {done.there} there already; {place} tells which file is which")
    for where, why in done.refused:
        typer.echo(f"{where}: {why}", err=True)
    if done.refused:
        raise typer.Exit(1)
