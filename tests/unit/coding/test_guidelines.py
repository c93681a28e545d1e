"""The Official Guidelines' own rules, case by case (`guideline_cases.tsv`)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chartcoder.chart import CodedChart

CASES = [
    tuple((*line.split("\t"), "", "", "")[:7])
    for line in Path(__file__).with_name("guideline_cases.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def codes_of(field: str) -> list[str]:
    return [code.strip() for code in field.split(",") if code.strip()]


def said_of(field: str) -> dict[str, str]:
    """ "I10 negated by 'no'; ..." as code -> what is said of it."""
    pairs = (said.partition(" ") for said in field.split("; ") if said)
    return {code: reason for code, _, reason in pairs}


@pytest.mark.parametrize(("section", "setting", "chart", "billed", "not_billed", "rules", "reasons"), CASES)
def test_the_guidelines_are_kept(
    code: Callable[..., CodedChart],
    section: str,
    setting: str,
    chart: str,
    billed: str,
    not_billed: str,
    rules: str,
    reasons: str,
) -> None:
    text = chart.replace("|", "\n")
    coded = code(text, None if setting == "-" else setting)
    got = {item.code: item for item in coded.codes}
    assert [item for item in got if item in codes_of(billed)] == codes_of(billed)
    assert not set(codes_of(not_billed)) & set(got)
    for made, rule in said_of(rules).items():
        assert rule in got[made].rules
    turned_down = {item.code: item.reason for item in coded.rejected}
    for candidate, reason in said_of(reasons).items():
        assert turned_down[candidate] == reason
    for item in coded.codes:
        assert item.evidence
        assert all(coded.findings[place].assertion not in {"negated", "hypothetical"} for place in item.evidence)


def test_every_case_names_its_section_and_there_are_over_a_hundred() -> None:
    assert len(CASES) >= 110
    assert all(re.match(r"(?:I\.[AB]\.\d+|I\.C\.\d+|II|III|IV)\b", case[0]) for case in CASES)


def test_every_billed_code_has_evidence_and_is_complete(code: Callable[..., CodedChart]) -> None:
    coded = code(
        "ASSESSMENT\n1. Hypertension.\n2. Heart failure.\n3. Diabetes.\n4. CKD stage 4.\n5. Right ankle sprain."
    )
    assert coded.codes
    assert all(item.evidence and item.description for item in coded.codes)


def test_a_code_that_a_rule_made_names_the_rule(code: Callable[..., CodedChart]) -> None:
    coded = code("ASSESSMENT\n1. Hypertension.\n2. Heart failure.")
    made = next(item for item in coded.codes if item.code == "I11.0")
    assert any("I.C.9.a" in rule for rule in made.rules)


def test_a_rejected_code_says_why(code: Callable[..., CodedChart]) -> None:
    coded = code("ASSESSMENT\n1. Pneumonia.\n2. Cough.\nROS\nDenies chest pain.")
    reasons = {item.code: item.reason for item in coded.rejected}
    assert "J18.9" in reasons["R05.9"]
    assert "denies" in reasons["R07.9"]


def test_the_reason_for_the_visit_comes_first_and_external_causes_last(code: Callable[..., CodedChart]) -> None:
    coded = code("HPI\nShe slipped and fell.\nASSESSMENT\n1. Left ankle sprain.\n2. Hypertension.")
    got = [item.code for item in coded.codes]
    assert got[0] == "S93.402A"
    assert got[-1][0] == "W"


def test_billed_codes_carry_their_risk_categories(code: Callable[..., CodedChart]) -> None:
    coded = code("ASSESSMENT\n1. COPD.\n2. Hypertension.")
    categories = {item.code: item.hcc for item in coded.codes}
    assert categories["J44.9"] == {"V24": ["111"], "V28": ["280"]}
    assert categories["I10"] is None
