"""A comparison's report (`comparison.Comparison.report`) as a table on the terminal, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chartcoder.errors import BadRequest
from chartcoder.writers.plain import printable

Report = dict[str, Any]

COMPARISON_FORMATS = ("table", "json")
CASES = 2  # of each difference that the table shows; JSON has all


def comparison_writer(name: str, out: TextIO, *, most: int) -> Callable[[Report], None]:
    """The writer of the format `name`, onto `out`; a table shows `most` differences.

    Raises:
        BadRequest: naming the formats there are.
    """
    if name == "table":
        return lambda report: _table(report, out, most)
    if name == "json":
        return lambda report: _json(report, out)
    raise BadRequest(f"unknown format {name!r}: one of {', '.join(COMPARISON_FORMATS)}")


def _json(report: Report, out: TextIO) -> None:
    json.dump(report, out, ensure_ascii=False, indent=1)
    out.write("\n")


def _table(report: Report, out: TextIO, most: int) -> None:
    console = Console(file=out, highlight=False, soft_wrap=False)
    console.print(
        Text(f"{report['charts']} charts, Comprehend Medical's first concepts against our {report['against']}")
    )
    for note in report.get("notes", ()):
        console.print(Text(printable(note), style="yellow"))
    console.print(_agreement(report["agreement"]))
    if report["differences"] and most:
        console.print(_differences(report["differences"][:most]))
    console.print(Text(_costs(report["costs"])))


def _agreement(levels: Report) -> Table:
    table = Table("level", "ours", "theirs", "both", "agreement", box=box.SIMPLE_HEAD)
    for level, counts in levels.items():
        numbers = (str(counts[name]) for name in ("ours", "theirs", "both"))
        table.add_row(level, *numbers, f"{counts['agreement']:.3f}")
    return table


def _differences(rows: list[Report]) -> Table:
    table = Table("", "code", "charts", "for instance", box=box.SIMPLE_HEAD, title="Differences, the commonest first")
    for row in rows:
        cases = "\n".join(_case(case) for case in row["cases"][:CASES])
        named = Text(printable(f"{row['code']} {row['description']}"))
        table.add_row(row["side"], named, str(len(row["cases"])), Text(printable(cases)))
    return table


def _case(case: Report) -> str:
    spans = "; ".join(_span(span) for span in case["evidence"])
    return f"{case['chart']}: {spans}" if spans else str(case["chart"])


def _span(span: Report) -> str:
    text = f' "{" ".join(span["text"].split())}"' if span.get("text") else ""
    other = f" (the other: {', '.join(span['other_says'])})" if span["other_says"] else " (the other: nothing)"
    return f"{span['start']}-{span['end']}{text}{other}"


def _costs(costs: Report) -> str:
    ours, theirs = costs["ours"], costs["theirs"]
    return (
        f"{costs['characters']:,} characters. Comprehend Medical: {theirs['units']:,} units of 100 characters, "
        f"{theirs['usd']:.4f} USD by list. Here: {ours['cpu_seconds']:.2f} processor seconds, {ours['usd']:.6f} USD "
        f"({ours['computing_usd']:.6f} computing On-Demand, {ours['requests_usd']:.6f} requests of the pipeline)."
    )
