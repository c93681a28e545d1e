"""An evaluation, collected chart by chart, and what it amounts to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from chartcoder.chart import CodedChart
from chartcoder.coding.evaluation.chapters import chapter_of
from chartcoder.coding.evaluation.gold import GoldChart
from chartcoder.coding.evaluation.mistakes import Answer, Mistake, given_codes, mistakes_of, not_coded
from chartcoder.coding.evaluation.scores import (
    LEVELS,
    Numbers,
    Pair,
    Scores,
    Tally,
    by_code,
    by_group,
    macro,
    micro,
    resamples,
)
from chartcoder.coding.terminology import Terminology

By = Literal["specialty", "code", "category", "chapter"]
BY: tuple[By, ...] = get_args(By)
ANSWERS: tuple[Answer, ...] = get_args(Answer)
AVERAGES: dict[str, Callable[[Tally, list[Numbers]], Scores]] = {"micro": micro, "macro": macro}


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a breakdown."""

    name: str
    description: str
    charts: int
    scores: Scores


class Evaluation:
    """Collects what the coder gives against what was wanted.

    Args:
        terminology: of the release the charts are coded with.
        answer: whose mistakes are listed and whose scores are broken down; both answers are scored.
        with_text: whether mistakes carry the chart's words (protected health information).
    """

    def __init__(self, terminology: Terminology, *, answer: Answer = "codes", with_text: bool = False) -> None:
        self._terminology, self._answer, self._with_text = terminology, answer, with_text
        self._gold: list[GoldChart] = []
        self._given: list[dict[Answer, set[str]]] = []
        self._made_by: dict[str, str] = {}
        self.failed: list[tuple[str, str]] = []
        self.mistakes: list[Mistake] = []

    def add(self, gold: GoldChart, coded: CodedChart) -> None:
        """A chart that was coded."""
        self._gold.append(gold)
        self._given.append({answer: given_codes(coded, answer) for answer in ANSWERS})
        self._made_by = {"coder": coded.coder, "engine": coded.engine, "release": coded.release}
        wanted = _wanted(gold, self._answer)
        self.mistakes += mistakes_of(coded, wanted, self._answer, with_text=self._with_text)

    def add_failure(self, gold: GoldChart, reason: str) -> None:
        """A chart that could not be coded: it counts as one without any code."""
        self._gold.append(gold)
        self._given.append({answer: set() for answer in ANSWERS})
        self.failed.append((gold.id, reason))
        self.mistakes += not_coded(gold.id, _wanted(gold, self._answer), reason)

    def report(self, *, by: By | None = None) -> dict[str, Any]:
        """Everything as a JSON object: what was measured on, scores by answer, level and average, the breakdown
        asked for, and the mistakes by code, the commonest first."""
        draws = resamples(len(self._gold))
        unknown = Counter(code for gold in self._gold for code in gold.codes if code not in self._terminology)
        return {
            **self._made_by,
            "charts": len(self._gold),
            "failed": [{"chart": chart, "reason": reason} for chart, reason in self.failed],
            "gold_codes_not_in_release": dict(sorted(unknown.items())),
            "findings_scored_against": "findings" if any(g.findings is not None for g in self._gold) else "codes",
            "scores": {
                answer: {
                    level: {name: asdict(average(tally, draws)) for name, average in AVERAGES.items()}
                    for level in LEVELS
                    for tally in [Tally(self._pairs(answer), level)]
                }
                for answer in ANSWERS
            },
            "answer": self._answer,
            "by": by,
            "groups": [asdict(group) for group in self._groups(by, draws)] if by else [],
            "missed": list(self._by_code("missed")),
            "false": list(self._by_code("false")),
        }

    def _pairs(self, answer: Answer) -> list[Pair]:
        return [(_wanted(gold, answer), given[answer]) for gold, given in zip(self._gold, self._given, strict=True)]

    def _groups(self, by: By, draws: list[Numbers]) -> list[Group]:
        tally = Tally(self._pairs(self._answer), "category" if by == "category" else "full code")
        names = [self._group_of(by, chart, code) for chart, code in zip(tally.chart, tally.codes, strict=True)]
        scores = by_code(tally) if by in ("code", "category") else by_group(tally, draws, names)
        charts: dict[str, set[int]] = defaultdict(set)
        for name, chart in zip(names, tally.chart, strict=True):
            charts[name].add(int(chart))
        groups = [Group(name, self._terminology.description(name), len(charts[name]), scores[name]) for name in scores]
        return sorted(groups, key=lambda group: (-group.scores.gold, -group.scores.predicted, group.name))

    def _group_of(self, by: By, chart: int, code: str) -> str:
        match by:
            case "specialty":
                return self._gold[chart].specialty
            case "chapter":
                return chapter_of(code)
        return code

    def _by_code(self, kind: str) -> Iterator[dict[str, Any]]:
        """Mistakes of a kind by code, with how often and why."""
        held: dict[str, list[Mistake]] = defaultdict(list)
        for mistake in self.mistakes:
            if mistake.kind == kind:
                held[mistake.code].append(mistake)
        for code, mistakes in sorted(held.items(), key=lambda item: (-len(item[1]), item[0])):
            yield {
                "code": code,
                "description": self._terminology.description(code),
                "charts": len(mistakes),
                "why": dict(Counter(mistake.why for mistake in mistakes).most_common()),
                "cases": [_case(mistake) for mistake in mistakes],
            }


def _case(mistake: Mistake) -> dict[str, Any]:
    case = asdict(mistake)
    del case["kind"], case["code"]
    return case


def _wanted(gold: GoldChart, answer: Answer) -> set[str]:
    """The gold of an answer; where experts gave no findings, the codes are the nearest there is."""
    return set(gold.codes if answer == "codes" or gold.findings is None else gold.findings)
