"""Whole runs where every instance and every function is a container: as good as processes, and nothing left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.docker.conftest import Deploy, deploying
from tests.e2e.conftest import SAMPLES, Pipeline, wait_for

PASSING = {"at", "run", "worker", "version", "sequencer", "receives"}  # times, and the ids of one run
FLEET = {"MinWorkers": "2", "MaxWorkers": "2", "Engine": "compiled"}


@pytest.fixture(scope="module")
def in_containers(engine: docker.DockerClient, pushed: Path, tmp_path_factory: Any) -> Iterator[Pipeline]:
    """A cloud of containers where a fleet has coded the samples, with `.running`: what ran, as the engine tells."""
    with deploying(tmp_path_factory.mktemp("containers"), pushed) as deploy:
        yield code_samples(deploy)


def code_samples(deploy: Deploy) -> Pipeline:
    pipeline = deploy(**FLEET)
    for sample in SAMPLES:
        pipeline.upload(f"charts/samples/{sample.name}", sample.read_bytes())
    pipeline.running = {}  # type: ignore[attr-defined]

    def over() -> bool:
        note_running(pipeline)
        ended = pipeline.ask("/status")["waiting"] == 0 and bool(pipeline.ask("/runs")["runs"])
        return ended and pipeline.nothing_is_left()

    wait_for(over, "the samples are coded and the fleet is gone", seconds=400)
    return pipeline


def note_running(pipeline: Pipeline) -> None:
    """Remember the containers of workers and master while they run, as the engine describes them."""
    held = pipeline.cloud.containers
    if held is None:
        return
    for container in held.client.containers.list(filters={"label": "chartcoder.instance"}, ignore_removed=True):
        pipeline.running[container.name] = container.attrs  # type: ignore[attr-defined]


def results(pipeline: Pipeline) -> dict[str, str]:
    """Each chart's result as the API gives it, without what differs between any two runs."""
    found = {}
    for sample in SAMPLES:
        answer = pipeline.ask(f"/batches/samples/charts/{sample.stem}")
        found[sample.stem] = json.dumps({key: value for key, value in answer.items() if key not in PASSING})
    return found


def test_containers_give_what_processes_give_to_the_byte(in_containers: Pipeline, tmp_path: Path) -> None:
    with deploying(tmp_path) as deploy:
        expected = results(code_samples(deploy))
    found = results(in_containers)
    assert [name for name in expected if found[name] != expected[name]] == []
    assert sum(len(json.loads(result)["codes"]) for result in found.values()) > len(SAMPLES)


def test_one_master_and_its_workers_ran_and_none_is_left(in_containers: Pipeline) -> None:
    (run,) = in_containers.ask("/runs")["runs"]
    assert (run["state"], run["exit_status"]) == ("done", 0)
    assert (len(in_containers.instances("master")), len(in_containers.instances("worker"))) == (1, 2)
    assert {one["State"]["Name"] for one in in_containers.cloud.instances()} == {"terminated"}
    assert in_containers.cloud.containers is not None
    assert in_containers.cloud.containers.of_instances() == {}


def test_master_and_workers_ran_the_digests_that_were_deployed(in_containers: Pipeline) -> None:
    (run,) = in_containers.ask("/runs")["runs"]
    place = in_containers.cloud.containers.place  # type: ignore[union-attr]
    assert {run["control_image"], run["coder_image"]} == set(place.images.values())
    by_role = {"master": run["control_image"], "worker": run["coder_image"]}
    running = in_containers.running  # type: ignore[attr-defined]
    for name, attributes in running.items():
        role = name.rpartition("-chartcoder-")[2] if "-chartcoder-" in name else None
        if role:
            assert attributes["Config"]["Image"] == by_role[role]
    assert any(name.endswith("-chartcoder-worker") for name in running)


def test_what_the_boot_script_runs_is_hardened(in_containers: Pipeline) -> None:
    running = in_containers.running  # type: ignore[attr-defined]
    started = {name: one for name, one in running.items() if "-chartcoder-" in name}
    assert started
    for attributes in started.values():
        host = attributes["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges" in host["SecurityOpt"]
        assert list(host["Tmpfs"]) == ["/tmp"]  # noqa: S108 - the container's own
        assert attributes["Config"]["User"] == "10001:10001"


def test_functions_ran_as_their_images(in_containers: Pipeline) -> None:
    held = in_containers.cloud.containers
    assert held is not None
    warm = held.client.containers.list(filters={"label": "chartcoder.function"})
    own = [one for one in warm if one.labels["chartcoder.cloud"] == held.place.cloud]  # type: ignore[union-attr]
    assert {one.labels["chartcoder.function"] for one in own} >= {"chartcoder-api", "chartcoder-launcher"}
    assert {one.attrs["Config"]["Image"] for one in own} <= set(held.place.images.values())  # type: ignore[union-attr]
    assert all(one.attrs["HostConfig"]["ReadonlyRootfs"] for one in own)


def test_what_master_and_workers_said_outlives_them(in_containers: Pipeline) -> None:
    assert "Launch | Ensure" in in_containers.log_of(in_containers.settings.master_log_group)


def test_a_cloud_that_ends_leaves_no_container_and_no_network(tmp_path: Path, pushed: Path) -> None:
    with deploying(tmp_path, pushed) as deploy:
        pipeline = deploy(BacklogThreshold="1000")
        pipeline.ask("/status")  # an environment of the api's function is warm
        held = pipeline.cloud.containers
        assert held is not None
        assert held.names() != []
        network = held.place.network  # type: ignore[union-attr]
    assert held.names() == []
    assert held.client.networks.list(names=[network]) == []
