"""Codes that say nothing by themselves (`companions.tsv`): how somebody came to harm where nobody was harmed, a body
mass index where no weight is spoken of.

Such a mention stays a finding, without a code.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec.structs import replace

from chartcoder.chart import Finding

TABLE = Path(__file__).with_name("companions.tsv")
SAID = frozenset({"present", "possible", "historical"})


@cache
def _table() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    rows = (line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return tuple((tuple(codes.split()), tuple(companions.split())) for codes, companions, _ in rows)


@cache
def _needs_another(code: str) -> bool:
    """Whether a code is one of those that say nothing by themselves; asked of codes of the release alone."""
    return any(code.startswith(codes) for codes, _ in _table())


def uncode_without_companion(findings: list[Finding]) -> list[Finding]:
    """The findings, without the code of each that needs another beside it which the chart does not have."""
    codes = {finding.code for finding in findings if finding.code}
    if not any(map(_needs_another, codes)):
        return findings
    said = [finding.code for finding in findings if finding.code and finding.assertion in SAID]
    lonely = tuple(
        prefix
        for codes, companions in _table()
        if not any(code.startswith(companions) for code in said)
        for prefix in codes
    )
    return [
        replace(finding, code=None, description=None) if finding.code and finding.code.startswith(lonely) else finding
        for finding in findings
    ]
