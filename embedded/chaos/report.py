"""What a chaos run says at its end: a table for people, and the same as JSON."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.table import Table

from embedded.chaos.promises import Promise
from embedded.chaos.records import Journal, Struck


def as_dict(
    journal: Journal, promises: list[Promise], *, figures: dict[str, Any], memory: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """Everything that is told of a run."""
    return {
        **figures,
        "held": all(promise.held for promise in promises),
        "promises": [{"says": p.says, "held": p.held, "broken_by": p.broken_by} for p in promises],
        "faults": _by_kind(journal),
        "missed": len(journal.missed),
        "memory_mb": memory,
    }


def _by_kind(journal: Journal) -> dict[str, dict[str, Any]]:
    """By kind of fault: how many, what they hit, and how long it took to be over them."""
    by_kind: dict[str, list[Struck]] = defaultdict(list)
    for struck in journal.struck:
        by_kind[struck.planned.kind.name].append(struck)
    told: dict[str, dict[str, Any]] = {}
    for kind, many in sorted(by_kind.items()):
        seconds = [s for one in many if (s := journal.recovery(one)) is not None]
        told[kind] = {
            "faults": len(many),
            "hits": sum(one.hits for one in many),
            "recovered": len(seconds),
            "median_seconds": round(statistics.median(seconds), 1) if seconds else None,
            "most_seconds": round(max(seconds), 1) if seconds else None,
        }
    return told


def show(told: dict[str, Any], console: Console) -> None:
    """The report on a terminal."""
    faults = Table(title="faults, and seconds from each one's end until charts were coded again", title_justify="left")
    for name in ("kind", "faults", "hits", "recovered", "median s", "most s"):
        faults.add_column(name, justify="left" if name == "kind" else "right")
    for kind, row in told["faults"].items():
        faults.add_row(kind, *(("-" if value is None else str(value)) for value in row.values()))
    if told["faults"]:
        console.print(faults)
    memory = Table(title="memory of the longest-lived process of each kind, in MB", title_justify="left")
    for name in ("process", "first", "warm", "last", "most of any", "processes", "samples"):
        memory.add_column(name, justify="left" if name == "process" else "right")
    for kind, sizes in told["memory_mb"].items():
        memory.add_row(kind, *(f"{value:g}" for value in sizes.values()))
    console.print(memory)
    for promise in told["promises"]:
        mark = "[green]✓[/]" if promise["held"] else "[bold red]✗[/]"
        console.print(f"{mark} {promise['says']}", highlight=False)
        for broken in promise["broken_by"]:
            console.print(f"    {broken}", highlight=False, style="red", markup=False)
    figures = {name: value for name, value in told.items() if isinstance(value, int | float | str)}
    console.print(
        "\n" + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()), highlight=False
    )
