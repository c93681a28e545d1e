"""From findings to the list to bill: the guidelines applied to a draft."""

from __future__ import annotations

import re
from collections.abc import Mapping

import ahocorasick_rs

from chartcoder.chart import BilledCode, Finding, RejectedCode, Setting
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.guidelines import Draft, apply_guidelines
from chartcoder.coding.terminology import Terminology

STAY = re.compile(
    r"\b(?:discharge summary|hospital course|inpatient (?:progress )?note|date of admission|admission date"
    r"|discharge date|date of discharge|length of stay|hospital day|admission diagnos[ei]s|admitting diagnos[ei]s)\b",
    re.I,
)
"""What only the record of a hospital stay has."""
WORDS_OF_A_STAY = (
    "discharge summary", "discharge date", "hospital course", "hospital day", "inpatient", "date of ", "admission d",
    "admitting d", "length of stay",
)  # fmt: skip
"""What the pattern cannot do without, quicker to look for: few charts have any of it."""
VISIT = re.compile(
    r"\b(?:clinic (?:note|visit)|office visit|outpatient|follow[- ]?up visit|telehealth|televisit|urgent care|walk-in"
    r"|(?:ed|emergency (?:department|room)) (?:note|visit|course|record|physician|provider|diagnos[ei]s|impression)"
    r"|seen in (?:the )?(?:clinic|office)|observation (?:status|stay)|same[- ]day surgery|ambulatory surgery)\b",
    re.I,
)
"""Visits, emergency departments and observation: outpatient encounters (IV)."""
PAPERS = ("note", "visit", "course", "record", "physician", "provider", "diagnos", "impression")
WORDS_OF_A_VISIT = (
    "clinic note", "clinic visit", "office visit", "outpatient", "up visit", "telehealth", "televisit", "urgent care",
    "walk-in", "seen in ", "observation st", "same-day", "same day", "ambulatory",
    *(f"{place} {paper}" for place in ("ed", "department", "room") for paper in PAPERS),
)  # fmt: skip
FIND_WORDS_OF_A_STAY = ahocorasick_rs.AhoCorasick(WORDS_OF_A_STAY).find_matches_as_indexes
FIND_WORDS_OF_A_VISIT = ahocorasick_rs.AhoCorasick(WORDS_OF_A_VISIT).find_matches_as_indexes
ADMITTED = re.compile(
    r"\b(?:admitted (?:to the (?:hospital|floor|icu|ward|service)|for|with|on|under)|discharge diagnos[ei]s"
    r"|discharged (?:home|to))\b",
    re.I,
)


def setting_of(text: str) -> Setting:
    """The setting a chart reads like: the record of a stay, a visit, or else by whether somebody was admitted.

    Outpatient where it does not say, which is the stricter (IV.H).
    """
    low = text.lower()
    if FIND_WORDS_OF_A_STAY(low) and STAY.search(text):
        return "inpatient"
    if FIND_WORDS_OF_A_VISIT(low) and VISIT.search(text):
        return "outpatient"
    return "inpatient" if ("admitted" in low or "discharge" in low) and ADMITTED.search(text) else "outpatient"


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
    draft = Draft(findings, terminology, view, lambda: setting or setting_of(view.text))
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
