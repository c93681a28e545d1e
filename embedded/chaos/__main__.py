"""`python -m embedded.chaos`: seeded faults on the embedded cloud, and whether every promise held.

make chaos SEED=7                                            5,000 charts, 200 faults
python -m embedded.chaos --charts 300 --faults 15 --seed 1   a short one
python -m embedded.chaos --charts 20000 --faults 0           a large batch without faults: is memory flat?
python -m embedded.chaos --plan --seed 7                     what would strike, and in which order
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from chartcoder.cloud.fleet import FleetTable
from chartcoder.errors import ChartcoderError
from embedded.chaos import promises, report
from embedded.chaos.charts import Writer
from embedded.chaos.kinds import check_needs, possible
from embedded.chaos.schedule import plan
from embedded.chaos.storm import BATCHES, CALM_CHARTS, PARAMETERS, Storm
from embedded.chaos.system import System
from embedded.cloud import EmbeddedCloud
from embedded.leaks import Search, lines_of
from embedded.processes import ended_by_sigterm

PROJECT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """0 when every promise held, 1 when one did not, 2 when it could not be tried."""
    options = _options(arguments)
    console = Console(width=140 if not sys.stdout.isatty() else None)
    try:
        kinds = possible(containers=options.docker, without=options.without)
        planned = list(islice(plan(kinds, options.faults, seed=options.seed, pause=options.pause), options.faults))
        if options.plan:
            for fault in planned:
                console.print(f"{fault.number:4} after {fault.pause:4.1f} s  {fault.kind.name}", highlight=False)
            return 0
        check_needs([fault.kind for fault in planned])
        with ended_by_sigterm(), tempfile.TemporaryDirectory(prefix="chartcoder-chaos-") as folder:
            told = _run(options, kinds, options.data or Path(folder), console)
    except ChartcoderError as error:
        console.print(str(error), style="bold red", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("ended; nothing is left running", style="dim")
        return 130
    report.show(told, console)
    if options.report:
        options.report.write_text(json.dumps(told, indent=1))
    return 0 if told["held"] else 1


def _run(options: argparse.Namespace, kinds: Any, data: Path, console: Console) -> dict[str, Any]:
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f}  {text}", highlight=False, markup=False)

    cloud = EmbeddedCloud(
        PROJECT,
        data,
        parameters=PARAMETERS,
        persist=False,
        docker=options.docker,
        say=say,
        emulator_options=["--access-log"],
    )
    with cloud:
        say(f"seed {options.seed}: {options.charts} charts, {options.faults} faults of {len(kinds)} kinds")
        system, writer = System(cloud, BATCHES), Writer(PROJECT / "samples" / "charts", options.seed)
        search = Search(cloud)
        storm = Storm(
            system,
            writer,
            search,
            options.charts,
            options.faults,
            options.seed,
            kinds,
            options.pause,
            options.patience,
            say,
        )
        storm.blow()
        say("looking after the promises")
        found, journal = storm.found(), storm.journal
        kept = [
            promises.of_the_faults(journal, options.faults),
            *promises.of_results(system, journal, found),
            promises.of_calm(journal, min(options.charts, CALM_CHARTS)),
        ]
        redriven = storm.redrive()
        after = storm.found()
        kept += [
            promises.after_redrive(journal, after, writer),
            *promises.of_the_fleet(system, journal),
            promises.of_the_coder(
                after, journal, writer, system.settings.engine, sample=options.sample, seed=options.seed
            ),
            promises.of_the_charts_words(search),
            promises.of_memory(storm.memory),
        ]
        figures = {
            "seed": options.seed,
            "charts": len(journal.latest),
            "uploads": journal.uploads,
            "coded": after.count("coded"),
            "failed": after.count("failed"),
            "redriven": redriven,
            "events_delivered_twice": sum(s.hits for s in journal.struck if s.planned.kind.name == "duplicate events"),
            "faults_struck": len(journal.struck),
            "runs": len(system.fleet.runs(limit=1000)[0]),
            "instances_left": len(system.alive()),
            "operator_asked": journal.asked,
            "seconds": round(time.monotonic() - began),
        }
        if options.data:
            _keep_logs(cloud, options.data / "logs")
    return report.as_dict(journal, kept, figures=figures, memory=storm.memory.table())


def _keep_logs(cloud: EmbeddedCloud, folder: Path) -> None:
    """Writes the log groups beside the cloud's other files: what one looks at when a promise did not hold."""
    folder.mkdir(exist_ok=True)
    for group in cloud.client("logs").describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        (folder / f"{name.strip('/').replace('/', '-')}.log").write_text("\n".join(lines_of(cloud, name)))
    runs, _ = FleetTable(cloud.table(cloud.settings.fleet_table)).runs(limit=1000)
    (folder / "runs.json").write_text(json.dumps(runs, indent=1))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="embedded.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of charts, faults and all that they draw")
    parser.add_argument("--charts", type=int, default=5000)
    parser.add_argument("--faults", type=int, default=200, help="that hit something; 0: a run on a good day")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two faults, on average")
    parser.add_argument("--patience", type=float, default=420, help="seconds for each recovery")
    parser.add_argument("--sample", type=int, default=500, help="results that are compared with the coder's own")
    parser.add_argument("--without", action="append", default=[], metavar="KIND", help="a kind of fault to leave out")
    parser.add_argument(
        "--docker", action="store_true", help="instances and functions are containers (no test shows this yet)"
    )
    parser.add_argument("--data", type=Path, help="where the embedded cloud keeps its files; else a folder that goes")
    parser.add_argument("--report", type=Path, help="write the report as JSON")
    parser.add_argument("--plan", action="store_true", help="show the faults of this seed and do nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
