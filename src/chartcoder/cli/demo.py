"""`chartcoder up`: the whole pipeline on the embedded cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import chartcoder
from chartcoder.cli.app import app, examples
from chartcoder.errors import ChartcoderError


@app.command(
    epilog=examples(
        "chartcoder up",
        "chartcoder up --charts charts/ --workers 4 --once",
    )
)
def up(
    charts: Annotated[Path | None, typer.Option(help="Charts to submit; the project's samples by default.")] = None,
    data: Annotated[Path, typer.Option(help="Where the embedded cloud keeps its state.")] = Path(".chartcoder"),
    port: Annotated[int, typer.Option(help="The API's port on 127.0.0.1.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Workers at most.")] = 2,
    docker: Annotated[
        bool, typer.Option("--docker", help="Instances and functions as containers of this machine's Docker engine.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Exit when the batch is done, instead of serving on.")] = False,
) -> None:
    """Run the whole pipeline on this machine, on the embedded cloud: no AWS account, and no Docker unless you ask.

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
    status = demo.run(
        charts=charts, data=data, port=port, workers=workers, stay=not once, console=Console(), docker=docker
    )
    raise typer.Exit(status)


@app.command(epilog=examples("chartcoder version"))
def version() -> None:
    """Show the version."""
    typer.echo(chartcoder.__version__)
