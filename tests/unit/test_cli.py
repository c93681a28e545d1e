import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTE = "ASSESSMENT:\nType 2 diabetes mellitus. Denies chest pain.\n"


def chartcoder(*arguments, stdin=""):
    program = [sys.executable, "-m", "chartcoder.cli", *map(str, arguments)]
    return subprocess.run(program, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text(NOTE)
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.txt").write_text("Impression: asthma")
    return tmp_path


def test_a_folder_is_coded_in_order_and_a_bad_chart_does_not_hold_up_the_rest(folder):
    done = chartcoder("code", folder, "--engine", "compiled")

    first, second, third = map(json.loads, done.stdout.splitlines())
    assert [code["code"] for code in first["codes"]] == ["E11.9"]
    assert second == {"id": "b", "error": {"reason": "unreadable", "message": second["error"]["message"]}}
    assert third["codes"][0]["code"] == "J45.909"
    assert done.returncode == 1
    assert "1 charts could not be coded" in done.stderr


def test_every_finding_names_its_place_in_the_text(folder):
    done = chartcoder("code", folder / "a.txt", "--engine", "compiled")

    for finding in json.loads(done.stdout)["findings"]:
        assert NOTE[finding["start"] : finding["end"]] == finding["text"]


def test_json_lines_on_standard_input_become_csv(tmp_path):
    lines = "".join(json.dumps({"id": f"n{number}", "text": NOTE}) + "\n" for number in range(3))

    done = chartcoder(
        "code", "-", "--format", "csv", "--output", tmp_path / "out.csv", "--engine", "compiled", stdin=lines
    )

    assert done.returncode == 0, done.stderr
    assert [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()] == [
        "chart",
        "n0",
        "n1",
        "n2",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["code", "nowhere"], "nowhere: no such file or folder"),
        (["code", "-", "--format", "xml"], "unknown format 'xml': one of jsonl, csv, table"),
        (["code", "-", "--engine", "magic"], "magic"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line_that_names_the_fault(arguments, said):
    done = chartcoder(*arguments, stdin="x")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_shows_examples_with_its_help():
    from typer.main import get_command
    from typer.testing import CliRunner

    from chartcoder.cli import app

    names = set(get_command(app).commands)
    helps = {name: CliRunner().invoke(app, [name, "--help"]).stdout for name in names}
    assert {"code", "evaluate", "explain", "up", "version"} <= names
    assert [name for name, said in helps.items() if f"chartcoder {name}" not in said.partition("Examples:")[2]] == []


def test_the_shell_completes_commands_and_the_values_of_options():
    def complete(words):
        program = [str(Path(sys.executable).with_name("chartcoder"))]
        asked = {"_CHARTCODER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        done = subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ, **asked})
        return done.stdout.split()

    assert {"evaluate", "explain"} <= set(complete("chartcoder e"))
    assert complete("chartcoder evaluate --by ") == ["specialty", "code", "category", "chapter"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("chartcoder re", {"redrive", "results", "review"}),
        ("chartcoder results b1 --format ", {"jsonl", "csv", "table", "fhir", "comprehend", "parquet"}),
        ("chartcoder submit --b", {"--batch"}),
    ],
)
def test_a_shell_completes_commands_options_and_their_values(typed, offered):
    words = typed.split(" ")
    environment = {"_CHARTCODER_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    program = [Path(sys.executable).with_name("chartcoder")]
    done = subprocess.run(program, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == offered
