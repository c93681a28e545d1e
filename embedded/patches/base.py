"""How a patch is put in place: by name, and never where the name is not there."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from chartcoder.errors import ChartcoderError

PINNED = "1.5.33"


class EmulatorChanged(ChartcoderError):
    """ministack's internals are not those the patches were written for."""


def replace(module: ModuleType, name: str, *parameters: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put the decorated function in the place of `module.name`, whose parameters must begin with `parameters`.

    The decorated function is given the original as its first argument.

    Raises:
        EmulatorChanged: when there is no such function or it takes other parameters.
    """
    original = getattr(module, name, None)
    if not callable(original):
        raise EmulatorChanged(f"{module.__name__}.{name} is not there: the patches are for ministack {PINNED}")
    found = tuple(inspect.signature(original).parameters)[: len(parameters)]
    if found != parameters:
        raise EmulatorChanged(f"{module.__name__}.{name} takes {found}, not {parameters}: see embedded/patches/base.py")

    def put(patch: Callable[..., Any]) -> Callable[..., Any]:
        def patched(*args: Any, **kwargs: Any) -> Any:
            return patch(original, *args, **kwargs)

        patched.__name__ = name
        setattr(module, name, patched)
        return patched

    return put


def replace_action(module: ModuleType, action: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `replace`, for a Query-protocol handler that the module also keeps in its table of actions."""
    table = getattr(module, "_ACTION_MAP", {})
    if table.get(action) is not getattr(module, name, None) or action not in table:
        raise EmulatorChanged(f"{module.__name__} does not serve {action} by {name}: the patches are for {PINNED}")

    def put(patch: Callable[..., Any]) -> Callable[..., Any]:
        patched = replace(module, name)(patch)
        table[action] = patched
        return patched

    return put


def require(module: ModuleType, *names: str) -> None:
    """Raises EmulatorChanged unless the module has every one of these names, which a patch reads."""
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise EmulatorChanged(f"{module.__name__} has no {', '.join(missing)}: the patches are for ministack {PINNED}")
