"""Simulates loads of charts, with AWS's published limits and the fleet's own decisions.

    python -m bench.scale                                    ten thousand, a million, a hundred million charts
    python -m bench.scale --charts 1e8 --set max_workers=200 --figure spot_vcpus=2000 --batches 100
    python -m bench.scale --sources                          every figure, and where it is from

Each load is simulated twice: in a new account with the template's defaults, and with the settings that it asks for.
The same seed gives the same figures.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from bench.scale.costs import by_service
from bench.scale.figures import Figures
from bench.scale.limits import REMEDIES
from bench.scale.model import Simulation, Told
from chartcoder.settings import Settings

LOADS = (1e4, 1e6, 1e8)
RAISED: dict[float, tuple[dict[str, Any], dict[str, Any], int]] = {
    1e4: ({}, {"spot_vcpus": 64, "on_demand_vcpus": 64}, 1),
    1e6: ({}, {"spot_vcpus": 64, "on_demand_vcpus": 64}, 10),
    1e8: (
        {"max_workers": 100, "budget_usd": 500.0, "budget_usd_per_day": 1000.0, "target_minutes": 240},
        {"spot_vcpus": 512, "on_demand_vcpus": 64, "table_units": 40_000.0, "table_units_most": 120_000.0},
        100,
    ),
}
"""For each load the settings and quotas that were moved, and how many batches it comes in."""


def settings(**changed: Any) -> Settings:
    """The template's defaults, with what was changed."""
    return Settings(**dict.fromkeys(Settings.required(), "-"), **changed)


def simulate(charts: float, *, changed: dict[str, Any], moved: dict[str, Any], batches: int, seed: int) -> Told:
    """One load, with settings `changed` and figures `moved`."""
    return Simulation(int(charts), settings(**changed), replace(Figures(), **moved), batches=batches, seed=seed).run()


def duration(seconds: float) -> str:
    """As people say it."""
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 72 * 60 else f"{minutes / 60 / 24:.1f} d"


def row(name: str, told: Told) -> list[str]:
    """A simulated load's row of the table."""
    usd = by_service(told)
    compute = usd["EC2 workers"] + usd["EC2 master"]
    total = sum(usd.values())
    first, longest = told.first_limit, told.longest_limit
    hit = f"{first} at {duration(told.hits[first].first_at)}" if first else "none"
    held = f"{longest}, {duration(told.hits[longest].seconds)}" if longest else "none"
    return [
        f"{told.charts:,}", name, duration(told.coded_at), str(told.workers), str(told.runs), f"{compute:.2f}",
        f"{usd['S3']:.2f}", f"{usd['SQS']:.2f}", f"{usd['DynamoDB']:.2f}", f"{usd['KMS'] + usd['VPC endpoints']:.2f}",
        f"{total:.2f}", f"{1e6 * total / told.charts:.2f}", hit, held,
    ]  # fmt: skip


HEAD = ["charts", "account", "coded after", "workers", "runs", "EC2", "S3", "SQS", "DynamoDB", "KMS, VPC", "USD",
        "a million", "first limit hit", "held longest"]  # fmt: skip


def table(rows: list[list[str]]) -> str:
    """Markdown, in columns."""
    widths = [max(len(line[n]) for line in [HEAD, *rows]) for n in range(len(HEAD))]
    lines = [HEAD, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines)


def limits(told: Told) -> str:
    """Every limit that was hit, and the setting that moves it."""
    return "\n".join(
        f"  {name}: from {duration(hit.first_at)} on, for {duration(hit.seconds)}; "
        f"moved by {REMEDIES.get(name, 'whoever uploads')}"
        for name, hit in sorted(told.hits.items(), key=lambda item: item[1].first_at)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", type=float, help="one load instead of three, as 1e8")
    parser.add_argument("--batches", type=int, default=1, help="that the load comes in; each is a prefix and a key")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=N", help="as max_workers=200")
    parser.add_argument("--figure", action="append", default=[], metavar="FIGURE=N", help="as spot_vcpus=2000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sources", action="store_true", help="every figure, and where it is from")
    options = parser.parse_args()
    if options.sources:
        for name, source in Figures.sources().items():
            print(f"{name} = {getattr(Figures(), name)}: {source}")
        return
    if options.charts:
        given = (_numbers(options.set), _numbers(options.figure), options.batches)
        cases = [(options.charts, "as given", *given)]
    else:
        cases = [
            case for load in LOADS for case in ((load, "new, defaults", {}, {}, 1), (load, "raised", *RAISED[load]))
        ]
    simulated = [
        (name, simulate(charts, changed=changed, moved=moved, batches=batches, seed=options.seed))
        for charts, name, changed, moved, batches in cases
    ]
    print(table([row(name, told) for name, told in simulated]))
    for name, told in simulated:
        print(f"\n{told.charts:,} charts, {name}: {told.lost} Spot workers lost, {told.rounds} rounds of launching")
        print(limits(told) or "  no limit")


def _numbers(given: list[str]) -> dict[str, Any]:
    pairs = (pair.partition("=") for pair in given)
    return {name: float(value) if "." in value else int(value) for name, _, value in pairs}


if __name__ == "__main__":
    main()
