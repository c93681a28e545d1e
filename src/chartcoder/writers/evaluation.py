"""An evaluation's report (`coding.evaluation.Evaluation.report`) as tables on the terminal, JSON or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chartcoder.errors import BadRequest
from chartcoder.writers.plain import inert, printable

Report = dict[str, Any]
WriteReport = Callable[[Report], None]

MEASURES = ("precision", "recall", "f1")
CASES = 2  # of each code that the table shows; JSON and CSV have all
SPANS = 3
CSV_COLUMNS = (
    "record", "answer", "level", "average", "group", "gold", "predicted", "hits",
    *(f"{measure}{bound}" for measure in MEASURES for bound in ("", "_low", "_high")),
    "chart", "code", "description", "why", "detail", "nearest", "evidence",
)  # fmt: skip


def evaluation_writer(name: str, out: TextIO, *, most: int) -> WriteReport:
    """The writer of the format `name`, onto `out`; a table shows `most` rows of each list.

    Raises:
        BadRequest: naming the formats there are.
    """
    match name:
        case "table":
            return lambda report: _tables(report, out, most)
        case "json":
            return lambda report: _json(report, out)
        case "csv":
            return lambda report: _csv(report, out)
    raise BadRequest(f"unknown format {name!r}: one of {', '.join(EVALUATION_FORMATS)}")


EVALUATION_FORMATS = ("table", "json", "csv")


def _json(report: Report, out: TextIO) -> None:
    json.dump(report, out, ensure_ascii=False, indent=1)
    out.write("\n")


# ── CSV: a row a score, a group, a missed code and a false one, told apart by the first column ──


def _csv(report: Report, out: TextIO) -> None:
    rows = csv.DictWriter(out, CSV_COLUMNS)
    rows.writeheader()
    for row in _csv_rows(report):
        rows.writerow({name: inert(cell) if isinstance(cell, str) else cell for name, cell in row.items()})


def _csv_rows(report: Report) -> Iterator[dict[str, Any]]:
    for answer, levels in report["scores"].items():
        for level, averages in levels.items():
            for average, scores in averages.items():
                yield {"record": "score", "answer": answer, "level": level, "average": average, **_flat(scores)}
    for group in report["groups"]:
        named = {"group": group["name"], "description": group["description"]}
        yield {
            "record": report["by"],
            "answer": report["answer"],
            "average": "micro",
            **named,
            **_flat(group["scores"]),
        }
    for kind in ("missed", "false"):
        for row in report[kind]:
            for case in row["cases"]:
                yield {
                    "record": kind,
                    "answer": report["answer"],
                    "chart": case["chart"],
                    "code": row["code"],
                    "description": row["description"],
                    "why": case["why"],
                    "detail": case["detail"],
                    "nearest": case["nearest"],
                    "evidence": "; ".join(map(_span, case["evidence"])),
                }


def _flat(scores: dict[str, Any]) -> dict[str, Any]:
    flat = {name: scores[name] for name in ("gold", "predicted", "hits")}
    for measure in MEASURES:
        for bound, column in (("value", measure), ("low", f"{measure}_low"), ("high", f"{measure}_high")):
            flat[column] = round(scores[measure][bound], 4)
    return flat


# ── tables ──


def _tables(report: Report, out: TextIO, most: int) -> None:
    console = Console(file=out, highlight=False, soft_wrap=False)
    console.print(Text(_measured_on(report)))
    for note in _notes(report):
        console.print(Text(note, style="yellow"))
    console.print(_scores_table(report))
    if report["groups"]:
        console.print(_groups_table(report, most))
    for kind, title in (("missed", "Missed"), ("false", "False")):
        if report[kind] and most:
            console.print(_mistakes_table(report[kind][:most], f"{title} ({report['answer']}), the commonest"))


def _measured_on(report: Report) -> str:
    made_by = f"{report['coder']}, engine {report['engine']}, release {report['release']}" if "coder" in report else ""
    return f"{report['charts']} charts. {made_by}".strip()


def _notes(report: Report) -> Iterator[str]:
    if report["failed"]:
        yield f"{len(report['failed'])} charts could not be coded: " + ", ".join(
            f"{failed['chart']} ({failed['reason']})" for failed in report["failed"][:SPANS]
        )
    if "findings" in report["scores"] and report["findings_scored_against"] != "findings":
        yield "findings are scored against the gold's codes: it names no findings"
    unknown = report["gold_codes_not_in_release"]
    if unknown:
        yield f"gold codes that this release does not have, and that are missed for it: {', '.join(unknown)}"


def _scores_table(report: Report) -> Table:
    table = _table("", "answer", "level", "average", "gold", "given", "precision", "recall", "F1")
    for answer, levels in report["scores"].items():
        for level, averages in levels.items():
            for average, scores in averages.items():
                table.add_row(answer, level, average, *_cells(scores))
    return table


def _groups_table(report: Report, most: int) -> Table:
    table = _table(
        f"By {report['by']} ({report['answer']})", report["by"], "charts", "gold", "given", *MEASURES[:2], "F1"
    )
    for group in report["groups"][:most] if report["by"] in ("code", "category") else report["groups"]:
        name = f"{group['name']} {group['description']}".strip()
        table.add_row(Text(printable(name)), str(group["charts"]), *_cells(group["scores"]))
    return table


def _mistakes_table(rows: list[dict[str, Any]], title: str) -> Table:
    table = _table(title, "code", "charts", "why", "for instance")
    for row in rows:
        whys = ", ".join(f"{why} {times}" if times > 1 else why for why, times in row["why"].items())
        cases = "\n".join(_case(case) for case in row["cases"][:CASES])
        table.add_row(Text(f"{row['code']} {row['description']}"), str(row["charts"]), whys, Text(printable(cases)))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", collapse_padding=True
    )
    numbers = ("charts", "gold", "given")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column in (*MEASURES, "F1"))
    return table


def _cells(scores: dict[str, Any]) -> list[str]:
    """A precision of nothing given, and a recall of nothing wanted, say nothing."""
    defined = (scores["predicted"] > 0, scores["gold"] > 0, True)
    measures = [_measure(scores[name]) if there else "-" for name, there in zip(MEASURES, defined, strict=True)]
    return [str(scores["gold"]), str(scores["predicted"]), *measures]


def _measure(measure: dict[str, float]) -> str:
    """A figure above its interval, so that a terminal of 80 columns holds the table."""
    return f"{measure['value']:.3f}\n{measure['low']:.2f}-{measure['high']:.2f}"


def _case(case: dict[str, Any]) -> str:
    nearest = (
        f"{'given' if case['why'] == 'nearest given' else 'gold has'} {case['nearest']}" if case["nearest"] else ""
    )
    said = [part for part in (case["detail"], nearest, ", ".join(map(_span, case["evidence"][:SPANS]))) if part]
    return f"{case['chart']}: {'; '.join(said)}" if said else case["chart"]


def _span(span: dict[str, Any]) -> str:
    where = f"{span['start']}-{span['end']}" + (f" {span['section']}" if span["section"] else "")
    said = f' "{" ".join(span["text"].split())}"' if span["text"] else ""
    cue = f" by '{span['cue']}'" if span["cue"] else ""
    return f"{where}{said}" + (f" {span['assertion']}{cue}" if span["assertion"] != "present" else "")
