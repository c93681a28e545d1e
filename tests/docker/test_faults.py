"""What dies or falls silent in mid-run takes no chart with it and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import docker
import pytest

from tests.docker.conftest import deploying
from tests.e2e.conftest import SAMPLES, SCHEDULED, Pipeline, wait_for

MINUTE = 60.0
COPIES = 8  # of the samples: enough that a replaced worker still finds work
ENGINE_PID = Path("/var/run/docker.pid")


@pytest.fixture(scope="module")
def pipeline(engine: docker.DockerClient, pushed: Path, tmp_path_factory: Any) -> Iterator[Pipeline]:
    """One cloud for all faults; each has a batch of its own. The slow engine, so that there is a middle of a run."""
    with deploying(tmp_path_factory.mktemp("faults"), pushed) as deploy:
        yield deploy(MinWorkers="2", MaxWorkers="2", Engine="medspacy", VisibilitySeconds="60")


def begin(pipeline: Pipeline, batch: str) -> str:
    """Submit a batch and wait until the run is in its middle; gives the run."""
    for copy in range(COPIES):
        for sample in SAMPLES:
            pipeline.upload(f"charts/{batch}/{copy}-{sample.name}", sample.read_bytes())
    wait_for(lambda: coded(pipeline, batch), "the first chart is coded")
    run: str = pipeline.ask("/status")["run"]["run"]
    return run


def coded(pipeline: Pipeline, batch: str) -> int:
    known = [one["batch"] for one in pipeline.ask("/batches")["batches"]]
    return int(pipeline.ask(f"/batches/{batch}")["coded"]) if batch in known else 0


def each_chart_has_one_result(pipeline: Pipeline, batch: str) -> None:
    """After the fleet's end: every chart coded once, nothing left in the engine."""
    wait_for(pipeline.nothing_is_left, "the fleet drains the queue and ends", seconds=500)
    answer = pipeline.ask(f"/batches/{batch}")
    assert (answer["coded"], answer["failed"], answer["done"]) == (COPIES * len(SAMPLES), 0, True)
    charts = all_charts(pipeline, batch)
    assert len(charts) == COPIES * len(SAMPLES)
    assert set(charts) == {f"{batch}/{copy}-{sample.stem}" for copy in range(COPIES) for sample in SAMPLES}
    assert pipeline.cloud.containers is not None
    assert pipeline.cloud.containers.of_instances() == {}


def all_charts(pipeline: Pipeline, batch: str) -> list[str]:
    """The ids of a batch's charts, page by page."""
    page = pipeline.ask(f"/batches/{batch}/charts")
    found = [chart["id"] for chart in page["charts"]]
    while page["next_token"]:
        page = pipeline.ask(f"/batches/{batch}/charts?{urlencode({'next_token': page['next_token']})}")
        found += [chart["id"] for chart in page["charts"]]
    return found


def alive(pipeline: Pipeline, role: str) -> list[str]:
    return [one["InstanceId"] for one in pipeline.instances(role) if one["State"]["Name"] == "running"]


def kill(container: str) -> None:
    """kill -9 of a container, as soon as it runs."""
    running = {"name": f"^/{container}$", "status": "running"}
    (found,) = wait_for(lambda: docker.from_env().containers.list(filters=running), f"{container} runs")
    found.kill("SIGKILL")


def test_a_killed_worker_is_replaced_though_the_registry_is_down_for_a_minute(pipeline: Pipeline) -> None:
    begin(pipeline, "worker")
    killed, _ = alive(pipeline, "worker")
    registry = pipeline.cloud.containers.registry  # type: ignore[union-attr]
    registry.stop()
    kill(f"{killed}-chartcoder-worker")
    wait_for(lambda: len(alive(pipeline, "worker")) == 2 and killed not in alive(pipeline, "worker"), "another worker")
    threading.Event().wait(MINUTE)  # the fault itself
    registry.start()
    each_chart_has_one_result(pipeline, "worker")


def test_a_killed_master_leaves_its_charts_to_a_new_run(pipeline: Pipeline) -> None:
    first = begin(pipeline, "master")
    (master,) = alive(pipeline, "master")
    kill(master)
    watchdog = pipeline.cloud.outputs["WatchdogFunctionName"]

    def named() -> bool:
        pipeline.invoke(watchdog, SCHEDULED)
        return bool(pipeline.ask(f"/runs/{first}")["state"] == "died")

    wait_for(named, "the watchdog names the dead run")
    each_chart_has_one_result(pipeline, "master")


def test_an_engine_that_is_silent_for_a_minute_is_waited_for(pipeline: Pipeline) -> None:
    begin(pipeline, "engine")
    with paused_engine():
        threading.Event().wait(MINUTE)  # the fault itself
    each_chart_has_one_result(pipeline, "engine")


@contextmanager
def paused_engine() -> Iterator[None]:
    """Stops the engine's daemon as a debugger would; containers go on, and nobody can ask about them."""
    signal_engine("STOP")
    try:
        yield
    finally:
        signal_engine("CONT")


def signal_engine(name: str) -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = f"kill -{name} {int(ENGINE_PID.read_text())}"  # the shell's own kill: not every machine has another
    subprocess.run([*as_root, "sh", "-c", command], check=True)


def test_a_worker_with_a_spot_notice_gives_back_what_it_holds_and_is_replaced(pipeline: Pipeline) -> None:
    begin(pipeline, "spot")
    noticed, other = alive(pipeline, "worker")
    pipeline.cloud.notify_spot(noticed)
    wait_for(lambda: noticed not in alive(pipeline, "worker"), "it leaves within the notice", seconds=120)
    left = next(one for one in pipeline.instances("worker") if one["InstanceId"] == noticed)
    assert left["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown", "by itself, before it was taken"
    wait_for(lambda: set(alive(pipeline, "worker")) - {other}, "another takes its place")
    each_chart_has_one_result(pipeline, "spot")
