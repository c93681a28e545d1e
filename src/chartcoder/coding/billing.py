"""From findings to the list to bill: the guidelines applied to a draft."""

from __future__ import annotations

from collections.abc import Mapping

from chartcoder.chart import BilledCode, Finding, RejectedCode, Setting
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.guidelines import Draft, apply_guidelines
from chartcoder.coding.inner.any_word import AnyWord
from chartcoder.coding.lowering import begun_by
from chartcoder.coding.terminology import Terminology

STAY = begun_by(
    r"discharge (?:summary|date)\b", r"hospital (?:course|day)\b", r"inpatient (?:progress )?note\b",
    r"date of (?:admission|discharge)\b", r"admission (?:date|diagnos[ei]s)\b", r"admitting diagnos[ei]s\b",
    r"length of stay\b",
)  # fmt: skip
"""What only the record of a hospital stay has."""
WORDS_OF_A_STAY = AnyWord(
    [
        "discharge summary", "discharge date", "hospital course", "hospital day", "inpatient", "date of",
        "admission d*", "admitting d*", "length of stay",
    ]
)  # fmt: skip
"""What the pattern cannot do without, quicker to look for: few charts have any of it."""
VISIT = begun_by(
    r"clinic (?:note|visit)\b", r"office visit\b", r"outpatient\b", r"follow[- ]?up visit\b", r"tele(?:health|visit)\b",
    r"urgent care\b", r"walk-in\b", r"ambulatory surgery\b", r"same[- ]day surgery\b",
    r"e(?:d|mergency (?:department|room)) (?:note|visit|course|record|physician|provider|diagnos[ei]s|impression)\b",
    r"seen in (?:the )?(?:clinic|office)\b", r"observation (?:status|stay)\b",
)  # fmt: skip
"""Visits, emergency departments and observation: outpatient encounters (IV)."""
PAPERS = ("note", "visit", "course", "record", "physician", "provider", "diagnos*", "impression")
WORDS_OF_A_VISIT = AnyWord(
    [
        "clinic note", "clinic visit", "office visit", "outpatient", "up visit", "followup visit", "telehealth",
        "televisit", "urgent care", "walk-in", "seen in", "observation st*", "same-day", "same day", "ambulatory",
        *(f"{place} {paper}" for place in ("ed", "department", "room") for paper in PAPERS),
    ]
)  # fmt: skip
WORDS_OF_ADMISSION = AnyWord(["admitted", "discharge*"])
ADMITTED = begun_by(
    r"admitted (?:to the (?:hospital|floor|icu|ward|service)|for|with|on|under)\b",
    r"discharge(?: diagnos[ei]s|d (?:home|to))\b",
)


def setting_of(view: ChartView) -> Setting:
    """The setting a chart reads like: the record of a stay, a visit, or else by whether somebody was admitted.

    Outpatient where it does not say, which is the stricter (IV.H).
    """
    if view.says(WORDS_OF_A_STAY) and STAY.search(view.lower):
        return "inpatient"
    if view.says(WORDS_OF_A_VISIT) and VISIT.search(view.lower):
        return "outpatient"
    return "inpatient" if view.says(WORDS_OF_ADMISSION) and ADMITTED.search(view.lower) else "outpatient"


def bill(
    findings: list[Finding],
    terminology: Terminology,
    view: ChartView,
    setting: Setting | None,
    categories: Mapping[str, dict[str, list[str]]],
) -> tuple[tuple[BilledCode, ...], tuple[RejectedCode, ...]]:
    """The codes to bill, in order, and the candidates that are not billed, each with the reason.

    `categories` are the HCC categories of codes, as `hcc.read_categories` gives them.
    """
    draft = Draft(findings, terminology, view, lambda: setting or setting_of(view))
    apply_guidelines(draft)
    ordered = sorted(draft.candidates.values(), key=lambda candidate: candidate.rank)
    codes = tuple(
        BilledCode(
            candidate.code,
            terminology.description(candidate.code),
            tuple(candidate.evidence),
            tuple(candidate.rules),
            categories.get(candidate.code),
        )
        for candidate in ordered
    )
    rejected = tuple(
        RejectedCode(code, tuple(places), reason)
        for code, (places, reason) in draft.rejected.items()
        if code not in draft.candidates
    )
    return codes, rejected
