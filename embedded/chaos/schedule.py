"""What goes wrong when, drawn from a seed: the same seed, the same faults in the same order after the same pauses.

What they hit is drawn from the same seed too, but of what runs at that moment; and no two runs are alike in that.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from embedded.chaos.kinds import Kind

LONG_STORM = 60  # faults: from so many on there is time for those that take a minute


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: how long after the one before it, and the seed of all that it draws."""

    number: int
    pause: float  # seconds
    kind: Kind
    seed: int

    @property
    def name(self) -> str:
        return f"fault-{self.number}"


def plan(kinds: Sequence[Kind], faults: int, *, seed: int, pause: float) -> Iterator[Planned]:
    """Faults without end: `faults` of them as dealt, then again, for those that found nothing to hit.

    Args:
        pause: seconds between two faults on average.
    """
    rng = random.Random(f"faults/{seed}")  # noqa: S311 - a schedule, not a secret
    numbers = count()
    while True:
        for kind in deal(kinds, faults, rng):
            yield Planned(next(numbers), rng.uniform(0.4, 1.6) * pause, kind, rng.randrange(2**32))


def deal(kinds: Sequence[Kind], faults: int, rng: random.Random) -> list[Kind]:
    """So many faults by the kinds' weights, in random order: each kind once at least where there are enough."""
    kinds = [kind for kind in kinds if faults >= LONG_STORM or not kind.long]
    if faults < len(kinds):
        dealt: list[Kind] = []
        left = list(kinds)
        while len(dealt) < faults:
            dealt.append(left.pop(rng.choices(range(len(left)), [kind.weight for kind in left])[0]))
        return dealt
    total = sum(kind.weight for kind in kinds)
    dealt = [kind for kind in kinds for _ in range(max(1, int(kind.weight / total * faults)))][:faults]
    dealt += rng.choices([kind for kind in kinds if not kind.long], k=faults - len(dealt))
    rng.shuffle(dealt)
    return dealt
