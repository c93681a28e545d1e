"""From findings to the list to bill."""

from __future__ import annotations

from chartcoder.chart import BilledCode, Finding, RejectedCode, Setting
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.terminology import Terminology


def bill(
    findings: list[Finding], terminology: Terminology, view: ChartView, setting: Setting | None
) -> tuple[tuple[BilledCode, ...], tuple[RejectedCode, ...]]:
    """The codes to bill, in order, and the candidates that are not billed, each with the reason."""
    evidence: dict[str, list[int]] = {}
    refused: dict[str, list[int]] = {}
    for place, finding in enumerate(findings):
        if finding.code is None:
            continue
        held = evidence if finding.assertion == "present" else refused
        held.setdefault(finding.code, []).append(place)
    codes = tuple(
        BilledCode(code, terminology.description(code), tuple(places))
        for code, places in evidence.items()
        if terminology.is_billable(code)
    )
    rejected = tuple(
        RejectedCode(code, tuple(places), _reason(findings[places[0]]))
        for code, places in refused.items()
        if code not in evidence
    )
    return codes, rejected


def _reason(finding: Finding) -> str:
    return f"{finding.assertion} by '{finding.cue}'"
