"""From findings to the list to bill: the guidelines applied to a draft."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chartcoder.chart import BilledCode, Finding, RejectedCode, Setting
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.guidelines import Draft, apply_guidelines
from chartcoder.coding.terminology import Terminology

INPATIENT = re.compile(
    r"\b(?:discharge summary|hospital course|date of admission|admission date|discharge date|date of discharge"
    r"|admitted to the (?:hospital|floor|icu|ward|service)|discharge diagnos[ei]s|discharged (?:home|to))\b",
    re.I,
)


WORDS_OF_A_STAY = ("discharge", "admi", "hospital course")
"""What `INPATIENT` cannot do without, quicker to look for."""


def setting_of(text: str) -> Setting:
    """Inpatient where the chart reads like a hospital stay, else outpatient (the stricter: IV.H)."""
    low = text.lower()
    stayed = any(word in low for word in WORDS_OF_A_STAY) and INPATIENT.search(text)
    return "inpatient" if stayed else "outpatient"


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
    draft = Draft(findings, terminology, view, setting or setting_of(view.text))
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
