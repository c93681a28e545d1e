"""`chartcoder up`: the whole pipeline on this machine, watched from the upload to the last instance's end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live

from chartcoder.cloud.charts import ChartStore
from chartcoder.submitting import submit
from embedded import view
from embedded.cloud import EmbeddedCloud
from embedded.observing import Observer, Snapshot
from embedded.processes import ended_by_sigterm

PROJECT = Path(__file__).resolve().parent.parent
SAMPLES = PROJECT / "samples" / "charts"
LOOK_SECONDS = 1.0
STUCK_SECONDS = 900.0  # without any change; a lapsed lease, the watchdog's round and a new run take less
SHOWN_CHARTS = 60


def run(
    *, charts: Path | None, data: Path, port: int, workers: int, stay: bool, console: Console, docker: bool = False
) -> int:
    """Start the embedded cloud, submit charts, show the run, prove that nothing is left.

    Args:
        charts: a folder, a file or JSON Lines; None: the project's samples.
        data: where the embedded cloud keeps state and logs.
        port: of the API on 127.0.0.1; the emulated AWS endpoint has the next one.
        workers: at most.
        stay: go on answering the API until Ctrl-C; else return when the batch is done.
        docker: instances and functions are containers.

    Returns:
        0 when every chart ended coded or failed with a reason, the queue is empty, the lease free, and neither an
        instance nor a process or container of one is left; else 1.
    """
    parameters = {"MaxWorkers": str(workers), "MinWorkers": str(workers)}
    try:
        with (
            ended_by_sigterm(),
            EmbeddedCloud(PROJECT, data, parameters=parameters, port=port, docker=docker, say=console.print) as cloud,
        ):
            status = _run_batch(cloud, charts or SAMPLES, console, stay=stay)
            if stay:
                console.print("\nCtrl-C ends the embedded cloud.", style="dim")
                signal.pause()
            return status
    except KeyboardInterrupt:
        console.print("ended; nothing is left running", style="dim")
        return 130


def _run_batch(cloud: EmbeddedCloud, charts: Path, console: Console, *, stay: bool) -> int:
    console.print(
        f"AWS on loopback at {cloud.endpoint}, stack [bold]{cloud.stack}[/] from template.yaml", highlight=False
    )
    for name, reason in cloud.without_effect.items():
        console.print(f"  {name} does nothing here: {reason}", style="dim")
    settings, batch = cloud.settings, datetime.now(UTC).strftime("batch-%Y%m%d-%H%M%S")
    store = ChartStore(cloud.client("s3"), settings.charts_bucket, max_bytes=settings.max_chart_bytes)
    began = datetime.now(UTC).replace(microsecond=0)  # EC2 tells launch times in whole seconds
    observer = Observer(cloud, batch, 0, began)
    with console.status(f"submitting charts of {charts}"):
        observer.submitted = submit([charts], store, batch, keep_names=True).charts
    console.print(f"{observer.submitted} charts submitted as [bold]{batch}[/]\n", highlight=False)
    return _report(observer, _watch(observer, console), console, stay=stay)


def _watch(observer: Observer, console: Console) -> Snapshot:
    """Look until the batch is done, or nothing has changed for STUCK_SECONDS."""
    plain = view.PlainLines(console)
    with Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else _nothing() as screen:
        changed_at, before = time.monotonic(), ""
        while True:
            snapshot = observer.look()
            if screen is not None:
                screen.update(view.live(snapshot), refresh=True)
            else:
                plain.show(snapshot)
            if snapshot.done and _charts_ended_by_a_run(snapshot):
                return snapshot
            now = _essence(snapshot)
            if now != before:
                changed_at, before = time.monotonic(), now
            if time.monotonic() - changed_at > STUCK_SECONDS:
                console.print(f"nothing has changed for {STUCK_SECONDS:.0f} s", style="bold red")
                return snapshot
            time.sleep(LOOK_SECONDS)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def _charts_ended_by_a_run(snapshot: Snapshot) -> bool:
    """False in the moment before the first run, when S3's events are not in the queue yet."""
    return bool(snapshot.runs)


def _essence(snapshot: Snapshot) -> str:
    """What changes when something happens; not the clock, nor the cost that grows with it."""
    states = [(i.id, i.state) for i in snapshot.instances]
    stages = [run["stages"] for run in snapshot.runs]
    return repr((snapshot.ended, snapshot.waiting, snapshot.in_flight, snapshot.dead_letters, states, stages))


def _report(observer: Observer, snapshot: Snapshot, console: Console, *, stay: bool) -> int:
    charts = observer.charts(SHOWN_CHARTS)
    console.print(view.results(charts, submitted=observer.submitted, shown=SHOWN_CHARTS))
    console.print(view.runs(snapshot))
    masters = [i for i in snapshot.instances if i.role == "master"]
    workers = [i for i in snapshot.instances if i.role == "worker"]
    failures = observer.failures()
    found = {
        f"every chart ended: {snapshot.coded} coded, {snapshot.failed} failed with a reason": (
            snapshot.ended == snapshot.submitted and all(f.get("reason") for f in failures)
        ),
        f"the queue is empty, {snapshot.dead_letters} dead letters": not (
            snapshot.waiting or snapshot.in_flight or snapshot.delayed or snapshot.dead_letters
        ),
        f"EC2 says that {len(masters)} master and {len(workers)} workers were launched and none is left": (
            bool(snapshot.instances) and not snapshot.alive
        ),
        f"no {observer.made_of} of an instance is left on this machine": not observer.leftovers(snapshot),
        "the lease is free": snapshot.lease is None,
    }
    console.print(view.checks(found))
    console.print(f"\n{snapshot.seconds:.0f} s from the upload to the end, {snapshot.cost_usd:.4f} USD by list price")
    if stay:
        _tell_api(observer, charts, console)
    return 0 if all(found.values()) else 1


def _tell_api(observer: Observer, charts: list[dict[str, str]], console: Console) -> None:
    api = observer.cloud.api_url
    console.print(f"\nThe API answers at {api}", highlight=False)
    console.print(f"  curl {api}/batches/{observer.batch}", highlight=False, soft_wrap=True)
    console.print(f"  in a browser: {api}/batches/{observer.batch}/review", highlight=False, soft_wrap=True)
    console.print(f"  chartcoder status --endpoint {observer.cloud.endpoint}", highlight=False, soft_wrap=True)
    if charts:
        batch, _, chart = charts[0]["id"].partition("/")
        console.print(f"  curl {api}/batches/{batch}/charts/{chart}", highlight=False, soft_wrap=True)
