"""Tries as files that a process maps in: tables of steps (`scanning.StepTable`)."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable
from pathlib import Path

from chartcoder.coding.inner.scanning import MOST_SLOTS, StepTable

FULLEST = 0.7
"""Of a table's slots: with more, a step is looked for at many places."""


def write_steps(sequences: Iterable[tuple[Iterable[int], int]], path: Path) -> None:
    """Write a table of sequences of tokens, each with its number. Raises ValueError where they are too many for one."""
    held = [(tuple(tokens), number) for tokens, number in sequences]
    count = len({tokens[:length] for tokens, _ in held for length in range(1, len(tokens) + 1)})
    slots = 1 << int(count / FULLEST).bit_length()
    if slots > MOST_SLOTS:
        raise ValueError(f"{count:,} steps ask for a table of {slots:,} slots; it may have {MOST_SLOTS:,}")
    steps = array("Q", bytes(8 * slots))
    table = StepTable(steps)
    for tokens, number in held:
        table.add(tokens, number)
    path.write_bytes(steps.tobytes())


def read_steps(path: Path) -> memoryview:
    """The buffer of a table that was written, mapped in."""
    return memoryview(mapped(path)).cast("Q")


def mapped(path: Path) -> mmap.mmap:
    """A file's bytes, mapped in."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # shared: nobody writes
