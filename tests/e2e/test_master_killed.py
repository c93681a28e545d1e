"""A master that dies in mid-run takes nothing with it."""

import signal

from embedded.processes import end
from tests.e2e.conftest import SAMPLES, SCHEDULED, wait_for


def test_a_new_run_finishes_what_a_killed_master_left(deploy):
    pipeline = deploy(MinWorkers="2", MaxWorkers="2", Engine="medspacy", VisibilitySeconds="60")
    for sample in SAMPLES:
        pipeline.upload(f"charts/b1/{sample.name}", sample.read_bytes())
        pipeline.upload(f"charts/b2/{sample.name}", sample.read_bytes())
    wait_for(lambda: pipeline.ask("/batches/b1")["coded"], "the first chart is coded")
    first = pipeline.ask("/status")["run"]["run"]

    kill_master(pipeline)
    wait_for(lambda: watched(pipeline, first) == "died", "the watchdog names the dead run")
    assert pipeline.ask(f"/runs/{first}")["reason"]
    wait_for(pipeline.nothing_is_left, "a new run drains the queue and ends", seconds=400)

    second, _ = pipeline.ask("/runs")["runs"]
    assert (second["state"], second["asked"][0]["by"]) == ("done", "watchdog")
    for batch in ("b1", "b2"):
        answer = pipeline.ask(f"/batches/{batch}")
        assert (answer["coded"], answer["failed"], answer["done"]) == (len(SAMPLES), 0, True)
        charts = pipeline.ask(f"/batches/{batch}/charts")["charts"]
        assert sorted(chart["id"] for chart in charts) == [f"{batch}/{sample.stem}" for sample in SAMPLES]


def watched(pipeline, run):
    """The state of a run after the watchdog's next look, which is not awaited but asked for."""
    pipeline.invoke(pipeline.cloud.outputs["WatchdogFunctionName"], SCHEDULED)
    return pipeline.ask(f"/runs/{run}")["state"]


def kill_master(pipeline):
    """kill -9 of everything on the master's instance, its keeper first, as when a host loses its power."""
    (master,) = pipeline.instances("master")
    processes = pipeline.cloud.instance_processes()[master["InstanceId"]]
    for stroke in (signal.SIGSTOP, signal.SIGKILL):
        for pid in processes:
            end(pid, stroke)
