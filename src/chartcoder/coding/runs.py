"""A text cut into runs, words and what stands between two words, all at once: arrays of bounds and of keys.

A run's *key* stands for its characters: a number of 64 bits, the same wherever the run stands. So what is known of a
run is found in a table by its key (`encoding`), and no string is made of it.

The key is the run's polynomial hash, as in Rabin and Karp ("Efficient randomized pattern-matching algorithms", 1987):
character i of the text weighs BASE ** i, sums of weighted characters are taken from the text's beginning, the
difference of two is a run's, and dividing by the weight at its start makes it independent of the place. Two runs of the
same key are to be expected once in some billion different words.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Offsets: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

BLOCK = 1 << 13
"""Characters whose weights are kept, and summed up at once. A run over the end of a block has one more key."""
BASE = 0x9E37_79B9_7F4A_7C15  # odd, so that it has an inverse
BITS = 64

WEIGHTS = np.cumprod(np.full(BLOCK, BASE, np.uint64))
INVERSES = np.cumprod(np.full(BLOCK, pow(BASE, -1, 1 << BITS), np.uint64))

IN_WORDS = bytes(chr(point).isalnum() for point in range(0x100))
LAST_OF_PLANE = 0xFFFF  # of Unicode's first plane; no letter itself


class Runs(NamedTuple):
    """The runs of a text in order: run i is text[bounds[i] : bounds[i + 1]]."""

    bounds: Offsets
    keys: Keys


def cut(text: str) -> Runs:
    """The runs of a text that is not empty: the longest stretches of letters and digits, and those between them."""
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        in_words = _in_words(points).tobytes()
    else:
        points = np.frombuffer(latin, np.uint8)
        in_words = latin.translate(IN_WORDS)
    kinds = np.frombuffer(b"\2" + in_words + b"\2", np.uint8)
    bounds = np.flatnonzero(kinds[1:] != kinds[:-1])
    sums = _sums(points, bounds)
    return Runs(bounds, (sums[1:] - sums[:-1]) * INVERSES[bounds[:-1] % BLOCK])


def _sums(points: NDArray[np.uint8] | NDArray[np.uint32], bounds: Offsets) -> Keys:
    """The weighted sum of all characters before each bound, modulo 2 ** 64."""
    sums = np.zeros(len(bounds), np.uint64)
    before = np.zeros((), np.uint64)
    done = 1  # of the bounds; nothing stands before the first
    for start in range(0, len(points), BLOCK):
        weighted = np.add(points[start : start + BLOCK], 1, dtype=np.uint64)  # 1: a NUL weighs something too
        weighted *= WEIGHTS[: len(weighted)]
        np.cumsum(weighted, out=weighted)
        until = int(np.searchsorted(bounds, start + BLOCK, side="right"))
        sums[done:until] = weighted[bounds[done:until] - (start + 1)]
        sums[done:until] += before
        before += weighted[-1]
        done = until
    return sums


def _in_words(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which code points are letters or digits."""
    found: NDArray[np.bool_] = _letters_of_first_plane()[np.minimum(points, LAST_OF_PLANE)]
    for place in np.flatnonzero(points > LAST_OF_PLANE).tolist():
        found[place] = chr(points[place]).isalnum()
    return found


@cache
def _letters_of_first_plane() -> NDArray[np.bool_]:
    return np.fromiter((chr(point).isalnum() for point in range(LAST_OF_PLANE + 1)), np.bool_)
