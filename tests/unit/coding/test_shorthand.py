"""How charts shorten: sides by a letter, eyes by two, an organism's genus by its initial; and where a comma ends."""

from collections.abc import Callable

import pytest

from chartcoder.chart import CodedChart

Code = Callable[..., CodedChart]


def first_code(coded: CodedChart) -> str | None:
    return coded.findings[0].code


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Pressure ulcer L heel, stage 3", "L89.623"),
        ("R knee OA", "M17.11"),
        ("Fx R distal radius", "S52.501A"),
        ("R/O carpal tunnel syndrome", "G56.00"),
        ("Carpal tunnel syndrome, 2 L oxygen", "G56.00"),
    ],
)
def test_a_letter_that_stands_alone_is_a_side(code: Code, text: str, wanted: str) -> None:
    assert first_code(code(text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Dry eyes OU", "H04.123"),
        ("Dry eye OD, OS normal", "H04.121"),
        ("Mild NPDR OU", "E11.3293"),
    ],
)
def test_the_abbreviations_of_the_eyes_are_sides(code: Code, text: str, wanted: str) -> None:
    assert first_code(code(text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Urine culture grew E. coli.", "B96.20"),
        ("Biopsy showed H. pylori.", "B96.81"),
        ("Sputum grew P. aeruginosa.", "B96.5"),
        ("Blood culture: S. epidermidis", "B95.7"),
    ],
)
def test_an_organism_is_known_by_the_initial_of_its_genus(code: Code, text: str, wanted: str) -> None:
    assert wanted in {finding.code for finding in code(text).findings}


def test_a_capital_that_ends_a_sentence_is_no_initial_of_a_genus(code: Code) -> None:
    hepatitis, pneumonia = code("She has hepatitis B. Pneumonia was found.").findings
    assert (hepatitis.code, pneumonia.code) == ("B19.10", "J18.9")


def test_a_side_between_two_commas_belongs_to_what_stands_before_it(code: Code) -> None:
    assert first_code(code("Knee pain, left, without effusion.")) == "M25.562"


@pytest.mark.parametrize("text", ["Lesion-free adrenal gland.", "Surgical removal of the abdominal mesh."])
def test_a_word_that_takes_the_sense_away_parts_a_phrase(code: Code, text: str) -> None:
    assert not [finding for finding in code(text).findings if finding.code in {"E27.8", "E27.9", "R10.0"}]


def test_a_box_that_is_ticked_under_a_family_history_is_the_familys(code: Code) -> None:
    (found,) = code("Family history: [x] Breast cancer (mother)").findings
    assert found.assertion == "family"


def test_a_neoplasm_that_is_over_is_not_what_a_tumor_of_today_is(code: Code) -> None:
    coded = code("He had gastric cancer ten years ago. Today a tumor of the skin is seen. The tumor is 2 cm wide.")
    assert [f.code for f in coded.findings if f.text.lower() == "tumor"] == ["D49.2"]
