"""`python -m bench.api`: what a chart's answer takes inside the API's function, at many readers at once.

Starts the embedded cloud, puts in a chart with a long result, and has `--readers` threads GET it through the door,
API Gateway and the function. The wall time is the emulator's on this machine; the handler's own is what each answer
says of itself (Server-Timing).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chartcoder import Chart, Coder
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from embedded.cloud import EmbeddedCloud

PROJECT = Path(__file__).resolve().parents[1]
NO_RUNS = {"BacklogThreshold": "1000000", "ThrottlingRate": "10000"}
CHART = PROJECT / "samples" / "charts" / "hp-001.txt"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--readers", type=int, default=50, help="at once")
    arguments.add_argument("--requests", type=int, default=1000, help="in all")
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="chartcoder-bench-") as data,
        EmbeddedCloud(PROJECT, Path(data), parameters=NO_RUNS, persist=False) as cloud,
    ):
        plant(cloud)
        url = f"{cloud.api_url}/batches/b1/charts/c1"
        read(url)  # the first environment's start is not what is asked for
        began = time.perf_counter()
        with ThreadPoolExecutor(asked.readers) as readers:
            answers = list(readers.map(read, [url] * asked.requests))
        wall = time.perf_counter() - began
    wrong = [status for status, _, _ in answers if status != 200]
    inside = [handler for status, _, handler in answers if status == 200]
    print(f"{asked.requests} requests by {asked.readers} readers at once: {len(wrong)} errors {sorted(set(wrong))}")
    whole = _spread([seconds for _, seconds, _ in answers])
    print(f"{asked.requests / wall:.0f} a second through the emulator; a request there {whole}")
    print(f"the handler itself, {len(inside)} calls: {_spread(inside)}")


def plant(cloud: EmbeddedCloud) -> None:
    """A coded chart, stored as a worker stores it."""
    text = CHART.read_text()
    coded = Coder().code(Chart(id="b1/c1", text=text))
    store = ResultsStore(
        cloud.table(cloud.outputs["ResultsTableName"]), cloud.client("s3"), cloud.outputs["ResultsBucketName"]
    )
    codes = tuple(code.code for code in coded.codes)
    reference = ChartReference("charts/b1/c1.txt", None, None, "1")
    store.store([Outcome(reference, "coded", codes, pack(coded))], worker="i-1", run="chartcoder-000001")
    print(f"a result of {len(coded.as_json()):,} characters, {len(codes)} codes")


def read(url: str) -> tuple[int, float, float]:
    """Status, seconds of one request, and seconds in the handler."""
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(url, timeout=120) as reply:  # noqa: S310 - our own loopback endpoint
            reply.read()
            handler = float(reply.headers["Server-Timing"].partition("dur=")[2]) / 1000
            return reply.status, time.perf_counter() - began, handler
    except urllib.error.HTTPError as error:
        return error.code, time.perf_counter() - began, 0.0


def _spread(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return "too few to say"
    parts = statistics.quantiles(seconds, n=100)
    return (
        f"median {parts[49] * 1000:.1f} ms, 95th percentile {parts[94] * 1000:.1f} ms, 99th {parts[98] * 1000:.1f} ms"
    )


if __name__ == "__main__":
    main()
