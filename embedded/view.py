"""How a run looks in the terminal: live while it goes on, plain lines where nobody watches, tables at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from embedded.observing import STAGES, Snapshot

_COLOURS = {"ALARM": "bold red", "OK": "green", "running": "green", "pending": "yellow", "terminated": "dim"}
_MARKS = {"ok": ("✓", "green"), "started": ("…", "yellow"), "failed": ("✗", "bold red")}
SHOWN_INSTANCES = 12


def live(snapshot: Snapshot) -> Panel:
    """The live view of one look."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column()
    facts.add_row("charts", _progress(snapshot))
    facts.add_row("queue", _queue(snapshot))
    facts.add_row("alarms", _alarms(snapshot))
    facts.add_row("run", _run(snapshot))
    facts.add_row("stages", _stages(snapshot))
    facts.add_row("cost", f"{snapshot.cost_usd:.4f} USD so far, by AWS's list prices")
    title = f"chartcoder · {snapshot.seconds:.0f} s"
    return Panel(Group(facts, Text(), _instances(snapshot)), title=title, title_align="left", padding=(1, 2))


def _progress(snapshot: Snapshot) -> Table:
    line = Table.grid(padding=(0, 1))
    line.add_row(
        ProgressBar(total=max(snapshot.submitted, 1), completed=snapshot.ended, width=32),
        f"{snapshot.ended} of {snapshot.submitted}",
        Text(f"{snapshot.coded} coded", style="green"),
        Text(f"{snapshot.failed} failed", style="red" if snapshot.failed else "dim"),
    )
    return line


def _queue(snapshot: Snapshot) -> str:
    counts = f"{snapshot.waiting} waiting · {snapshot.in_flight} in flight · {snapshot.delayed} delayed"
    return f"{counts} · {snapshot.dead_letters} dead letters"


def _alarms(snapshot: Snapshot) -> Text:
    pairs = [Text.assemble(f"{name} ", (state, _COLOURS.get(state, ""))) for name, state in snapshot.alarms.items()]
    return Text("   ").join(pairs)


def _run(snapshot: Snapshot) -> str:
    run = snapshot.run
    if run is None:
        return "none yet"
    asked = "; ".join(f"{a['by']}: {a['outcome']}" for a in run["asked"])
    return f"{run['run']} {run['state']} ({asked})"


def _stages(snapshot: Snapshot) -> Text:
    outcomes = {s["stage"]: s["outcome"] for s in snapshot.run["stages"]} if snapshot.run else {}
    parts = []
    for stage in STAGES:
        mark, style = _MARKS.get(outcomes.get(stage, ""), ("·", "dim"))
        parts.append(Text(f"{stage.replace('_', ' ')} {mark}", style=style))
    return Text("  ").join(parts)


def _instances(snapshot: Snapshot) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("instance", "role", "type", "market", "state"):
        table.add_column(column)
    for column in ("coded", "failed"):
        table.add_column(column, justify="right")
    # the living first, masters before workers
    shown = sorted(snapshot.instances, key=lambda i: (i.state == "terminated", i.role, i.launched_at))
    for instance in shown[:SHOWN_INSTANCES]:
        work: dict[str, Any] = snapshot.workers.get(instance.id, {})
        state = Text(instance.state, style=_COLOURS.get(instance.state, ""))
        counts = [str(work.get(name, "")) for name in ("coded", "failed")]
        table.add_row(instance.id, instance.role, instance.kind, instance.market, state, *counts)
    if len(shown) > SHOWN_INSTANCES:
        table.add_row(f"and {len(shown) - SHOWN_INSTANCES} more")
    return table


class PlainLines:
    """For output that is not a terminal: one line where something changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: tuple[Any, ...] = ()
        self._stages_said = 0

    def show(self, snapshot: Snapshot) -> None:
        """Print what is new since the last look."""
        run = snapshot.run
        stages = [
            f"{s['stage']} {s['outcome']}" + (f": {s['detail']}" if s["detail"] else "") for s in _all_stages(run)
        ]
        for line in stages[self._stages_said :]:
            self._say(snapshot, line)
        self._stages_said = len(stages)
        living = Counter(i.role for i in snapshot.alive)
        tenths = 10 * snapshot.ended // max(snapshot.submitted, 1)
        state = run["state"] if run else "no run yet"
        changing = (tuple(snapshot.alarms.items()), state, tuple(sorted(living.items())), tenths)
        if changing != self._said:
            self._said = changing
            alarms = ", ".join(f"{name} {value}" for name, value in snapshot.alarms.items())
            fleet = ", ".join(f"{count} {role}" for role, count in sorted(living.items())) or "no instance"
            self._say(
                snapshot,
                f"{snapshot.ended} of {snapshot.submitted} charts ended ({snapshot.failed} failed) · "
                f"queue {snapshot.waiting}+{snapshot.in_flight} · {alarms} · {state} · {fleet} · "
                f"{snapshot.cost_usd:.4f} USD",
            )

    def _say(self, snapshot: Snapshot, line: str) -> None:
        self._console.print(f"{snapshot.seconds:7.1f} s  {line}", highlight=False, soft_wrap=True)


def _all_stages(run: dict[str, Any] | None) -> list[dict[str, Any]]:
    return list(run["stages"]) if run else []


def results(charts: list[dict[str, Any]], *, submitted: int, shown: int) -> Table:
    """Charts and their codes to bill."""
    table = Table(title="Results", title_justify="left", title_style="bold")
    table.add_column("chart", overflow="fold")
    table.add_column("codes to bill", overflow="fold")
    for chart in charts[:shown]:
        name = chart["id"].partition("/")[2]
        if chart["state"] == "coded":
            table.add_row(name, " ".join(chart.get("codes") or ()) or Text("none", style="dim"))
        else:
            table.add_row(name, Text(f"failed, {chart['reason']}: {chart['message']}", style="red"))
    if submitted > shown:
        table.add_row(f"and {submitted - shown} more", "")
    return table


def runs(snapshot: Snapshot) -> Table:
    """Each run: who asked for it, what it did, what it cost."""
    table = Table(title="Runs", title_justify="left", title_style="bold")
    for column in ("run", "asked for by", "ended as", "workers", "cost (USD, list price)"):
        table.add_column(column, overflow="fold")
    for run in snapshot.runs:
        asked = "\n".join(f"{a['by']}: {a['outcome']}" for a in run["asked"])
        ended = f"{run['state']}, {run.get('reason') or 'no reason given'}"
        table.add_row(run["run"], asked, ended, str(run.get("workers_wanted", "")), f"{run.get('cost_usd', 0):.4f}")
    return table


def checks(found: dict[str, bool]) -> Table:
    """The proof, a line each."""
    table = Table.grid(padding=(0, 1))
    for what, holds in found.items():
        table.add_row(Text("✓", style="bold green") if holds else Text("✗", style="bold red"), what)
    return table
