"""Results as Parquet tables in partitions that Athena reads, and the tables' definitions.

<root>/codes/batch=<batch>/part-00000.parquet       a row a billed code
<root>/findings/batch=<batch>/part-00000.parquet    a row a finding, billed or not
<root>/charts/batch=<batch>/part-00000.parquet      a row a chart, failed ones too
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chartcoder.errors import BadRequest

if TYPE_CHECKING:
    import pyarrow as pa

Result = dict[str, Any]  # `CodedChart.as_dict()`, or {"id", "error": {"reason", "message"}}
Row = dict[str, Any]

TABLES: dict[str, dict[str, str]] = {
    "codes": {
        "chart": "string",
        "rank": "int",
        "code": "string",
        "description": "string",
        "rules": "array<string>",
        "evidence": "array<int>",
        "hcc": "string",
        "release": "string",
        "coder": "string",
    },
    "findings": {
        "chart": "string",
        "finding": "int",
        "text": "string",
        "start_offset": "int",
        "end_offset": "int",
        "section": "string",
        "assertion": "string",
        "cue": "string",
        "code": "string",
        "description": "string",
    },
    "charts": {
        "chart": "string",
        "state": "string",
        "reason": "string",
        "codes": "int",
        "findings": "int",
        "setting": "string",
        "date": "string",
        "kind": "string",
        "format": "string",
        "release": "string",
        "coder": "string",
        "engine": "string",
    },
}
"""Tables, columns and their types as Athena names them. `finding` counts a chart's findings from 0; `evidence` holds
such numbers. `hcc` is JSON."""

ROWS_IN_MEMORY = 50_000  # of one partition of one table; then a part is written
NO_BATCH = "none"  # of a chart whose id has no batch


def table_definitions(location: str, *, prefix: str = "") -> str:
    """SQL that makes the tables known to Athena, for results under `location` (`s3://bucket/folder`).

    The partition is projected: no crawler and no repair, but every query names its batch (`WHERE batch = '...'`).
    """
    return "\n".join(_definition(prefix + name, name, columns, location) for name, columns in TABLES.items())


def _definition(table: str, name: str, columns: dict[str, str], location: str) -> str:
    folder = f"{location.rstrip('/')}/{name}"
    listed = ",\n".join(f"  `{column}` {kind}" for column, kind in columns.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{table}` (\n{listed}\n)\n"
        "PARTITIONED BY (`batch` string)\nSTORED AS PARQUET\n"
        f"LOCATION '{folder}/'\n"
        "TBLPROPERTIES (\n  'projection.enabled' = 'true',\n  'projection.batch.type' = 'injected',\n"
        f"  'storage.location.template' = '{folder}/batch=${{batch}}/'\n);\n"
    )


class ParquetTables:
    """The tables in the making, under a folder or an `s3://bucket/prefix`. A context manager: leaving it writes what
    is held; what a failure cut short is left unfinished and must be written anew.

    Args:
        root: where the tables go; there must be none yet, since a mix of two exports would count charts twice.

    Raises:
        BadRequest: pyarrow is not installed, or there are tables.
    """

    def __init__(self, root: str) -> None:
        try:
            import pyarrow.fs
        except ModuleNotFoundError:
            raise BadRequest("Parquet needs pyarrow: pip install 'chartcoder[parquet]'") from None
        self._files: Any
        self._root: str
        self._files, self._root = pyarrow.fs.FileSystem.from_uri(root) if "://" in root else _local(root)
        selector = pyarrow.fs.FileSelector(self._root, recursive=True, allow_not_found=True)
        if any(one.path.endswith(".parquet") for one in self._files.get_file_info(selector)):
            raise BadRequest(f"{root} holds Parquet files already; give an empty place, or delete them")
        self._held: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self._parts: dict[tuple[str, str], int] = defaultdict(int)

    def write(self, result: Result) -> None:
        batch, _, chart = result["id"].rpartition("/")
        for table, rows in _rows(result, chart).items():
            place = (table, batch.replace("/", "_") or NO_BATCH)
            self._held[place] += rows
            if len(self._held[place]) >= ROWS_IN_MEMORY:
                self._write_part(place)

    def __enter__(self) -> ParquetTables:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is None:
            for place in self._held:
                self._write_part(place)

    def _write_part(self, place: tuple[str, str]) -> None:
        from pyarrow import parquet

        rows, self._held[place] = self._held[place], []
        if not rows:
            return
        table, batch = place
        folder = f"{self._root}/{table}/batch={batch}"
        if self._files.type_name == "local":  # a bucket has no folders, and would keep an empty object for each
            self._files.create_dir(folder, recursive=True)
        target = f"{folder}/part-{self._parts[place]:05}.parquet"
        self._parts[place] += 1
        parquet.write_table(_as_table(rows, TABLES[table]), target, filesystem=self._files, compression="zstd")


def _local(root: str) -> tuple[Any, str]:
    import pyarrow.fs

    return pyarrow.fs.LocalFileSystem(), root.rstrip("/") or "/"


def _as_table(rows: list[Row], columns: dict[str, str]) -> pa.Table:
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "int": pa.int32(),
        "array<string>": pa.list_(pa.string()),
        "array<int>": pa.list_(pa.int32()),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[kind]) for name, kind in columns.items()]))


def _rows(result: Result, chart: str) -> dict[str, list[Row]]:
    if "error" in result:
        return {"charts": [{"chart": chart, "state": "failed", "reason": result["error"]["reason"]}]}
    return {
        "codes": list(_code_rows(result, chart)),
        "findings": [
            {
                **finding,
                "chart": chart,
                "finding": number,
                "start_offset": finding["start"],
                "end_offset": finding["end"],
            }
            for number, finding in enumerate(result["findings"])
        ],
        "charts": [_chart_row(result, chart)],
    }


def _code_rows(result: Result, chart: str) -> Iterator[Row]:
    for rank, code in enumerate(result["codes"], start=1):
        hcc = json.dumps(code["hcc"]) if code.get("hcc") else None
        about = {"chart": chart, "rank": rank, "hcc": hcc, "release": result["release"], "coder": result["coder"]}
        yield {**code, **about, "rules": code.get("rules", [])}


def _chart_row(result: Result, chart: str) -> Row:
    return {
        **result.get("about", {}),
        "chart": chart,
        "state": "coded",
        "codes": len(result["codes"]),
        "findings": len(result["findings"]),
        **{name: result[name] for name in ("release", "coder", "engine")},
    }
