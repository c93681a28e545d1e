"""`chartcoder evaluate` and what it rests on: the gold file, the scores, the mistakes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chartcoder.chart import BilledCode, CodedChart, Finding, RejectedCode
from chartcoder.coding.evaluation import Evaluation, GoldChart, read_gold
from chartcoder.coding.lexicon.artefact import ARTEFACT
from chartcoder.coding.terminology import Terminology
from chartcoder.errors import BadRequest

SECRET = "Marjorie"  # a word of a chart, which must not be seen where nobody asked for it


def finding(code: str, assertion: Any = "present", cue: str | None = None) -> Finding:
    return Finding(SECRET, 4, 12, "assessment", assertion, cue, code, "")


def coded(chart: str, codes: list[str] = [], *, findings: list[Finding] = [], rejected: Any = ()) -> CodedChart:  # noqa: B006
    """A chart coded as told; each billed code has a finding of its own."""
    seen = [*map(finding, codes), *findings]
    billed = tuple(BilledCode(code, "", (place,), ("I.A.15 with",)) for place, code in enumerate(codes))
    return CodedChart(chart, billed, tuple(seen), tuple(rejected), "2026-04", "chartcoder", "compiled")


def gold(chart: str, *codes: str, **more: Any) -> GoldChart:
    return GoldChart(chart, frozenset(codes), **more)


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(ARTEFACT / "codes.marisa")


@pytest.fixture
def evaluation(terminology: Terminology) -> Evaluation:
    return Evaluation(terminology)


def scores(report: dict[str, Any], level: str = "full code", average: str = "micro", answer: str = "codes") -> Any:
    found = report["scores"][answer][level][average]
    return tuple(round(found[measure]["value"], 4) for measure in ("precision", "recall", "f1"))


def case(report: dict[str, Any], kind: str, code: str) -> dict[str, Any]:
    (row,) = (row for row in report[kind] if row["code"] == code)
    return row["cases"][0]


class TestScores:
    @pytest.fixture
    def report(self, evaluation: Evaluation) -> dict[str, Any]:
        evaluation.add(gold("a", "E11.9", "I10"), coded("a", ["E11.9", "J18.9"]))
        evaluation.add(gold("b", "E11.9", "N18.30"), coded("b", ["E11.9", "N18.9"]))
        evaluation.add(gold("c", "I10"), coded("c"))
        return evaluation.report()

    def test_micro_averages_count_every_code_of_every_chart(self, report: dict[str, Any]) -> None:
        assert scores(report) == (0.5, 0.4, 0.4444)  # 2 hits of 4 given and 5 wanted

    def test_the_category_is_the_code_s_first_three_characters(self, report: dict[str, Any]) -> None:
        assert scores(report, "category") == (0.75, 0.6, 0.6667)

    def test_macro_averages_count_every_code_alike_and_unknown_figures_as_zero(self, report: dict[str, Any]) -> None:
        # E11.9 has 1, I10, J18.9, N18.30 and N18.9 have 0
        assert scores(report, average="macro") == (0.2, 0.2, 0.2)

    def test_an_interval_holds_its_figure_and_is_the_same_every_time(
        self, report: dict[str, Any], terminology: Terminology
    ) -> None:
        again = Evaluation(terminology)
        again.add(gold("a", "E11.9", "I10"), coded("a", ["E11.9", "J18.9"]))
        again.add(gold("b", "E11.9", "N18.30"), coded("b", ["E11.9", "N18.9"]))
        again.add(gold("c", "I10"), coded("c"))
        f1 = report["scores"]["codes"]["full code"]["micro"]["f1"]

        assert again.report()["scores"] == report["scores"]
        assert f1["low"] == 0 < f1["value"] < f1["high"] == 0.5  # chart c alone, charts a and b alone

    def test_more_charts_that_say_the_same_narrow_the_interval(self, terminology: Terminology) -> None:
        widths = []
        for charts in (10, 160):
            evaluation = Evaluation(terminology)
            for number in range(charts):
                evaluation.add(gold(str(number), "I10"), coded(str(number), ["I10"] if number % 2 else ["J18.9"]))
            f1 = evaluation.report()["scores"]["codes"]["full code"]["micro"]["f1"]
            widths.append(f1["high"] - f1["low"])
        assert widths[0] > 3 * widths[1] > 0

    def test_an_interval_is_of_95_percent(self, evaluation: Evaluation) -> None:
        for number in range(100):
            evaluation.add(gold(str(number), "I10"), coded(str(number), ["I10"] if number % 2 else ["J18.9"]))

        f1 = evaluation.report()["scores"]["codes"]["full code"]["micro"]["f1"]

        assert f1["value"] == 0.5  # one code wanted and one given of each chart: the share of hits among 100
        assert (f1["low"], f1["high"]) == pytest.approx((0.402, 0.598), abs=0.025)  # 1.96 standard errors

    def test_a_code_s_own_interval_is_wilson_s(self, evaluation: Evaluation) -> None:
        for number in range(10):
            evaluation.add(gold(str(number), "I10"), coded(str(number), ["I10"] if number < 8 else []))

        (group,) = evaluation.report(by="code")["groups"]

        recall = group["scores"]["recall"]
        assert (group["name"], group["charts"]) == ("I10", 10)
        assert recall["value"] == pytest.approx(0.8)
        # Wilson's interval of 8 out of 10, as Agresti and Coull (1998) and every textbook has it
        assert (recall["low"], recall["high"]) == pytest.approx((0.4902, 0.9433), abs=1e-4)
        f1 = group["scores"]["f1"]  # 2 s / (1 + s) of the share s, here the same
        assert (f1["low"], f1["high"]) == pytest.approx((0.6579, 0.9708), abs=1e-4)

    def test_groups_are_specialties_chapters_or_categories(self, evaluation: Evaluation) -> None:
        evaluation.add(gold("a", "I10", specialty="cardiology"), coded("a", ["I10"]))
        evaluation.add(gold("b", "D12.6", "D50.9", specialty="surgery"), coded("b", ["D50.9"]))

        by_specialty = {group["name"]: group["scores"] for group in evaluation.report(by="specialty")["groups"]}
        by_chapter = {group["name"]: group["scores"] for group in evaluation.report(by="chapter")["groups"]}
        by_category = {group["name"] for group in evaluation.report(by="category")["groups"]}

        assert by_specialty["cardiology"]["recall"]["value"] == 1
        assert by_specialty["surgery"]["recall"]["value"] == 0.5
        assert by_chapter["2 Neoplasms"]["hits"] == 0
        assert by_chapter["3 Blood and immune mechanism"]["hits"] == 1  # D50 to D89 are no neoplasms
        assert by_category == {"I10", "D12", "D50"}

    def test_findings_are_scored_against_the_experts_findings_where_they_gave_some(
        self, evaluation: Evaluation
    ) -> None:
        seen = coded("a", ["I10"], findings=[finding("R05.9"), finding("J18.9", "negated")])
        evaluation.add(gold("a", "I10", findings=frozenset({"I10", "R05.9"})), seen)

        report = evaluation.report()

        assert scores(report, answer="findings") == (1, 1, 1)
        assert report["findings_scored_against"] == "findings"

    def test_a_chart_that_could_not_be_coded_counts_as_one_without_codes(self, evaluation: Evaluation) -> None:
        evaluation.add(gold("a", "I10"), coded("a", ["I10"]))
        evaluation.add_failure(gold("b", "I10"), "unreadable")

        report = evaluation.report()

        assert scores(report) == (1, 0.5, 0.6667)
        assert report["failed"] == [{"chart": "b", "reason": "unreadable"}]
        assert case(report, "missed", "I10")["why"] == "chart not coded"

    def test_gold_codes_that_the_release_does_not_have_are_said(self, evaluation: Evaluation) -> None:
        evaluation.add(gold("a", "I10", "I99.99"), coded("a", ["I10"]))

        assert evaluation.report()["gold_codes_not_in_release"] == {"I99.99": 1}


class TestMistakes:
    def why_missed(self, evaluation: Evaluation, answer: CodedChart) -> dict[str, Any]:
        evaluation.add(gold("a", "E11.22"), answer)
        return case(evaluation.report(), "missed", "E11.22")

    def test_a_code_without_any_trace_was_never_found(self, evaluation: Evaluation) -> None:
        assert self.why_missed(evaluation, coded("a", ["J18.9"]))["why"] == "never found"

    def test_a_code_that_was_turned_down_has_the_reason(self, evaluation: Evaluation) -> None:
        answer = coded(
            "a", findings=[finding("E11.22")], rejected=[RejectedCode("E11.22", (0,), "Excludes1 with E10.9")]
        )

        missed = self.why_missed(evaluation, answer)

        assert (missed["why"], missed["detail"]) == ("rejected", "Excludes1 with E10.9")
        assert [(span["start"], span["end"]) for span in missed["evidence"]] == [(4, 12)]

    def test_a_code_that_was_found_as_something_else_than_present_has_the_assertion(
        self, evaluation: Evaluation
    ) -> None:
        answer = coded("a", findings=[finding("E11.22", "negated", SECRET), finding("E11.22", "family", SECRET)])

        missed = self.why_missed(evaluation, answer)

        assert (missed["why"], missed["detail"]) == ("another assertion", "family, negated")

    def test_a_code_that_another_one_stands_in_for_has_that_one(self, evaluation: Evaluation) -> None:
        answer = coded("a", ["E11.9", "E11.21"])

        missed = self.why_missed(evaluation, answer)

        assert (missed["why"], missed["nearest"]) == ("nearest given", "E11.21")
        assert missed["evidence"][0]["code"] == "E11.21"

    def test_a_false_code_has_its_evidence_its_rules_and_what_it_stands_in_for(self, evaluation: Evaluation) -> None:
        evaluation.add(gold("a", "E11.22"), coded("a", ["E11.9", "I10"]))

        report = evaluation.report()

        assert case(report, "false", "E11.9")["why"] == "instead of"
        assert case(report, "false", "E11.9")["nearest"] == "E11.22"
        assert case(report, "false", "I10")["why"] == "extra"
        assert case(report, "false", "I10")["detail"] == "I.A.15 with"
        assert case(report, "false", "I10")["evidence"][0]["section"] == "assessment"

    def test_the_commonest_come_first(self, evaluation: Evaluation) -> None:
        for chart in "abc":
            evaluation.add(gold(chart, "I10", *(["E11.9"] if chart == "a" else [])), coded(chart, ["J18.9"]))

        report = evaluation.report()

        assert [(row["code"], row["charts"]) for row in report["missed"]] == [("I10", 3), ("E11.9", 1)]
        assert report["missed"][0]["why"] == {"never found": 3}

    @pytest.mark.parametrize("asked", [False, True])
    def test_a_chart_s_words_are_shown_only_where_they_are_asked_for(
        self, terminology: Terminology, asked: bool
    ) -> None:
        evaluation = Evaluation(terminology, with_text=asked)
        denied, held = finding("E11.22", "negated", SECRET), finding("E11.22")
        reason = RejectedCode("E11.22", (0, 1), f"negated by '{SECRET}'")
        evaluation.add(gold("a", "E11.22"), coded("a", findings=[denied, held], rejected=[reason]))
        evaluation.add(gold("b", "I10"), coded("b", ["J18.9"]))

        assert (SECRET in json.dumps(evaluation.report())) == asked


class TestTheGoldFile:
    def read(self, folder: Path, *lines: str) -> list[GoldChart]:
        (folder / "gold.jsonl").write_text("\n".join(lines))
        return read_gold(folder / "gold.jsonl")

    def test_a_line_needs_an_id_and_codes_and_may_have_more(self, tmp_path: Path) -> None:
        plain, full = self.read(
            tmp_path,
            '{"id": 7, "codes": []}',
            "",
            '{"id": "b", "codes": ["e1122", " I10 "], "text": "x", "specialty": "renal", "setting": "inpatient",'
            ' "findings": ["R05.9", {"code": "R50.9", "assertion": "negated"}, {"code": null}]}',
        )

        assert plain == GoldChart("7", frozenset())
        assert full == GoldChart(
            "b", frozenset({"E11.22", "I10"}), frozenset({"R05.9"}), "x", "renal", setting="inpatient"
        )

    def test_the_coder_s_own_answer_corrected_is_gold(self, tmp_path: Path) -> None:
        answer = coded("a", ["I10"], findings=[finding("R05.9", "negated")]).as_dict()

        (chart,) = self.read(tmp_path, json.dumps(answer))

        assert chart == GoldChart("a", frozenset({"I10"}), frozenset({"I10"}))

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (f"{SECRET}", "line 2: not JSON; expected an object such as"),
            (f'["{SECRET}"]', "line 2: a JSON list; expected an object with id and codes"),
            (f'{{"id": "b", "text": "{SECRET}"}}', "line 2: has no 'codes'"),
            ('{"codes": []}', "line 2: has no 'id'"),
            ('{"id": "", "codes": []}', "line 2: id is an empty string"),
            (f'{{"id": "b", "codes": "{SECRET}"}}', "line 2: codes is a string; expected a list"),
            (f'{{"id": "b", "codes": ["I10", "{SECRET}"]}}', "line 2: codes[1] is no ICD-10-CM code"),
            ('{"id": "b", "codes": [null]}', "line 2: codes[0] is no ICD-10-CM code"),
            ('{"id": "b", "codes": [], "text": 5}', "line 2: text is number; expected a string"),
            (f'{{"id": "b", "codes": [], "setting": "{SECRET}"}}', "expected one of inpatient, outpatient"),
            (f'{{"id": "b", "codes": [], "findings": "{SECRET}"}}', "line 2: findings is a string"),
            (
                f'{{"id": "b", "codes": [], "findings": [{{"code": "I10", "assertion": "{SECRET}"}}]}}',
                "line 2: findings[0].assertion is unknown; expected one of present, negated",
            ),
            ('{"id": "b", "codes": [], "text": "\\ud800"}', "line 2: text holds half of a surrogate pair"),
            ('{"id": "b", "codes": [], "codes": ["I10"]}', "line 2: ambiguous JSON"),
            ('{"id": "a", "codes": []}', "line 2: its id is that of line 1"),
        ],
    )
    def test_a_bad_line_is_named_with_what_was_expected_and_nothing_of_it_is_quoted(
        self, tmp_path: Path, line: str, said: str
    ) -> None:
        with pytest.raises(BadRequest) as raised:
            self.read(tmp_path, '{"id": "a", "codes": ["I10"]}', line)

        assert said in str(raised.value)
        assert SECRET not in str(raised.value)

    def test_an_empty_file_is_no_gold(self, tmp_path: Path) -> None:
        with pytest.raises(BadRequest, match="has no line"):
            self.read(tmp_path, "")


NOTES = {
    "a": "ASSESSMENT\n1. Type 2 diabetes mellitus.\n2. Marjorie denies cough.",
    "b": "ASSESSMENT\n1. Asthma.\n2. Hypertension.",
    "c": "",
}


class TestTheCommand:
    def evaluate(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "chartcoder.cli", "evaluate", *map(str, arguments), "--jobs", "1"]
        return subprocess.run(program, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})

    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        """Gold whose first chart is in its line, the others in the folder beside it; the last is empty."""
        (tmp_path / "charts").mkdir()
        for chart in ("b", "c"):
            (tmp_path / "charts" / f"{chart}.txt").write_text(NOTES[chart])
        lines = [
            {"id": "a", "codes": ["E11.9", "R05.9"], "text": NOTES["a"], "specialty": "family medicine"},
            {"id": "b", "codes": ["J45.909"]},
            {"id": "c", "codes": ["I10"]},
        ]
        (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return tmp_path

    def test_charts_come_from_the_lines_and_from_the_folder_beside_the_gold(self, site: Path) -> None:
        done = self.evaluate(site / "gold.jsonl", "--format", "json")

        report = json.loads(done.stdout)
        assert done.returncode == 0
        assert scores(report) == (0.6667, 0.5, 0.5714)  # E11.9 and J45.909 of three given and four wanted
        assert case(report, "missed", "R05.9")["why"] == "another assertion"
        assert case(report, "missed", "I10")["chart"] == "c"
        assert "1 charts could not be coded" in done.stderr

    def test_a_table_shows_scores_groups_and_mistakes_without_a_word_of_the_charts(self, site: Path) -> None:
        done = self.evaluate(site / "gold.jsonl", "--by", "specialty", "--answer", "findings")

        assert "0.667" in done.stdout
        assert "family medicine" in done.stdout
        assert "R05.9 Cough, unspecified" in done.stdout
        assert "cough" not in done.stdout + done.stderr
        assert "cough" in self.evaluate(site / "gold.jsonl", "--show-text").stdout

    def test_csv_has_a_row_for_each_score_group_and_mistake(self, site: Path) -> None:
        out = site / "scores.csv"

        done = self.evaluate(site / "gold.jsonl", "--format", "csv", "--by", "code", "--out", out)

        rows = list(csv.DictReader(out.open(newline="")))
        assert done.returncode == 0
        assert done.stdout == ""
        assert [row["record"] for row in rows] == ["score"] * 8 + ["code"] * 4 + ["missed"] * 2 + ["false"]
        assert rows[0]["f1"] == "0.5714"
        assert {row["code"] for row in rows if row["record"] == "missed"} == {"R05.9", "I10"}

    def test_it_fails_where_f1_is_lower_than_asked(self, site: Path) -> None:
        assert self.evaluate(site / "gold.jsonl", "--fail-under", "0.57").returncode == 0

        done = self.evaluate(site / "gold.jsonl", "--fail-under", "0.58")

        assert done.returncode == 1
        assert "F1 of codes at full code is 0.571; expected at least 0.58" in done.stderr

    def test_a_line_s_setting_goes_before_what_the_chart_says_of_itself(self, tmp_path: Path) -> None:
        text = "DISCHARGE DIAGNOSES\n1. Probable pneumonia."
        found = {}
        for setting in ("inpatient", "outpatient"):
            line = {"id": setting, "codes": ["J18.9"], "text": text, "setting": setting}
            (tmp_path / "gold.jsonl").write_text(json.dumps(line))
            report = json.loads(self.evaluate(tmp_path / "gold.jsonl", "--format", "json").stdout)
            found[setting] = [row["code"] for row in report["missed"]]
        assert found == {"inpatient": [], "outpatient": ["J18.9"]}  # II.H and IV.H

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--charts", "nowhere"], "2 gold charts have no text, and nowhere is no folder"),
            (["--answer", "all"], "unknown answer 'all': one of codes, findings"),
            (["--by", "ward"], "unknown breakdown 'ward': one of specialty, code, category, chapter"),
            (["--format", "xml"], "unknown format 'xml': one of table, json, csv"),
        ],
    )
    def test_a_wrong_call_is_answered_in_one_line(self, site: Path, arguments: list[str], said: str) -> None:
        done = self.evaluate(site / "gold.jsonl", *arguments)

        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_chart_that_is_nowhere_is_named_before_any_is_coded(self, site: Path) -> None:
        (site / "charts" / "b.txt").unlink()

        done = self.evaluate(site / "gold.jsonl")

        assert done.returncode == 2
        assert "1 gold charts have no text, and no file of their name" in done.stderr
        assert done.stderr.rstrip().endswith(": b")
