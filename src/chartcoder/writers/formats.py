"""The command line's formats. Each writer takes one coded chart at a time and holds none back, so that memory does not
grow with the number of charts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any, TextIO

from chartcoder.errors import BadRequest
from chartcoder.writers.plain import inert, printable

Result = dict[str, Any]  # `CodedChart.as_dict()`, or {"id", "error": {"reason", "message"}}
Write = Callable[[Result], None]

CSV_COLUMNS = ("chart", "rank", "code", "description", "evidence", "section", "error")


def writer(name: str, out: TextIO) -> Write:
    """The writer of the format `name`, onto `out`.

    Raises:
        BadRequest: naming the formats there are.
    """
    try:
        return FORMATS[name](out)
    except KeyError:
        raise BadRequest(f"unknown format {name!r}: one of {', '.join(FORMATS)}") from None


def _jsonl(out: TextIO) -> Write:
    def write(result: Result) -> None:
        out.write(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")

    return write


def _csv(out: TextIO) -> Write:
    """A row a billed code; a chart without any has one row with its id alone."""
    rows = csv.writer(out)
    rows.writerow(CSV_COLUMNS)

    def write(result: Result) -> None:
        for row in _rows(result):
            rows.writerow([inert(cell) for cell in row])

    return write


def _table(out: TextIO) -> Write:
    """Fixed columns, a line a code, for reading on a terminal."""

    def write(result: Result) -> None:
        for chart, rank, code, description, evidence, section, error in _rows(result):
            where = f"{evidence} ({section})" if section else evidence
            line = f"{chart:<24} {rank:>2} {code:<9} {error or description:<60.60} {where:.60}".rstrip()
            out.write(printable(line) + "\n")

    return write


def _rows(result: Result) -> list[tuple[str, str, str, str, str, str, str]]:
    if "error" in result:
        error = result["error"]
        return [(result["id"], "", "", "", "", "", f"{error['reason']}: {error['message']}")]
    rows = []
    for rank, code in enumerate(result["codes"], start=1):
        found = [result["findings"][index] for index in code["evidence"]]
        said = "; ".join(dict.fromkeys(" ".join(finding["text"].split()) for finding in found))
        section = next((finding["section"] for finding in found if finding["section"]), "") or ""
        rows.append((result["id"], str(rank), code["code"], code["description"], said, section, ""))
    return rows or [(result["id"], "", "", "", "", "", "")]


FORMATS: dict[str, Callable[[TextIO], Write]] = {"jsonl": _jsonl, "csv": _csv, "table": _table}
