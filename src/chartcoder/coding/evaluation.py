"""How well the coder does on charts that experts coded: what a site needs to know before it trusts it.

Micro precision, recall and F1 over (chart, code) pairs, at the full code and at the three-character category, each
with a 95 % bootstrap interval of F1 over charts; and the commonest misses and false codes, with their evidence.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from chartcoder.chart import CodedChart

Answer = Literal["codes", "findings"]
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Scores:
    """Micro-averaged; `f1_low` and `f1_high` bound F1 at 95 %."""

    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`levels` by "full code" and "category"; misses and false codes as (code, charts) from the commonest down."""

    charts: int
    levels: dict[str, Scores]
    missed: list[tuple[str, int]]
    false: list[tuple[str, int]]
    by_chapter: dict[str, Scores]


def predicted_codes(coded: CodedChart, answer: Answer) -> set[str]:
    """The codes an answer gives: the list to bill, or the code of every finding that is present."""
    if answer == "codes":
        return {billed.code for billed in coded.codes}
    return {finding.code for finding in coded.findings if finding.code and finding.assertion == "present"}


def evaluate(gold: Mapping[str, set[str]], coded: Iterable[CodedChart], *, answer: Answer = "codes") -> Evaluation:
    """Score coded charts against gold codes by chart id. A gold chart that was not coded counts as no codes."""
    predicted = {chart.id: predicted_codes(chart, answer) for chart in coded}
    pairs = [(wanted, predicted.get(chart, set())) for chart, wanted in gold.items()]
    missed, false = Counter[str](), Counter[str]()
    for wanted, got in pairs:
        missed.update(wanted - got)
        false.update(got - wanted)
    chapters = sorted({code[0] for wanted, _ in pairs for code in wanted})
    return Evaluation(
        charts=len(pairs),
        levels={"full code": _score(pairs, 8), "category": _score(pairs, 3)},
        missed=missed.most_common(),
        false=false.most_common(),
        by_chapter={
            letter: _score([({c for c in w if c[0] == letter}, {c for c in g if c[0] == letter}) for w, g in pairs], 8)
            for letter in chapters
        },
    )


def _score(pairs: list[tuple[set[str], set[str]]], length: int) -> Scores:
    counts = []
    for wanted, got in pairs:
        wanted_level = {code[:length] for code in wanted}
        got_level = {code[:length] for code in got}
        counts.append((len(wanted_level & got_level), len(got_level), len(wanted_level)))
    draw = random.Random(0)  # noqa: S311 (a bootstrap, not a secret)
    resampled = sorted(_precision_recall_f1(draw.choices(counts, k=len(counts)))[2] for _ in range(RESAMPLES))
    precision, recall, f1 = _precision_recall_f1(counts)
    return Scores(precision, recall, f1, resampled[RESAMPLES // 40], resampled[-RESAMPLES // 40])


def _precision_recall_f1(counts: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    hits, predicted, gold = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    precision = hits / predicted if predicted else 0.0
    recall = hits / gold if gold else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0
