"""Tables of steps as files."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from chartcoder.coding.inner.scanning import PhraseTable
from chartcoder.coding.lexicon import step_files


def test_a_table_that_is_written_finds_its_sequences(tmp_path: Path) -> None:
    step_files.write_steps([((0x1001, 0x1002), 7)], tmp_path / "steps")
    found = PhraseTable(step_files.read_steps(tmp_path / "steps")).find(array("H", [0x1001, 0x1002, 0x1001]))
    assert list(zip(*found, strict=True)) == [(0, 2, 7)]


def test_more_steps_than_a_table_may_have_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_files, "MOST_SLOTS", 4)
    with pytest.raises(ValueError, match="4 steps ask for a table of 8 slots"):
        step_files.write_steps([((1, 2, 3, 4), 0)], tmp_path / "steps")
    assert not (tmp_path / "steps").exists()
