"""The innermost loops twice: as machine code, and as Python runs them where there is no compiler."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from types import ModuleType

from chartcoder.coding import machine_code


@cache
def from_source(name: str) -> ModuleType:
    """A module of `chartcoder.coding.inner`, run from its source."""
    source = machine_code.FOLDER / "inner" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{name}_from_source", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def both(name: str) -> tuple[ModuleType, ModuleType]:
    """A module as it is imported, which is machine code where there is a compiler, and from source."""
    return importlib.import_module(f"chartcoder.coding.inner.{name}"), from_source(name)
