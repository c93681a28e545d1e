"""The command line's formats. Each writer takes one coded chart at a time and holds none back, so that memory does not
grow with the number of charts."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from chartcoder.errors import BadRequest
from chartcoder.writers.comprehend import comprehend_answer
from chartcoder.writers.fhir import fhir_bundle
from chartcoder.writers.parquet import ParquetTables
from chartcoder.writers.plain import inert, printable

Result = dict[str, Any]  # `CodedChart.as_dict()`, or {"id", "error": {"reason", "message"}}
Write = Callable[[Result], None]

CSV_COLUMNS = ("chart", "rank", "code", "description", "evidence", "section", "error")


def writer(name: str, out: TextIO) -> Write:
    """The writer of a format that is text, onto `out`.

    Raises:
        BadRequest: naming the formats there are.
    """
    if name not in FORMATS:
        raise BadRequest(f"unknown format {name!r}: one of {', '.join(FORMATS)}")
    if name not in _WRITERS:
        raise BadRequest(f"{name} is written into a folder: say which, instead of standard output")
    return _WRITERS[name](out)


@contextmanager
def open_writer(name: str, output: str | Path | None) -> Iterator[Write]:
    """The writer of the format `name` into a file, for Parquet a folder or `s3://bucket/prefix`; standard output where
    `output` is None.

    Raises:
        BadRequest: there is no such format, or it cannot be written there.
    """
    if output is None:
        yield writer(name, sys.stdout)
    elif name == PARQUET:
        with ParquetTables(str(output)) as tables:
            yield tables.write
    else:
        writer(name, sys.stdout)  # an unknown format empties no file
        with Path(output).open("w", encoding="utf-8", newline="") as out:
            yield writer(name, out)


def _jsonl(out: TextIO) -> Write:
    def write(result: Result) -> None:
        _line(out, result)

    return write


def _fhir(out: TextIO) -> Write:
    """A Bundle a line (bulk FHIR's NDJSON); a chart that failed is an OperationOutcome."""

    def write(result: Result) -> None:
        recorded = datetime.now(UTC).isoformat(timespec="seconds")
        _line(out, _outcome(result) if "error" in result else fhir_bundle(result, recorded=recorded))

    return write


def _outcome(result: Result) -> Result:
    said = {"text": f"{result['error']['reason']}: {result['error']['message']}"}
    issue = {"severity": "error", "code": "processing", "details": said, "diagnostics": f"chart {result['id']}"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _comprehend(out: TextIO) -> Write:
    """An answer of InferICD10CM a line, with the chart it answers as `ChartId`."""

    def write(result: Result) -> None:
        answer = {"Error": result["error"]} if "error" in result else comprehend_answer(result)
        _line(out, {"ChartId": result["id"], **answer})

    return write


def _line(out: TextIO, value: Result) -> None:
    out.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


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


_WRITERS: dict[str, Callable[[TextIO], Write]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "table": _table,
    "fhir": _fhir,
    "comprehend": _comprehend,
}
PARQUET = "parquet"
FORMATS = (*_WRITERS, PARQUET)
