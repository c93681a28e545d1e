"""General words for what the chart names elsewhere: "the tumor", "the carcinoma", after "renal cell carcinoma".

A general neoplasm word names no neoplasm of its own where the chart has a specific one: it takes that one's code. Where the chart has
none, a word that does not even say malignant is a finding without a code: a neoplasm of unspecified behaviour and site tells nobody anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from chartcoder.chart import Finding
from chartcoder.coding.terminology import Terminology

MALIGNANT = frozenset({"C80.1", "C49.9", "C80.0"})
SPREAD = frozenset({"C79.9"})
VAGUE = frozenset({"D49.9", "D48.9", "D36.9"})
UNCODED = frozenset({"D49.9", "D48.9", "D36.9"})


def resolve_general_words(findings: list[Finding], terminology: Terminology) -> list[Finding]:
    """The findings with general neoplasm words given the code of the chart's specific neoplasm."""
    if not any(finding.code in MALIGNANT | SPREAD | VAGUE for finding in findings):
        return findings
    primary = _commonest(findings, lambda code: code[0] == "C" and code[:3] not in {"C77", "C78", "C79", "C80"})
    secondary = _commonest(findings, lambda code: code[:3] in {"C77", "C78", "C79"} and code != "C79.9")
    neoplasm = primary or _commonest(findings, lambda code: "D00" <= code[:3] <= "D49" and code not in VAGUE) or secondary
    resolved = []
    for finding in findings:
        code = finding.code
        if code in MALIGNANT:
            code = primary or secondary or code
        elif code in SPREAD:
            code = secondary or code
        elif code in VAGUE:
            code = neoplasm or (None if code in UNCODED else code)
        if code != finding.code:
            finding = replace(finding, code=code, description=terminology.description(code) if code else None)
        resolved.append(finding)
    return resolved


def _commonest(findings: list[Finding], wanted: Callable[[str], bool]) -> str | None:
    codes = Counter(
        finding.code
        for finding in findings
        if finding.code and finding.assertion in {"present", "historical"} and finding.code not in MALIGNANT and wanted(finding.code)
    )
    return codes.most_common(1)[0][0] if codes else None
