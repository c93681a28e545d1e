"""Holds the simulation to real runs of the embedded cloud.

    python -m bench.scale.check                       200, 1,000 and 3,000 charts on two workers
    python -m bench.scale.check --charts 500,2000 --engine medspacy

How fast this machine is just now (a worker's rate, how long booting and Ansible take) is taken from one of the runs,
the middle one; the others are foretold with it, for as many processors as they had beside what else runs here. The
embedded cloud has none of AWS's limits, so what is held to reality is the fleet: who asks when, how the run is sized,
how long it codes, when it ends, and how many requests it makes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from bench.scale.figures import EMBEDDED, REQUESTS_A_CHART, Figures
from bench.scale.model import Simulation, Told
from bench.scale.real import PROJECT, RealRun, run
from chartcoder.settings import Settings
from embedded.cloud import LOOPBACK_PARAMETERS

TICK = 0.05


def rate_of(real: RealRun) -> float:
    """Charts a minute and worker."""
    return 60 * real.charts / real.coding_seconds / real.workers


def figures_of(measured: RealRun, *, processors: float) -> Figures:
    """The embedded cloud's figures on this machine, as one run has shown them, for a run on so many processors."""
    boot = measured.sized - measured.launched
    drained = 4 * int(LOOPBACK_PARAMETERS["WatchSeconds"])
    return replace(
        EMBEDDED,
        charts_a_minute=rate_of(measured) * processors / measured.processors,
        alarm_minutes=(measured.launched / 60,) * 3,
        watchdog_minutes=60.0,  # here it is the alarm that asks
        boot_minutes=(boot / 60,) * 3,
        round_seconds=max(0.0, measured.first_result - measured.sized - boot),
        closing_seconds=max(0.0, measured.closed - measured.coded - drained),
    )


def foretell(real: RealRun, figures: Figures, *, seed: int) -> Told:
    """The simulation of a run like this one: as many charts, uploaded as fast, on as many workers."""
    settings = Settings(
        **dict.fromkeys(Settings.required(), "-"),
        min_workers=real.workers,
        max_workers=real.workers,
        watch_seconds=int(LOOPBACK_PARAMETERS["WatchSeconds"]),
    )
    uploads = real.charts / max(real.uploaded, TICK)
    return Simulation(real.charts, settings, figures, uploads_a_second=uploads, tick=TICK, seed=seed).run()


def compare(real: RealRun, told: Told) -> list[tuple[str, float, float]]:
    """(what, foretold, real)."""
    times = [
        ("first decision, s", told.sized_at, real.sized),
        ("first result, s", told.first_result_at, real.first_result),
        ("coding, s", told.coded_at - told.first_result_at, real.coding_seconds),
        ("last result, s", told.coded_at, real.coded),
        ("run closed, s", told.closed_at, real.closed),
        ("workers", told.workers, real.workers),
        ("rounds", told.rounds, real.rounds),
    ]
    requests = [(name, a_chart * real.charts, real.requests.get(name, 0)) for name, a_chart in REQUESTS_A_CHART.items()]
    return times + requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", default="200,1000,3000", help="sizes, by commas")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="compiled")
    parser.add_argument("--folder", type=Path, default=PROJECT / "samples" / "charts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.charts.split(","))
    real = [run(size, workers=options.workers, engine=options.engine, folder=options.folder) for size in sizes]
    measured = real[len(real) // 2]
    print(f"{rate_of(measured):,.0f} charts a minute and worker, measured at {measured.charts:,} charts\n")
    print("| charts | | foretold | real | deviation |\n| --- | --- | --- | --- | --- |")
    for one in real:
        figures = figures_of(measured, processors=one.processors or measured.processors)
        for what, foretold, found in compare(one, foretell(one, figures, seed=options.seed)):
            off = f"{100 * (foretold - found) / found:+.0f} %" if found else "-"
            print(f"| {one.charts:,} | {what} | {foretold:,.1f} | {found:,.1f} | {off} |")
    for one in real:
        main_ms, coding_ms = (1000 * seconds / one.charts for seconds in (one.worker_cpu, one.coding_cpu))
        print(
            f"\n{one.charts:,} charts on {one.processors:.1f} processors: "
            f"{main_ms:.1f} ms of a worker's main process each, {coding_ms:.1f} ms of coding"
        )
        print("  " + ", ".join(f"{name} {count / one.charts:.3f}" for name, count in sorted(one.requests.items())))


if __name__ == "__main__":
    main()
