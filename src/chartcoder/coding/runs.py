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

Points: TypeAlias = NDArray[np.uint8] | NDArray[np.uint32]
Offsets: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

BLOCK = 1 << 13
"""Weights that are kept; they begin anew behind the last. A run that stands there has another key, and is read anew."""
BASE = 0x9E37_79B9_7F4A_7C15  # odd, so that it has an inverse
BITS = 64

WEIGHTS = np.cumprod(np.full(BLOCK, BASE, np.uint64))  # BASE ** 1 and up: the upper bits of all keys are well mixed
INVERSES = np.cumprod(np.full(BLOCK, pow(BASE, -1, 1 << BITS), np.uint64)) * np.uint64(BASE)  # BASE ** 0 and down

IN_WORDS = bytes(chr(point).isalnum() for point in range(0x100))
LAST_OF_PLANE = 0xFFFF  # of Unicode's first plane; no letter itself


class Runs(NamedTuple):
    """The runs of a text in order: run i is text[bounds[i] : bounds[i + 1]]."""

    bounds: Offsets
    keys: Keys


def cut(text: str) -> Runs:
    """The runs of a text that is not empty: the longest stretches of letters and digits, and those between them."""
    text = text.replace("\0", "\1")  # every character weighs something
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        in_words = _in_words(points).tobytes()
    else:
        points = np.frombuffer(latin, np.uint8)
        in_words = latin.translate(IN_WORDS)
    kinds = np.frombuffer(b"\2" + in_words + b"\2", np.uint8)
    bounds = (kinds[1:] != kinds[:-1]).nonzero()[0]
    sums = _sums(points)[bounds]
    return Runs(bounds, (sums[1:] - sums[:-1]) * INVERSES.take(bounds[:-1], mode="wrap"))


def _sums(points: Points) -> Keys:
    """The weighted sum of the characters before each place, modulo 2 ** 64."""
    sums = np.zeros(len(points) + 1, np.uint64)
    weights = WEIGHTS[: len(points)] if len(points) <= BLOCK else np.resize(WEIGHTS, len(points))
    np.multiply(points, weights, out=sums[1:])
    return np.cumsum(sums, out=sums)


def _in_words(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which code points are letters or digits."""
    found: NDArray[np.bool_] = _letters_of_first_plane()[np.minimum(points, LAST_OF_PLANE)]
    for place in (points > LAST_OF_PLANE).nonzero()[0].tolist():
        found[place] = chr(points[place]).isalnum()
    return found


@cache
def _letters_of_first_plane() -> NDArray[np.bool_]:
    return np.fromiter((chr(point).isalnum() for point in range(LAST_OF_PLANE + 1)), np.bool_)
