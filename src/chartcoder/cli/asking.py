"""`chartcoder status`, `failures`, `redrive`, `runs` and `cost`: what the API tells of a stack, in a terminal."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chartcoder.cli.app import app, examples
from chartcoder.cli.connection import Connection, Endpoint, StackName
from chartcoder.prices import requests_usd
from chartcoder.writers.plain import printable

LOOK_SECONDS = 5.0
TIMES = ("at", "launched_at", "ended_at")
LONG = ("detail",)  # what may be broken over lines
WIDE = 1000
AsJson = Annotated[bool, typer.Option("--json", help="The API's JSON, a line each, instead of a table.")]


@app.command(epilog=examples("chartcoder status", "chartcoder status b1 --watch"))
def status(
    batch: Annotated[str | None, typer.Argument(help="A batch; without one the whole stack.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again until the batch is done.")] = False,
    as_json: AsJson = False,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """How far a batch is; or what waits, what runs, and why nothing does where charts wait."""
    connection, before = Connection(stack, endpoint), ""
    while True:
        answer = connection.ask("GET", "/status" if batch is None else f"/batches/{batch}")
        lines = json.dumps(answer) if as_json else _stack_lines(answer) if batch is None else _batch_line(answer)
        if lines != before:
            typer.echo(lines)
        before = lines
        if not watch or answer.get("done") or (batch is None and _idle(answer)):
            return
        time.sleep(LOOK_SECONDS)


def _idle(answer: dict[str, Any]) -> bool:
    return not (answer["waiting"] or answer["in_flight"] or answer["delayed"] or answer["run"])


def _batch_line(answer: dict[str, Any]) -> str:
    ended = answer["coded"] + answer["failed"]
    end = f", expected to end {answer['expected_end']}" if answer.get("expected_end") else ""
    return (
        f"{answer['batch']}: {ended} of {answer['submitted']} charts ended "
        f"({answer['coded']} coded, {answer['failed']} failed, {answer['waiting']} waiting){end}"
    )


def _stack_lines(answer: dict[str, Any]) -> str:
    run = answer["run"]
    lines = [
        f"{answer['waiting']} charts wait, {answer['in_flight']} in flight, {answer['delayed']} delayed, "
        f"{answer['dead_letters']} dead letters",
        f"run {run['run']} {run['state']}" if run else "no run",
    ]
    for why in answer.get("why") or ():
        lines += [f"why: {why['detail']}", f"  {why['remedy']}"]
    return "\n".join(lines)


@app.command(epilog=examples("chartcoder failures", "chartcoder failures --batch b1 --json"))
def failures(
    batch: Annotated[str | None, typer.Option(help="Of this batch only.")] = None,
    as_json: AsJson = False,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """Charts that could not be coded, the newest first, with the reason."""
    found = (
        failure
        for failure in Connection(stack, endpoint).pages("/failures", "failures")
        if batch is None or failure["id"].partition("/")[0] == batch
    )
    if as_json:
        _show(found, (), as_json)
        return
    none = True
    for failure in found:  # not a table: an id that is broken over two lines cannot be copied
        none = False
        typer.echo(f"{failure['id']}  {_moment(failure['at'])}  {failure['reason']}")
        typer.echo(f"    {printable(str(failure['message']))}")
    if none:
        typer.echo("none")


@app.command(epilog=examples("chartcoder redrive", "chartcoder redrive b1", "chartcoder redrive b1/c1"))
def redrive(
    what: Annotated[
        str | None, typer.Argument(help="A batch, or a chart as BATCH/CHART; without one everything.")
    ] = None,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """Put failures back on the queue: all with the dead letters, a batch's, or one chart's."""
    connection = Connection(stack, endpoint)
    batch, _, chart = (what or "").partition("/")
    if chart:
        connection.ask("POST", f"/batches/{batch}/charts/{chart}/redrive")
        typer.echo(f"{what} waits to be coded again")
        return
    redriven = dead_letters = 0
    more = True
    while more:
        answer = connection.ask("POST", "/failures/redrive", body={"batch": batch} if batch else {})
        redriven, dead_letters = redriven + answer["redriven"], dead_letters + answer["dead_letters"]
        more = answer.get("more", False)
    typer.echo(f"{redriven} failures and {dead_letters} dead letters wait to be coded again")


@app.command(epilog=examples("chartcoder runs", "chartcoder runs chartcoder-000042"))
def runs(
    run: Annotated[str | None, typer.Argument(help="One run, with its stages and workers.")] = None,
    as_json: AsJson = False,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """The lives of the fleet, the newest first: who asked, what was coded, what it cost."""
    connection = Connection(stack, endpoint)
    if run is None:
        _show(
            connection.pages("/runs", "runs"),
            ("run", "state", "launched_at", "ended_at", "coded", "cost_usd", "usd_a_thousand"),
            as_json,
        )
        return
    one = connection.ask("GET", f"/runs/{run}")
    if as_json:
        typer.echo(json.dumps(one))
        return
    for name in (
        "run",
        "state",
        "launched_at",
        "ended_at",
        "coded",
        "failed",
        "cost_usd",
        "requests_usd",
        "usd_a_thousand",
        "reason",
    ):
        if one.get(name) is not None:
            typer.echo(f"{name:12} {_cell(one, name)}")
    _show(iter(one["stages"]), ("at", "stage", "outcome", "detail"), as_json)
    _show(iter(one["workers"]), ("instance", "state", "coded", "failed"), as_json)


@app.command(epilog=examples("chartcoder cost", "chartcoder cost --json"))
def cost(as_json: AsJson = False, stack: StackName = "chartcoder", endpoint: Endpoint = None) -> None:
    """What the runs cost by AWS's list prices, their instances and their charts' requests, and what a thousand did."""
    known = [run for run in Connection(stack, endpoint).pages("/runs", "runs") if run.get("cost_usd") is not None]
    usd = sum(float(run["cost_usd"]) for run in known)
    charts = sum(int(run.get("coded") or 0) + int(run.get("failed") or 0) for run in known)
    requests = requests_usd(charts)
    each = round(1000 * (usd + requests) / charts, 4) if charts else None
    if as_json:
        told = {"runs": len(known), "charts": charts, "cost_usd": round(usd, 4), "requests_usd": round(requests, 4)}
        typer.echo(json.dumps(told | {"usd_a_thousand": each}))
        return
    thousand = f", {each} USD a thousand" if charts else ""
    typer.echo(f"{len(known)} runs, {charts} charts: {usd:.4f} USD of instances, {requests:.4f} of requests{thousand}")


def _show(items: Any, columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        for item in items:
            typer.echo(json.dumps(item))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in LONG)
    for item in items:
        table.add_row(*(printable(_cell(item, column)) for column in columns))
    # a table that cannot be broken is as wide as it is: rich would cut ids and times off
    width = None if set(columns) & set(LONG) else WIDE
    Console(soft_wrap=True, markup=False, highlight=False, width=width).print(table if table.row_count else "none")


def _cell(item: dict[str, Any], column: str) -> str:
    value = item.get(column)
    return "" if value is None else _moment(str(value)) if column in TIMES else str(value)


def _moment(at: str) -> str:
    """A time of the API's (ISO 8601, UTC) to the second."""
    return at[:19].replace("T", " ")
