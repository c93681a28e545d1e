"""The list to bill while it is made: candidates with their evidence, and what was turned down."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from operator import itemgetter

from chartcoder.chart import Assertion, Finding, Setting
from chartcoder.coding.assertions import holds_of_patient
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.terminology import Terminology


@dataclass(slots=True)
class Candidate:
    """A code that may be billed, the findings that support it, and the rules that made it."""

    code: str
    evidence: list[int]
    rules: list[str] = field(default_factory=list)
    rank: int = 0  # place in the list: lower is earlier


@dataclass
class Draft:
    """What the rules work on."""

    findings: list[Finding]
    terminology: Terminology
    view: ChartView
    ask_setting: Callable[[], Setting]
    candidates: dict[str, Candidate] = field(default_factory=dict)
    rejected: dict[str, tuple[list[int], str]] = field(default_factory=dict)
    beginnings: set[str] = field(default_factory=set)
    """The first one, two and three characters of every code that was ever a candidate: what `only_with` asks for."""

    @cached_property
    def setting(self) -> Setting:
        """Inpatient or outpatient; asked for by few rules, and reading it from the chart takes longer than those do."""
        return self.ask_setting()

    def bill(self, code: str, evidence: Iterable[int], rule: str | None = None, *, rank: int | None = None) -> None:
        """Make a code a candidate, or add evidence and a rule to one."""
        held = self.candidates.get(code)
        if held is None:
            places = sorted(set(evidence))
            if rank is None:
                rank = places[0] if places else len(self.findings)
            self.candidates[code] = Candidate(code, places, [rule] if rule else [], rank)
            self.beginnings.update((code[:1], code[:2], code[:3]))
        else:
            for place in list(evidence):  # put in where it belongs: a chart may say one thing ten thousand times
                at = bisect_left(held.evidence, place)
                if at == len(held.evidence) or held.evidence[at] != place:
                    held.evidence.insert(at, place)
            if rule and rule not in held.rules:
                held.rules.append(rule)
        self.rejected.pop(code, None)

    def reject(self, code: str, reason: str, evidence: Iterable[int] | None = None) -> None:
        """Turn a code down; of several reasons the first stays. A code that is billed on other evidence is not
        rejected."""
        held = self.candidates.pop(code, None)
        places = list(evidence) if evidence is not None else held.evidence if held else []
        self.rejected.setdefault(code, (places, reason))

    def replace(self, old: str, new: str, rule: str) -> None:
        """Bill `new` on the evidence of `old`."""
        held = self.candidates[old]
        if new == old:
            return
        self.bill(new, held.evidence, rule, rank=held.rank)
        self.reject(old, f"replaced by {new} ({rule})")

    def matching(self, *prefixes: str) -> list[str]:
        """The candidates that start with one of the prefixes."""
        return [code for code in self.candidates if code.startswith(prefixes)]

    def present(self) -> Sequence[tuple[int, Finding]]:
        """The findings whose code holds of the patient, with their places."""
        return self._present

    @cached_property
    def _present(self) -> list[tuple[int, Finding]]:
        return [
            (place, finding)
            for place, finding in enumerate(self.findings)
            if finding.code and (finding.assertion == "present" or holds_of_patient(finding))
        ]

    def asserted(self, *assertions: Assertion) -> list[tuple[int, Finding]]:
        """The findings that have a code and are asserted so ("possible", ...; not "present"), with their places."""
        found = [told for assertion in assertions for told in self._asserted.get(assertion, ())]
        return sorted(found, key=itemgetter(0)) if len(assertions) > 1 else found

    @cached_property
    def _asserted(self) -> dict[Assertion, list[tuple[int, Finding]]]:
        asserted: dict[Assertion, list[tuple[int, Finding]]] = {}
        for place, finding in enumerate(self.findings):
            if finding.assertion != "present" and finding.code:
                asserted.setdefault(finding.assertion, []).append((place, finding))
        return asserted


Rule = Callable[[Draft], None]


def only_with(*beginnings: str) -> Callable[[Rule], Rule]:
    """Marks a rule that changes nothing unless a candidate begins so; where none ever did, it is not run.

    Most charts have nothing to do with most rules, and to find that out takes longer than this one question. No
    beginning is longer than a category.
    """
    needed = frozenset(beginnings)

    def marked(rule: Rule) -> Rule:
        @wraps(rule)
        def run(draft: Draft) -> None:
            if not needed.isdisjoint(draft.beginnings):
                rule(draft)

        return run

    return marked
