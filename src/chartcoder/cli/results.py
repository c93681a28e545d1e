"""`chartcoder results`: a batch's results, in the formats of the trade."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from chartcoder.cli.app import app, examples
from chartcoder.cli.connection import Connection, Endpoint, StackName
from chartcoder.cli.streaming import progress_bar
from chartcoder.errors import ChartcoderError
from chartcoder.writers import FORMATS, open_writer

FETCHING = 8  # results at once
FHIR = "fhir"

Result = dict[str, Any]
Fetch = Callable[[Connection, Result], Result]


@app.command(
    epilog=examples(
        "chartcoder results b1 > b1.jsonl",
        "chartcoder results b1 --format csv --out b1.csv",
        "chartcoder results b1 --format parquet --out results/",
        "chartcoder results b1 --format fhir --out b1.ndjson",
    )
)
def results(
    batch: Annotated[str, typer.Argument(help="The batch.")],
    format: Annotated[
        str, typer.Option(help=f"One of {', '.join(FORMATS)}.", autocompletion=lambda: list(FORMATS))
    ] = "jsonl",
    out: Annotated[str | None, typer.Option(help="Write here; for parquet a folder, or s3://... .")] = None,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """Fetch what became of a batch's charts, those that ended so far, by id. FHIR has what reviewers decided, too."""
    connection = Connection(stack, endpoint)
    progress_of = connection.ask("GET", f"/batches/{batch}")
    listed = connection.pages(f"/batches/{batch}/charts", "charts")
    with ExitStack() as opened:
        write = opened.enter_context(_resources(out) if format == FHIR else open_writer(format, out))
        progress = opened.enter_context(progress_bar(to_terminal=out is not None or not sys.stdout.isatty()))
        task = progress.add_task("fetching", total=progress_of["coded"] + progress_of["failed"])
        for result in _fetched(connection, listed, _fhir if format == FHIR else _result):
            write(result)
            progress.advance(task)


def _fetched(connection: Connection, listed: Iterator[Result], fetch: Fetch) -> Iterator[Result]:
    """In the order of the list; a few are fetched ahead."""
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(FETCHING, thread_name_prefix="fetch") as pool:
        for chart in listed:
            under_way.append(pool.submit(fetch, connection, chart))
            if len(under_way) >= 2 * FETCHING:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _result(connection: Connection, chart: Result) -> Result:
    """As `chartcoder code` gives it: a chart that failed has its error."""
    if chart["state"] == "failed":
        return {"id": chart["id"], "error": {"reason": chart["reason"], "message": chart["message"]}}
    result: Result = connection.ask("GET", _path(chart))
    return result


def _fhir(connection: Connection, chart: Result) -> Result:
    """A Bundle; of a chart that failed the API's OperationOutcome."""
    reply = connection.request("GET", f"{_path(chart)}/fhir")
    resource: Result = json.loads(reply.body)
    if "resourceType" not in resource:
        raise ChartcoderError(f"the stack's API answered {reply.status} for the FHIR of {chart['id']}")
    return resource


def _path(chart: Result) -> str:
    batch, _, name = chart["id"].partition("/")
    return f"/batches/{batch}/charts/{name}"


@contextmanager
def _resources(out: str | None) -> Iterator[Callable[[Result], None]]:
    """One FHIR resource a line."""
    with ExitStack() as opened:
        lines = sys.stdout if out is None else opened.enter_context(Path(out).open("w", encoding="utf-8"))

        def write(resource: Result) -> None:
            lines.write(json.dumps(resource, ensure_ascii=False) + "\n")

        yield write
