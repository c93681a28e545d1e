import json
import subprocess
import sys

import pytest

from chartcoder.comparison import Comparison, read_answers
from chartcoder.errors import BadRequest


def finding(start, end, code, assertion="present", text="x"):
    return {
        "text": text,
        "start": start,
        "end": end,
        "code": code,
        "assertion": assertion,
        "description": f"our {code}",
    }


def entity(start, end, *codes, trait=None, score=0.9, text="x"):
    concepts = [
        {"Code": code, "Description": f"their {code}", "Score": 0.9 - rank / 10} for rank, code in enumerate(codes)
    ]
    traits = [{"Name": trait, "Score": 0.9}] if trait else []
    return {
        "BeginOffset": start,
        "EndOffset": end,
        "Text": text,
        "Score": score,
        "Traits": traits,
        "ICD10CMConcepts": concepts,
    }


RESULT = {
    "id": "c1",
    "codes": [{"code": "E11.22", "description": "with CKD", "evidence": [0]}],
    "findings": [
        finding(0, 3, "E11.9"),
        finding(10, 15, "R05.9", "negated"),
        finding(20, 25, "I10"),
        finding(30, 33, "J45.909"),
    ],
}
ANSWER = {
    "Entities": [
        entity(0, 3, "E11.9", "E11.8"),
        entity(10, 15, "R05.9"),
        entity(20, 25, "I10", trait="NEGATION"),
        entity(30, 33, "J45.20"),
        entity(40, 44, "M10.9", score=0.2),
    ]
}  # fmt: skip


def report(**options):
    comparison = Comparison(**options)
    comparison.add(RESULT, ANSWER, characters=250, seconds=0.01)
    return comparison.report()


def differences(found):
    return {(one["side"], one["code"]): one["cases"][0]["evidence"][0]["other_says"] for one in found["differences"]}


def test_agreement_counts_what_both_assert_at_the_full_code_and_at_the_category():
    found = report(least_score=0.5)["agreement"]

    assert found["full code"] == {"ours": 3, "theirs": 3, "both": 1, "agreement": pytest.approx(1 / 3)}
    assert found["category"]["both"] == 2


def test_a_difference_says_what_the_other_makes_of_the_same_words():
    assert differences(report(least_score=0.5)) == {
        ("only ours", "I10"): ["I10 negated"],
        ("only ours", "J45.909"): ["J45.20 present"],
        ("only theirs", "R05.9"): ["R05.9 negated"],
        ("only theirs", "J45.20"): ["J45.909 present"],
    }


def test_against_the_list_to_bill_only_what_is_billed_is_ours():
    assert ("only ours", "E11.22") in differences(report(against="codes"))
    assert ("only ours", "I10") not in differences(report(against="codes"))


def test_what_scores_too_little_does_not_count():
    assert ("only theirs", "M10.9") in differences(report())
    assert ("only theirs", "M10.9") not in differences(report(least_score=0.5))


def test_the_charts_words_show_only_where_asked_for():
    assert '"text"' not in json.dumps(report())
    assert '"text"' in json.dumps(report(with_text=True))


def test_both_costs_are_by_list_price():
    costs = report(usd_per_unit=0.0005)["costs"]

    assert costs["theirs"] == {"units": 3, "usd_per_unit": 0.0005, "usd": pytest.approx(0.0015)}
    assert 0 < costs["ours"]["computing_usd"] < costs["ours"]["usd"] < costs["theirs"]["usd"]


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"ChartId": "a"}', '{"ChartId": "a", "Entities": [{"Traits": []}]}', '{"Entities": []}']
)
def test_what_is_no_answer_is_named_by_its_line(tmp_path, line):
    (tmp_path / "saved.jsonl").write_text('{"ChartId": "z", "Entities": []}\n' + line + "\n")
    with pytest.raises(BadRequest, match=r"saved\.jsonl:2"):
        read_answers(tmp_path / "saved.jsonl")


def test_answers_of_a_batch_job_are_found_by_their_inputs_names(tmp_path):
    for name in ("a.txt.out", "b.json", "deep/c.txt.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"Entities": []}')

    assert set(read_answers(tmp_path)) == {"a", "b", "deep/c"}


def test_our_own_answers_in_their_shape_agree_with_us_wholly(tmp_path):
    charts = tmp_path / "charts"
    charts.mkdir()
    (charts / "n1.txt").write_text("Assessment: asthma. Denies chest pain. Mother had breast cancer.")
    (charts / "n2.txt").write_text("Assessment: gout.")
    run = [sys.executable, "-m", "chartcoder.cli"]
    saved = tmp_path / "saved.jsonl"
    subprocess.run([*run, "code", charts / "n1.txt", "--format", "comprehend", "--output", saved], check=True)

    done = subprocess.run(
        [*run, "compare", charts, "--answers", saved, "--format", "json"], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert found["agreement"]["full code"]["agreement"] == 1.0
    assert found["agreement"]["full code"]["both"] > 0
    assert found["notes"] == ["1 charts without a saved answer, left out: n2"]
