"""Hostile files for the command line, hostile words in its output, hostile settings."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from chartcoder.errors import SettingInvalid, UnreadableChart
from chartcoder.inputs import documents
from chartcoder.settings import PREFIX, Settings
from chartcoder.writers import writer
from tests.contract.test_api import SETTINGS

SECRET = "Quarrelwort"
REQUIRED = {PREFIX + name: value for name, value in SETTINGS.items()} | {
    f"{PREFIX}CHARTS_QUEUE_URL": "https://sqs/charts",
    f"{PREFIX}DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
}

LINES = {
    "no JSON": SECRET,
    "a list": json.dumps([SECRET]),
    "nested without end": "[" * 200_000,
    "a name twice": f'{{"id": "1", "text": "x", "text": "{SECRET}"}}',
    "no text": json.dumps({"id": SECRET}),
    "no id": json.dumps({"text": SECRET}),
    "text that is a list": json.dumps({"id": "1", "text": [SECRET]}),
    "half a surrogate pair in the text": '{"id": "1", "text": "Quarrelwort \\ud800"}',
    "half a surrogate pair in the id": '{"id": "Quarrelwort \\ud800", "text": "x"}',
    "a number without end": '{"id": ' + "9" * 10_000 + ', "text": "x"}',
    "not a number": '{"id": NaN, "text": "x"}',
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_another_shape_fails_alone(tmp_path, name):
    path = tmp_path / "charts.jsonl"
    path.write_text(LINES[name] + "\n" + json.dumps({"id": "good", "text": "Assessment: asthma."}) + "\n")
    bad, good = documents([path])
    assert isinstance(bad.error, UnreadableChart)
    assert SECRET not in str(bad.error) + bad.id + repr(bad)
    assert (good.id, good.error) == ("good", None)


def test_a_file_whose_name_is_no_utf8_has_a_name_that_can_be_written(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/chart\xff.txt")).write_bytes(b"Assessment: asthma.")
    (document,) = documents([tmp_path])
    assert document.id.encode().decode() == "chart\ufffd"


def result(text: str, name: str = "b1/c1") -> dict:
    finding = {"text": text, "start": 0, "end": 1, "section": text, "assertion": "present", "code": "I10"}
    code = {"code": "I10", "description": "Hypertension", "evidence": [0], "rules": []}
    return {"id": name, "codes": [code], "findings": [finding], "rejected": []}


FORMULAS = (
    "=cmd|' /C calc'!A1", "+1+1", "-2+3+cmd", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", '=HYPERLINK("http://x")',
    "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201",
)  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_the_csv_is_a_formula(formula):
    out = io.StringIO()
    writer("csv", out)(result(formula, name=formula))
    out.seek(0)
    for row in list(csv.reader(out))[1:]:
        assert not any(cell[:1] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" for cell in row if cell)


COMMANDS = ("\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\x08\x08", "\r overwritten", "\u202egnp", "\u2066x\u2069", "\x00")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_terminal_obeys_a_chart_shown_in_a_table(command):
    out = io.StringIO()
    writer("table", out)(result(f"asthma{command}", name=f"c{command}"))
    (line,) = out.getvalue().splitlines()
    assert not any(character in line for character in "\x1b\x07\x08\x9b\r\u202e\u2066\u2069\x00")


def test_a_line_of_json_stays_one_line_whatever_the_chart_holds():
    out = io.StringIO()
    writer("jsonl", out)(result("a\nb\r\u2028\u2029\x1b"))
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue())["findings"][0]["text"] == "a\nb\r\u2028\u2029\x1b"


WRONG = {
    "MAX_WORKERS": ("ten", "", "1e3", "-1", "1_0 0", "0x10", "9" * 5000),
    "BUDGET_USD": ("nan", "inf", "-1", "1,5", "25 USD"),
    "CHARTS_BUCKET": ("charts\nCHARTCODER_STACK=x", "charts\x00", "charts\x1b[2J"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_setting_that_cannot_be_is_refused_by_its_name(name, value):
    with pytest.raises(SettingInvalid, match=f"{PREFIX}{name} is .*; expected .*Set it in template.yaml"):
        Settings.read(REQUIRED | {PREFIX + name: value})


def test_the_settings_are_sound_otherwise():
    assert Settings.read(REQUIRED).max_workers == 10
