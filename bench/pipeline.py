"""What the pipeline costs over the pure coding: the same charts, the same cores, with and without the embedded cloud.

    python -m bench.pipeline --charts samples/charts --count 1000 --workers 4 --engine medspacy

pure      `chartcoder code` on the charts, from its start to its end
pipeline  from the first upload to the last result, once the workers are up; the emulated endpoints share the same cores
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.results import ResultsStore
from chartcoder.inputs import documents
from embedded.cloud import EmbeddedCloud

UPLOADERS = 8
POLL_SECONDS = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", type=Path, default=Path("samples/charts"), help="a folder or a .jsonl file")
    parser.add_argument("--count", type=int, default=1000, help="charts in the batch; given ones are repeated")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--engine", default="medspacy")
    options = parser.parse_args()

    given = [document.data for document in documents([options.charts])]
    charts = list(itertools.islice(itertools.cycle(given), options.count))
    with tempfile.TemporaryDirectory() as folder:
        pure = time_pure(charts, Path(folder), engine=options.engine)
        whole = time_pipeline(charts, Path(folder), workers=options.workers, engine=options.engine)
    figures = {
        "charts": len(charts),
        "megabytes": round(sum(map(len, charts)) / 1e6, 2),
        "cores": os.cpu_count(),
        "workers": options.workers,
        "engine": options.engine,
        "pure_seconds": round(pure, 1),
        "pipeline_seconds": round(whole, 1),
        "ratio": round(whole / pure, 2),
    }
    print(json.dumps(figures))


def time_pure(charts: list[bytes], folder: Path, *, engine: str) -> float:
    """Seconds that `chartcoder code` takes, from its start to its end."""
    lines = folder / "charts.jsonl"
    with lines.open("w") as out:
        for number, data in enumerate(charts):
            out.write(json.dumps({"id": str(number), "text": data.decode("utf-8", "replace")}) + "\n")
    program = [sys.executable, "-m", "chartcoder.cli", "code", str(lines), "--engine", engine]
    started = time.perf_counter()
    subprocess.run([*program, "--output", str(folder / "coded.jsonl")], check=False)  # noqa: S603 - a chart may fail: both ways count it
    return time.perf_counter() - started


def time_pipeline(charts: list[bytes], folder: Path, *, workers: int, engine: str) -> float:
    """Seconds from the first upload to the last result, with all workers up before."""
    parameters = {"MinWorkers": str(workers), "MaxWorkers": str(workers), "Engine": engine}
    with EmbeddedCloud(Path.cwd(), folder / "cloud", parameters=parameters, persist=False) as cloud:
        settings, s3 = cloud.settings, cloud.client("s3")
        store = ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes)
        fleet = FleetTable(cloud.table(settings.fleet_table))
        results = ResultsStore(cloud.table(settings.results_table), s3, settings.results_bucket)

        keep_awake = threading.Event()
        feeder = threading.Thread(target=_feed, args=(store, charts[0], keep_awake), daemon=True)
        feeder.start()
        _wait_for(lambda: _working(fleet) == workers)
        keep_awake.set()
        feeder.join()

        started = time.perf_counter()
        with ThreadPoolExecutor(UPLOADERS) as pool:
            list(pool.map(lambda item: store.put(f"bench/{item[0]}", item[1]), enumerate(charts)))
        results.know_batch("bench")
        _wait_for(lambda: sum(results.tally("bench").values()) == len(charts))
        return time.perf_counter() - started


def _feed(store: ChartStore, chart: bytes, enough: threading.Event) -> None:
    """A chart now and then, so that the run does not drain before its workers are up."""
    for number in itertools.count():
        store.put(f"warm/{number}", chart)
        if enough.wait(2):
            return


def _working(fleet: FleetTable) -> int:
    lease = fleet.lease()
    return 0 if lease is None else len([one for one in fleet.workers(lease.run) if one["state"] != "left"])


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
