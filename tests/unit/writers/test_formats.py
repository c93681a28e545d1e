import csv
import io
import json

import pytest

from chartcoder.errors import BadRequest
from chartcoder.writers import writer

FINDING = {"text": "type 2\ndiabetes", "section": "assessment"}
RESULT = {
    "id": "c1",
    "codes": [{"code": "E11.9", "description": "Type 2 diabetes mellitus", "evidence": [0]}],
    "findings": [FINDING],
}
FAILED = {"id": "c2", "error": {"reason": "unreadable", "message": "the chart has no text"}}


def written(name, *results):
    out = io.StringIO()
    write = writer(name, out)
    for result in results:
        write(result)
    return out.getvalue()


def test_json_lines_hold_one_result_a_line():
    assert [json.loads(line) for line in written("jsonl", RESULT, FAILED).splitlines()] == [RESULT, FAILED]


def test_csv_has_a_row_a_code_with_its_evidence_and_a_row_a_failure():
    rows = list(csv.DictReader(io.StringIO(written("csv", RESULT, FAILED))))

    assert rows[0]["code"] == "E11.9"
    assert (rows[0]["rank"], rows[0]["evidence"], rows[0]["section"]) == ("1", "type 2 diabetes", "assessment")
    assert rows[1]["error"] == "unreadable: the chart has no text"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1"])
def test_no_cell_of_a_csv_is_a_formula(text):
    result = RESULT | {"findings": [FINDING | {"section": text}], "id": text}

    (row,) = csv.DictReader(io.StringIO(written("csv", result)))

    assert row["chart"].startswith("'")
    assert row["section"].startswith("'")


def test_a_table_has_a_line_a_code_that_fits_a_terminal():
    (line,) = written("table", RESULT).splitlines()

    assert "E11.9" in line
    assert len(line) < 160


def test_a_chart_without_codes_still_shows():
    assert written("table", RESULT | {"codes": []}).strip() == "c1"


def test_an_unknown_format_is_answered_with_those_there_are():
    with pytest.raises(BadRequest, match="'xml': one of jsonl, csv, table"):
        writer("xml", io.StringIO())
