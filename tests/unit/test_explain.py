"""`chartcoder explain`: a chart on the terminal, and the reasons."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chartcoder.coding.lexicon.artefact import ARTEFACT

NOTE = """HPI: 63-year-old woman with type 2 diabetes. No chest pain.
FAMILY HISTORY: Father had a stroke.
ASSESSMENT:
1. Type 2 diabetes.
2. CKD stage 3b.
3. Possible pneumonia.
"""


def explain(*arguments: object, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "chartcoder.cli", "explain", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    env = {**kept, "COLUMNS": "120", **environment}
    return subprocess.run(program, input=stdin, capture_output=True, text=True, check=False, env=env)


@pytest.fixture(scope="module")
def shown() -> str:
    return explain("-", stdin=NOTE).stdout


def test_each_finding_stands_in_brackets_with_the_sign_of_its_assertion(shown: str) -> None:
    for sign, words in {"+": "diabetes", "-": "chest pain", "^": "stroke", "?": "pneumonia"}.items():
        assert re.search(rf"\[{re.escape(sign)}\d+ {words}\]", shown)
    assert "+ present   - negated   ? possible" in shown


def test_the_chart_s_own_words_are_all_there(shown: str) -> None:
    said = re.sub(r" §\w+|\[[-+?<^~@]\d+ |\]", "", shown)
    for line in NOTE.splitlines():
        assert line in said


def test_headings_are_named_by_their_section(shown: str) -> None:
    assert "FAMILY HISTORY: §family_history" in shown
    assert "ASSESSMENT: §assessment" in shown


def test_a_billed_code_has_description_category_evidence_and_the_guideline_s_section(shown: str) -> None:
    billed = shown[shown.index("codes to bill") : shown.index("not billed")]
    number = re.search(r"\[\+(\d+) CKD\]", shown)
    assert number
    assert "E11.22  Type 2 diabetes mellitus with diabetic chronic kidney disease" in billed
    assert "HCC V24 18; V28 37" in billed
    assert f"+{number[1]} CKD (assessment)" in billed
    assert "rule I.A.15 'with'" in billed


def test_a_rejected_code_says_why_and_where(shown: str) -> None:
    rejected = shown[shown.index("not billed") :]
    assert "possible by 'possible': ?" in rejected
    assert "R07.9" in rejected
    assert "Chest pain, unspecified" in rejected
    assert "negated by 'no': -" in rejected


def test_colours_are_for_terminals_and_go_with_no_color() -> None:
    text = "Assessment: gout. Denies cough."
    colour = re.compile(r"\x1b\[[\d;]*3\dm")
    assert not colour.search(explain(text).stdout)
    assert colour.search(explain(text, FORCE_COLOR="1").stdout)
    assert not colour.search(explain(text, FORCE_COLOR="1", NO_COLOR="1").stdout)


def test_assertions_have_colours_of_their_own() -> None:
    done = explain("Assessment: gout. Denies cough.", FORCE_COLOR="1")
    gout, cough = (re.search(rf"\x1b\[([\d;]+)m{words}", done.stdout) for words in ("gout", "cough"))
    assert gout and cough and gout[1] != cough[1]


def test_a_wide_terminal_has_the_reasons_beside_the_chart() -> None:
    wide, narrow = (explain("-", stdin=NOTE, COLUMNS=columns).stdout for columns in ("180", "100"))
    assert wide.index("codes to bill") < wide.index("Possible")
    assert narrow.index("codes to bill") > narrow.index("Possible")


def test_a_chart_gives_the_terminal_no_command() -> None:
    note = "Assessment: gout.\x1b]0;owned\x07 \x1b[2J\u202eThe end." + " Seen again in a week." * 20

    done = explain("-", stdin=note, FORCE_COLOR="1")

    assert "\x1b]0" not in done.stdout
    assert "\x1b[2J" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "\ufffd" in done.stdout


def test_brackets_and_markup_in_a_chart_stay_as_they_are() -> None:
    assert "[bold]Plan[/bold] [x]" in explain("Assessment: gout. [bold]Plan[/bold] [x] done").stdout


def test_a_file_and_a_text_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE)

    assert "E11.22" in explain(tmp_path / "note.txt").stdout
    assert "M10.9" in explain("gout").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["charts/nowhere.txt"], "charts/nowhere.txt: no such file; expected a chart's file, its text in quotes"),
        (["gout", "--engine", "magic"], "unknown engine 'magic': one of medspacy, compiled"),
        ([""], "the chart has no text"),
        (["gout", "--lexicon", "nowhere"], "no lexicon in nowhere"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(arguments: list[str], said: str) -> None:
    done = explain(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_of_it_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = explain("Assessment: gout.", "--svg", tmp_path / "chart.svg")

    picture = (tmp_path / "chart.svg").read_text("utf-8")
    assert done.returncode == 0
    assert ">gout<" in picture
    assert "url(http" not in picture and 'url("http' not in picture


def test_a_lexicon_without_risk_categories_says_how_to_add_them(tmp_path: Path) -> None:
    shutil.copytree(ARTEFACT, tmp_path / "lexicon", ignore=shutil.ignore_patterns("hcc.json"))

    done = explain("Assessment: COPD.", "--lexicon", tmp_path / "lexicon")

    assert "J44.9" in done.stdout
    assert "HCC V" not in done.stdout
    assert "pip install 'chartcoder[hcc]'" in done.stdout
