"""Synthetic charts by the thousand: pieces of the project's samples with other numbers, and a made-up patient in each.

Nobody has these names or numbers. They are what the canary looks for: none of them may be found outside the encrypted
stores.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

CANARIES = ("Quillfeather", "Osgoodly", "6619047", "10/31/1947", "19471031", "Brambleshank")
"""Of each identity: surname, given name, the record number's beginning, the birth date in two forms, the street."""

LONG_SHARE, LONG_BLOCKS = 0.01, 400  # a chart of some hundred thousand characters, now and then
BAD_EVERY = 60  # one chart of so many cannot be read, and must end as a failure
NUMBER = re.compile(r"\d+")


class Writer:
    """Writes charts from samples; the same seed and number give the same chart."""

    def __init__(self, samples: Path, seed: int) -> None:
        """`samples`: a folder of .txt files; there must be one at least."""
        texts = [path.read_text() for path in sorted(samples.glob("*.txt"))]
        self._blocks = [block for text in texts for block in text.split("\n\n") if block.strip()]
        self._seed = seed

    def write(self, number: int, *, version: int = 0) -> bytes:
        """The chart of this number; another version is another text."""
        rng = random.Random(f"{self._seed}/{number}/{version}")  # noqa: S311 - made-up charts
        if self.is_bad(number):
            return rng.choice([b"", rng.randbytes(2000)])
        blocks: Sequence[str] = rng.choices(
            self._blocks, k=LONG_BLOCKS if rng.random() < LONG_SHARE else rng.randint(2, 5)
        )
        name, record = "Osgoodly Quillfeather", f"MRN-6619047{number:06d}"
        head = f"Patient: {name}. {record}. DOB: 10/31/1947. Lives at {rng.randint(1, 99)} Brambleshank Row."
        return "\n\n".join(
            [head, *(NUMBER.sub(lambda found: _another(found.group(), rng), one) for one in blocks)]
        ).encode()

    def is_bad(self, number: int) -> bool:
        """Whether the chart of this number is one that nobody can read."""
        return number % BAD_EVERY == BAD_EVERY - 1


def _another(digits: str, rng: random.Random) -> str:
    """A number of as many digits, or now and then the same."""
    if rng.random() < 0.3 or digits.startswith("0"):
        return digits
    return str(rng.randint(10 ** (len(digits) - 1), 10 ** len(digits) - 1))
