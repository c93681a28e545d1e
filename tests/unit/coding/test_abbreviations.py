"""Abbreviations that a chart defines itself, and codes that need another beside them."""

import pytest

from chartcoder.chart import Chart
from chartcoder.coding.abbreviations import long_form_start
from chartcoder.coding.coder import Coder


def codes_in(coder: Coder, text: str) -> list[str | None]:
    return [finding.code for finding in coder.code(Chart(id="1", text=text)).findings]


def test_an_abbreviation_has_the_code_of_its_long_form_wherever_it_is_used(coder: Coder) -> None:
    text = "She has vernal keratoconjunctivitis (VKC). Her VKC is worse in spring."
    assert len(set(codes_in(coder, text))) == 1
    assert len(codes_in(coder, text)) == 3
    assert not codes_in(coder, "Her VKC is worse in spring.")


def test_a_chart_that_defines_an_abbreviation_otherwise_is_believed(coder: Coder) -> None:
    assert codes_in(coder, "Her DMD was diagnosed at birth.") == ["G71.01"]
    assert not codes_in(coder, "He had a Descemet membrane detachment (DMD). The DMD was repaired.")


def test_a_long_form_that_is_no_finding_and_no_initials_leaves_an_abbreviation_as_it_is(coder: Coder) -> None:
    assert "D65" in codes_in(coder, "Labs suggested disseminated coagulation (DIC).")


@pytest.mark.parametrize(
    ("before", "abbreviation", "long_form"),
    [
        ("He has a left bundle branch block ", "LBBB", "left bundle branch block "),
        ("Known hypertension ", "HTN", "hypertension "),
        ("Chest film ", "WHO", None),
        ("Ended. Fever ", "EF", None),
    ],
)
def test_the_long_form_is_found_from_the_right(before: str, abbreviation: str, long_form: str | None) -> None:
    start = long_form_start(before, len(before), abbreviation)
    assert (None if start is None else before[start:]) == long_form


def test_definitions_take_time_in_proportion_to_the_text(coder: Coder) -> None:
    text = "He has a left bundle branch block (LBBB) and more. " * 4_000
    assert len(codes_in(coder, text)) == 8_000


def test_how_somebody_came_to_harm_has_a_code_where_somebody_was_harmed(coder: Coder) -> None:
    assert codes_in(coder, "After a motorcycle accident she had a femur fracture.")[0] == "V29.99XA"
    assert codes_in(coder, "After a motorcycle accident she felt well.") == [None]


def test_a_body_mass_index_has_a_code_beside_a_word_on_weight(coder: Coder) -> None:
    assert set(codes_in(coder, "She is obese. BMI 32.")) == {"E66.9", "Z68.32"}
    assert codes_in(coder, "BMI 27.2, blood pressure 120/70.") == [None]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Ventilated with VT 420 ml and PEEP 7.", []),
        ("Blood count: CMV: 89.7 fL.", []),
        ("AAA 4.2 cm, stable.", ["I71.40"]),
        ("Left breast cancer, ER+/PR+/HER2-.", ["C50.912", "Z17.0", "Z17.21", "Z17.32"]),
        ("Breast cancer, ER negative, PR negative, HER2/neu positive.", ["C50.919", "Z17.1", "Z17.22", "Z17.31"]),
        ("In the ER - seen for cough.", ["R05.9"]),
        ("He lost 20 pounds in two months.", ["R63.4"]),
        ("She lost 15 lbs with diet and exercise.", []),
        ("A loss of 25% of the graft was seen.", []),
        ("Ischemic stroke, NIHSS 14.", ["I63.9", "R29.714"]),
    ],
)
def test_numbers_and_signs_decide_what_letters_mean(coder: Coder, text: str, codes: list[str]) -> None:
    assert codes_in(coder, text) == codes


def test_a_word_of_denial_inside_a_term_denies_what_follows_it_and_not_what_stands_before(coder: Coder) -> None:
    findings = coder.code(Chart(id="1", text="Lung nodule, PR negative. Nausea without vomiting or diarrhea.")).findings
    assert {finding.text: finding.assertion for finding in findings} == {
        "Lung nodule": "present",
        "PR negative": "present",
        "Nausea without vomiting": "present",
        "diarrhea": "negated",
    }


def test_how_long_something_lasts_makes_it_no_history(coder: Coder) -> None:
    lasting = coder.code(Chart(id="1", text="He has a 2-month history of a right testicular mass.")).findings
    over = coder.code(Chart(id="1", text="He has a history of a sprained ankle.")).findings
    assert [finding.assertion for finding in (*lasting, *over)] == ["present", "historical"]
