"""The machine code is of today's sources, and what Python imports."""

from __future__ import annotations

import importlib

import pytest

from chartcoder.coding import machine_code


def test_the_libraries_are_made_of_these_sources() -> None:
    if missing := machine_code.what_is_missing():
        pytest.skip(f"no machine code here, where {missing} is missing")
    assert all(library.exists() for library in machine_code.libraries()), "`make setup` makes the machine code"
    assert not machine_code.is_of_other_sources()
    for source, library in zip(machine_code.SOURCES, machine_code.libraries(), strict=True):
        assert importlib.import_module(machine_code.module_of(source)).__file__ == str(library)
