"""Where the coder and the gold differ, chart by chart, and why, as far as the coder's own answer tells.

A missed code was never found, or found with another assertion than present, or found and turned down by a rule, or
something near it was given instead. A false code has its evidence, and the gold code that it stands in for, if any.
Texts and cues are a chart's words: they are kept only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from chartcoder.chart import CodedChart, Finding, RejectedCode
from chartcoder.coding.assertions import holds_of_patient

Answer = Literal["codes", "findings"]
Kind = Literal["missed", "false"]
Why = Literal["chart not coded", "never found", "another assertion", "rejected", "nearest given", "instead of", "extra"]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a chart, in characters, end exclusive; `text` and `cue` only where texts were asked for."""

    start: int
    end: int
    section: str | None
    assertion: str
    code: str | None
    text: str | None = field(default=None, repr=False)
    cue: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One code of one chart that was missed or is false.

    Args:
        detail: the assertions, the reason of the rejection, or the rules that made the code, as `why` has it.
        nearest: the code of the same category on the other side: given for a missed one, wanted for a false one.
        evidence: what the coder saw of the code, or of the nearest one.
    """

    chart: str
    kind: Kind
    code: str
    why: Why
    detail: str = ""
    nearest: str | None = None
    evidence: tuple[Span, ...] = ()


def given_codes(coded: CodedChart, answer: Answer) -> set[str]:
    """The codes an answer gives: the list to bill, or the code of every finding that holds of the patient."""
    if answer == "codes":
        return {billed.code for billed in coded.codes}
    return {finding.code for finding in coded.findings if finding.code and holds_of_patient(finding)}


def not_coded(chart: str, wanted: Iterable[str], reason: str) -> list[Mistake]:
    """A chart that could not be coded: all its codes are missed."""
    return [Mistake(chart, "missed", code, "chart not coded", reason) for code in sorted(wanted)]


def mistakes_of(coded: CodedChart, wanted: set[str], answer: Answer, *, with_text: bool) -> list[Mistake]:
    """What the answer to one chart misses, and what it has too much."""
    given = given_codes(coded, answer)
    review = _Review(coded, wanted - given, given - wanted, answer, with_text)
    return [review.missed(code) for code in sorted(wanted - given)] + [
        review.false(code) for code in sorted(given - wanted)
    ]


class _Review:
    def __init__(self, coded: CodedChart, missed: set[str], false: set[str], answer: Answer, with_text: bool) -> None:
        self._coded, self._missed, self._false = coded, missed, false
        self._answer, self._with_text = answer, with_text
        self._billed = {billed.code: billed for billed in coded.codes}
        self._rejected = {rejected.code: rejected for rejected in coded.rejected}

    def missed(self, code: str) -> Mistake:
        found = self._found(code)
        nearest = nearest_code(code, self._false)
        rejected = self._rejected.get(code)
        why: Why
        if found and not any(map(holds_of_patient, found)):
            why, detail = "another assertion", ", ".join(sorted({finding.assertion for finding in found}))
        elif self._answer == "codes" and rejected:
            why, detail = "rejected", self._reason(rejected)
            found = found or self._at(rejected.evidence)
        elif nearest:
            why, detail, found = "nearest given", "", self._evidence(nearest)
        else:
            why, detail = "never found", ""
        return Mistake(self._coded.id, "missed", code, why, detail, nearest, self._spans(found))

    def false(self, code: str) -> Mistake:
        nearest = nearest_code(code, self._missed)
        billed = self._billed.get(code) if self._answer == "codes" else None
        return Mistake(
            self._coded.id,
            "false",
            code,
            "instead of" if nearest else "extra",
            "; ".join(billed.rules) if billed else "",
            nearest,
            self._spans(self._evidence(code)),
        )

    def _reason(self, rejected: RejectedCode) -> str:
        """The reason, without the cue that it may quote, which is the chart's words."""
        reason = rejected.reason
        for finding in () if self._with_text else self._at(rejected.evidence):
            reason = reason.replace(f" by '{finding.cue}'", "")
        return reason

    def _found(self, code: str) -> list[Finding]:
        return [finding for finding in self._coded.findings if finding.code == code]

    def _at(self, places: Iterable[int]) -> list[Finding]:
        return [self._coded.findings[place] for place in places]

    def _evidence(self, code: str) -> list[Finding]:
        if self._answer == "codes":
            return self._at(self._billed[code].evidence)
        return [finding for finding in self._found(code) if holds_of_patient(finding)]

    def _spans(self, findings: list[Finding]) -> tuple[Span, ...]:
        return tuple(
            Span(
                finding.start,
                finding.end,
                finding.section,
                finding.assertion,
                finding.code,
                finding.text if self._with_text else None,
                finding.cue if self._with_text else None,
            )
            for finding in findings
        )


def nearest_code(code: str, others: Iterable[str]) -> str | None:
    """Of other codes the one that shares most of its beginning, at least the category; the first of equals."""
    shared = {other: _shared(code, other) for other in sorted(others) if other[:3] == code[:3]}
    return max(shared, key=shared.__getitem__) if shared else None


def _shared(code: str, other: str) -> int:
    return next((place for place, pair in enumerate(zip(code, other, strict=False)) if pair[0] != pair[1]), len(code))
