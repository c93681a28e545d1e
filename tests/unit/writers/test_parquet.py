import re

import pyarrow.dataset
import pytest

from chartcoder.errors import BadRequest
from chartcoder.writers import open_writer, table_definitions
from chartcoder.writers import parquet as tables

RESULT = {
    "id": "b1/c1",
    "codes": [
        {"code": "E11.9", "description": "Diabetes", "evidence": [0], "rules": ["I.A"], "hcc": {"V28": ["38"]}},
        {"code": "I10", "description": "Hypertension", "evidence": [1]},
    ],
    "findings": [
        {"text": "DM2", "start": 3, "end": 6, "section": None, "assertion": "present", "cue": None, "code": "E11.9",
         "description": "Diabetes"}
    ],
    "release": "2026-04",
    "coder": "chartcoder 0.1.0",
    "engine": "compiled",
    "about": {"date": "2026-03-01", "setting": "inpatient", "format": "text"},
}  # fmt: skip
FAILED = {"id": "b2/c2", "error": {"reason": "unreadable", "message": "the chart has no text"}}


def write(root, *results):
    with open_writer("parquet", root) as writer:
        for result in results:
            writer(result)


def read(root, table):
    return pyarrow.dataset.dataset(root / table, partitioning="hive").to_table().to_pylist()


def test_codes_findings_and_charts_are_tables_in_a_partition_a_batch(tmp_path):
    write(tmp_path, RESULT, FAILED)

    codes = read(tmp_path, "codes")
    assert [(row["batch"], row["chart"], row["rank"], row["code"]) for row in codes] == [
        ("b1", "c1", 1, "E11.9"),
        ("b1", "c1", 2, "I10"),
    ]
    assert (codes[0]["rules"], codes[0]["evidence"], codes[0]["hcc"]) == (["I.A"], [0], '{"V28": ["38"]}')
    (finding,) = read(tmp_path, "findings")
    assert (finding["text"], finding["start_offset"], finding["end_offset"]) == ("DM2", 3, 6)
    assert {(row["batch"], row["state"], row["reason"]) for row in read(tmp_path, "charts")} == {
        ("b1", "coded", None),
        ("b2", "failed", "unreadable"),
    }


def test_a_large_partition_is_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_IN_MEMORY", 4)

    write(tmp_path, *[RESULT | {"id": f"b1/c{number}"} for number in range(5)])

    assert [file.name for file in sorted((tmp_path / "codes").rglob("*.parquet"))] == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert len(read(tmp_path, "codes")) == 10


def test_an_export_is_never_mixed_with_an_older_one(tmp_path):
    write(tmp_path, RESULT)
    with pytest.raises(BadRequest, match="holds Parquet files already"):
        write(tmp_path, RESULT)


def test_an_export_that_fails_on_its_way_leaves_no_part_that_looks_whole(tmp_path):
    with pytest.raises(RuntimeError), open_writer("parquet", tmp_path) as writer:
        writer(RESULT)
        raise RuntimeError

    assert list(tmp_path.rglob("*.parquet")) == []


def test_the_definitions_are_of_the_files_own_columns_and_places(tmp_path):
    write(tmp_path, RESULT)
    definitions = dict(re.findall(r"EXISTS `(\w+)` \(\n(.*?)\n\)\nPARTITIONED", table_definitions("s3://b/x"), re.S))

    assert set(definitions) == {"codes", "findings", "charts"}
    for table, columns in definitions.items():
        named = re.findall(r"`(\w+)` ([\w<>]+)", columns)
        (file,) = (tmp_path / table).rglob("*.parquet")
        schema = pyarrow.parquet.read_schema(file)
        kinds = {"string": "string", "int": "int32", "array<string>": "list<element: string>"} | {
            "array<int>": "list<element: int32>"
        }
        assert [(field.name, str(field.type)) for field in schema] == [(name, kinds[kind]) for name, kind in named]
    assert "'storage.location.template' = 's3://b/x/codes/batch=${batch}/'" in table_definitions("s3://b/x/")


def test_parquet_to_standard_output_is_refused():
    with pytest.raises(BadRequest, match="written into a folder"), open_writer("parquet", None):
        pass
