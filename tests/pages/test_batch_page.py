"""The page of a batch."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.pages.conftest import Reviewed, Visit


def rows(page: Page) -> list[str]:
    return page.locator("#rows th").all_inner_texts()


def exported(page: Page, name: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_progress_codes_and_failures_are_those_of_the_api(stack: Reviewed, visit: Visit) -> None:
    page = visit("batches/clinic/review")
    assert page.locator("#counts dd").all_inner_texts() == ["5", "4", "1", "0"]
    expect(page.locator("#progress svg")).to_have_attribute("aria-label", "Coded: 4, Failed: 1, Waiting: 0")
    counts = stack.get("batches/clinic/codes")["codes"]
    shown = page.locator("#codes tbody tr").evaluate_all(
        "all => all.map(r => [r.dataset.code, r.cells[1].textContent])"
    )
    assert shown == [[one["code"], str(one["charts"])] for one in counts[: len(shown)]]
    assert len(shown) == 12
    expect(page.locator("#codes tbody tr").first.locator(".description")).not_to_be_empty()
    expect(page.locator("#codes-said")).to_contain_text("codes in 4 charts")
    expect(page.locator("#failures")).to_contain_text("scan-001")


def test_charts_are_listed_by_what_is_left_to_do(stack: Reviewed, visit: Visit) -> None:
    for chart in ("c1", "c2"):
        stack.code("filters", chart, "ASSESSMENT: Hypertension.")
    stack.decide("filters", "c1", "I10", "accept")
    page = visit("batches/filters/review")
    assert rows(page) == ["c1", "c2"]
    page.get_by_role("button", name="To review").click()
    assert rows(page) == ["c2"]
    page.get_by_role("button", name="Reviewed").click()
    assert rows(page) == ["c1"]
    expect(page.locator("#decided")).to_have_text("1 of 2 reviewed")
    page.get_by_role("link", name="c1").click()
    expect(page.locator("#decided")).to_have_text("1 of 1 decided")


def test_a_batch_is_exported_as_a_table_and_as_results(stack: Reviewed, visit: Visit) -> None:
    page = visit("batches/clinic/review")
    table = list(csv.DictReader(exported(page, "CSV").splitlines()))
    listed = stack.get("batches/clinic/charts")["charts"]
    assert [row["code"] for row in table] == [code for chart in listed for code in chart.get("codes", [""])]
    results = [json.loads(line) for line in exported(page, "JSON Lines").splitlines()]
    assert [result["id"] for result in results] == [chart["id"] for chart in listed]


def test_a_batch_that_nobody_submitted_is_told_so(visit: Visit) -> None:
    expect(visit("batches/nothing/review").get_by_role("alert")).to_be_visible()
