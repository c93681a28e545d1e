"""The sample charts: what the demo codes, and what the tutorial shows, is complete and billable."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from chartcoder.chart import ID_PATTERN

SAMPLES = Path(__file__).parents[2] / "samples"
CHARTS = {path.stem: path for path in sorted((SAMPLES / "charts").glob("*.txt"))}
GOLD = {row["id"]: row["codes"] for row in map(json.loads, (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines())}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {chart: path.read_text("utf-8") for chart, path in CHARTS.items()}


class TestTheCharts:
    def test_there_are_fifty(self) -> None:
        assert len(CHARTS) == 50

    def test_nothing_else_lies_in_their_folder(self) -> None:
        assert {path.suffix for path in (SAMPLES / "charts").iterdir()} == {".txt"}

    def test_every_id_fits_the_pattern_of_chart_ids(self) -> None:
        assert [chart for chart in CHARTS if not ID_PATTERN.fullmatch(chart)] == []

    def test_lengths_run_from_a_short_report_to_a_long_admission_note(self, texts: dict[str, str]) -> None:
        lengths = sorted(map(len, texts.values()))
        assert 600 <= lengths[0] < 1_000
        assert 4_500 < lengths[-1] <= 5_000

    def test_they_are_of_a_dozen_kinds(self) -> None:
        assert len({chart.split("-")[0] for chart in CHARTS}) >= 12

    def test_no_two_charts_share_a_paragraph(self, texts: dict[str, str]) -> None:
        paragraphs = Counter(
            part for text in texts.values() for part in {p.strip() for p in text.split("\n\n")} if len(part) > 120
        )
        assert [part for part, times in paragraphs.items() if times > 1] == []

    @pytest.mark.parametrize(
        "style",
        [
            r"^[A-Z][A-Z /&-]{6,}:?$",  # headings in capitals
            r"^[A-Z][a-z]+(?: [a-z]+)*:$",  # headings in title case
            r"^#+ \w",  # markdown
            r"^ *\d\. ",  # numbered items
            r"\[[xX]\]",  # check boxes
            r"^\|.*\|$",  # a table
            r"(?i)\bfamily history\b|\bFHx?\b",
            r"(?i)\bdenies\b",
            r"(?i)\bpossible\b|\bprobable\b",
            r"(?i)\breturn (?:for|if)\b",
        ],
    )
    def test_the_style_or_trap_occurs(self, texts: dict[str, str], style: str) -> None:
        assert any(re.search(style, text, re.MULTILINE) for text in texts.values())

    def test_no_chart_carries_what_looks_like_a_persons_number_or_address(self, texts: dict[str, str]) -> None:
        identity = re.compile(r"\b\d{3}-\d{2}-\d{4}\b|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b|\bMRN\b|@|\bD\.?O\.?B\b")
        assert [chart for chart, text in texts.items() if identity.search(text)] == []


class TestTheGoldCodes:
    def test_every_chart_has_codes_and_every_line_a_chart(self) -> None:
        assert sorted(GOLD) == sorted(CHARTS)
        assert all(GOLD.values())

    def test_every_code_exists_and_is_billable(self) -> None:
        import simple_icd_10_cm as icd  # here, not above: takes two seconds

        codes = {code for codes in GOLD.values() for code in codes}
        assert sorted(code for code in codes if not (icd.is_valid_item(code) and icd.is_leaf(code))) == []

    def test_no_chart_lists_a_code_twice(self) -> None:
        assert [chart for chart, codes in GOLD.items() if len(codes) != len(set(codes))] == []

    def test_codes_come_from_most_chapters(self) -> None:
        letters = {code[0] for codes in GOLD.values() for code in codes}
        assert len(letters) >= 18

    def test_weeks_of_gestation_go_with_obstetric_charts_only(self) -> None:
        with_weeks = {chart for chart, codes in GOLD.items() if any(code.startswith("Z3A") for code in codes)}
        with_obstetric_codes = {chart for chart, codes in GOLD.items() if any(code.startswith("O") for code in codes)}
        assert with_weeks == with_obstetric_codes

    def test_manifestations_follow_the_disease_they_come_from(self) -> None:
        codes = GOLD["nh-001"]
        assert codes.index("G30.9") < codes.index("F02.B11")
        codes = GOLD["dc-002"]
        assert codes.index("G30.1") < codes.index("F02.80")
