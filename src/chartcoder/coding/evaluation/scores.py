"""Precision, recall and F1 with 95 % intervals, over (chart, code) pairs.

Micro averages count pairs; macro averages are the unweighted mean over the codes that occur in gold or prediction, a
code that was never predicted, or never wanted, counting as 0. Intervals are percentiles of a bootstrap over charts
(1,000 resamples, fixed seed), since the codes of one chart are not independent; those of a single code, which a chart
has or has not, are Wilson's score intervals (Wilson, 1927), which hold for the few charts that a code often has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
TAIL = RESAMPLES // 40  # 2.5 % at either end
Z95 = 1.959963984540054  # the standard normal's 97.5 % quantile

LEVELS = {"full code": 8, "category": 3}
"""How many characters of a code count at each level."""

Numbers = NDArray[np.float64]
Pair = tuple[set[str], set[str]]
"""The codes that were wanted of a chart, and those it got."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure, and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """How well predictions meet the gold: `gold` wanted, `predicted` given, `hits` both, counted in pairs."""

    gold: int
    predicted: int
    hits: int
    precision: Measure
    recall: Measure
    f1: Measure


class Tally:
    """Every (chart, code) that was wanted or given, at one level, as arrays that can be counted over and over."""

    def __init__(self, pairs: Sequence[Pair], level: str) -> None:
        length = LEVELS[level]
        rows = [
            (chart, code, code in wanted, code in got)
            for chart, (wanted, got) in enumerate(({c[:length] for c in w}, {c[:length] for c in g}) for w, g in pairs)
            for code in sorted(wanted | got)
        ]
        self.charts = len(pairs)
        self.codes = [code for _, code, _, _ in rows]
        self.chart = np.array([chart for chart, _, _, _ in rows], dtype=np.intp)
        self._gold = np.array([gold for _, _, gold, _ in rows], dtype=np.float64)
        self._got = np.array([got for _, _, _, got in rows], dtype=np.float64)

    def count(self, groups: NDArray[np.intp], number: int, weights: Numbers) -> Numbers:
        """Hits, predicted and gold of each of `number` groups (rows), each chart counted `weights` times."""
        weight = weights[self.chart]
        columns = (self._gold * self._got, self._got, self._gold)
        return np.stack([np.bincount(groups, weight * column, minlength=number) for column in columns], axis=1)


def resamples(charts: int) -> list[Numbers]:
    """How often each chart is drawn in each resample."""
    draw = random.Random(0)  # noqa: S311 (a bootstrap, not a secret)
    numbers = range(charts)
    return [np.bincount(draw.choices(numbers, k=charts), minlength=charts).astype(float) for _ in range(RESAMPLES)]


def micro(tally: Tally, draws: list[Numbers]) -> Scores:
    """All pairs counted alike."""
    return by_group(tally, draws, [""] * len(tally.codes)).get("") or _scores(np.zeros(3), [(0.0, 0.0)] * 3)


def macro(tally: Tally, draws: list[Numbers]) -> Scores:
    """All codes counted alike, however rare."""
    names, groups = _numbered(tally.codes)
    everything = tally.count(groups, len(names), np.ones(tally.charts))
    figures = [_mean(tally.count(groups, len(names), weights)) for weights in draws]
    return _scores(everything.sum(axis=0), _bounds(np.array(figures)), values=_mean(everything))


def by_group(tally: Tally, draws: list[Numbers], group_of_pair: Sequence[str]) -> dict[str, Scores]:
    """Micro scores of groups that hold several codes a chart, such as specialties and chapters."""
    names, groups = _numbered(group_of_pair)
    everything = tally.count(groups, len(names), np.ones(tally.charts))
    resampled = np.array([_ratios(tally.count(groups, len(names), weights)) for weights in draws])
    return {name: _scores(everything[place], _bounds(resampled[:, place])) for place, name in enumerate(names)}


def by_code(tally: Tally) -> dict[str, Scores]:
    """The scores of each code."""
    names, groups = _numbered(tally.codes)
    counts = tally.count(groups, len(names), np.ones(tally.charts))
    return {name: _scores(row, _wilson_bounds(row)) for name, row in zip(names, counts, strict=True)}


def _numbered(names: Iterable[str]) -> tuple[list[str], NDArray[np.intp]]:
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(name, len(numbers)) for name in names]
    return list(numbers), np.array(groups, dtype=np.intp)


def _ratios(counts: Numbers) -> Numbers:
    """Precision, recall and F1 of rows of hits, predicted and gold; 0 where there is nothing to divide by."""
    hits, predicted, gold = counts[..., 0], counts[..., 1], counts[..., 2]
    parts = ((hits, predicted), (hits, gold), (2 * hits, predicted + gold))
    return np.stack([np.divide(top, under, out=np.zeros_like(top), where=under > 0) for top, under in parts], axis=-1)


def _mean(counts: Numbers) -> Numbers:
    occurring = counts[counts[:, 1] + counts[:, 2] > 0]
    return _ratios(occurring).mean(axis=0) if len(occurring) else np.zeros(3)


def _bounds(resampled: Numbers) -> list[tuple[float, float]]:
    """The middle 95 % of each column."""
    ordered = np.sort(resampled, axis=0)
    return [(float(ordered[TAIL, column]), float(ordered[-TAIL - 1, column])) for column in range(3)]


def _wilson_bounds(counts: Numbers) -> list[tuple[float, float]]:
    """Of one code. F1 rises with the hits' share of all charts that have the code in gold or prediction, a proportion
    too: with share s it is 2 s / (1 + s)."""
    hits, predicted, gold = counts
    share = _wilson(hits, predicted + gold - hits)
    as_f1: Callable[[float], float] = lambda s: 2 * s / (1 + s)  # noqa: E731
    return [_wilson(hits, predicted), _wilson(hits, gold), (as_f1(share[0]), as_f1(share[1]))]


def _wilson(hits: float, trials: float) -> tuple[float, float]:
    if trials == 0:
        return 0.0, 1.0
    share, squared = hits / trials, Z95**2
    middle = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = Z95 / (1 + squared / trials) * sqrt(share * (1 - share) / trials + squared / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _scores(counts: Numbers, bounds: list[tuple[float, float]], *, values: Numbers | None = None) -> Scores:
    hits, predicted, gold = (int(count) for count in counts)
    figures = _ratios(counts) if values is None else values
    measures = [Measure(float(figure), *bound) for figure, bound in zip(figures, bounds, strict=True)]
    return Scores(gold, predicted, hits, *measures)
