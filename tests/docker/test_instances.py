"""An instance that is a container, from its first breath to its last, by EC2's own API and nothing else."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from chartcoder.cloud.instances import user_data
from embedded.instances import console_path
from tests.docker.conftest import Deploy, deploying
from tests.e2e.conftest import Pipeline, wait_for

ASK = """#!/bin/bash
service=http://169.254.169.254/latest
curl -s -o /dev/null -w 'without a token: %{http_code}\\n' "$service/meta-data/instance-id"
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$service/api/token")
ask() { curl -sf -H "X-aws-ec2-metadata-token: $token" "$service/$1"; echo; }
echo "id $(ask meta-data/instance-id)"
echo "role $(ask meta-data/iam/security-credentials/)"
"""
STAY = """#!/bin/bash
docker run --rm --name=stays --network=host {image} sleep 1000 &
"""


@pytest.fixture(scope="module")
def pipeline(engine: docker.DockerClient, pushed: Path, tmp_path_factory: Any) -> Iterator[Pipeline]:
    with deploying(tmp_path_factory.mktemp("instances"), pushed) as deploy:
        yield deploy(BacklogThreshold="1000")


@pytest.fixture
def launch(pipeline: Pipeline) -> Callable[[str], str]:
    """Launches an instance of the workers' template with user data of the test's own; gives its id."""

    def launched(script: str) -> str:
        template = {"LaunchTemplateId": pipeline.settings.worker_launch_template}
        answer = pipeline.cloud.client("ec2").run_instances(
            LaunchTemplate=template, MinCount=1, MaxCount=1, UserData=script
        )
        instance: str = answer["Instances"][0]["InstanceId"]
        return instance

    return launched


def state(pipeline: Pipeline, instance: str) -> str:
    answer = pipeline.cloud.client("ec2").describe_instances(InstanceIds=[instance])
    found: str = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
    return found


def console(pipeline: Pipeline, instance: str) -> str:
    path = console_path(pipeline.cloud.data / "instances", instance)
    return path.read_text() if path.exists() else ""


def containers(pipeline: Pipeline, instance: str) -> list[str]:
    held = pipeline.cloud.containers
    assert held is not None
    return held.of_instances().get(instance, [])


def test_an_instance_asks_the_metadata_services_own_address_and_needs_a_token(
    pipeline: Pipeline, launch: Callable[[str], str]
) -> None:
    instance = launch(ASK)
    wait_for(lambda: "role" in console(pipeline, instance), "the user data have run")
    said = console(pipeline, instance)
    assert "without a token: 401" in said
    assert f"id {instance}" in said
    assert "role chartcoder-" in said
    pipeline.cloud.client("ec2").terminate_instances(InstanceIds=[instance])


def test_a_shutdown_inside_ends_an_instance_for_good(pipeline: Pipeline, launch: Callable[[str], str]) -> None:
    instance = launch("#!/bin/bash\nshutdown -h now\n")
    wait_for(lambda: state(pipeline, instance) == "terminated", "it is terminated, not stopped")
    wait_for(lambda: containers(pipeline, instance) == [], "its container is gone")


def test_terminating_an_instance_ends_what_it_runs(pipeline: Pipeline, launch: Callable[[str], str]) -> None:
    place = pipeline.cloud.containers.place  # type: ignore[union-attr]
    coder = next(image for image in place.images.values() if "/coder@" in image)
    instance = launch(STAY.format(image=coder))
    wait_for(lambda: f"{instance}-stays" in containers(pipeline, instance), "its container runs")
    pipeline.cloud.client("ec2").terminate_instances(InstanceIds=[instance])
    wait_for(lambda: containers(pipeline, instance) == [], "both are gone")
    assert state(pipeline, instance) == "terminated"


def test_an_instance_that_cannot_have_its_image_shuts_down(pipeline: Pipeline, launch: Callable[[str], str]) -> None:
    missing = f"{pipeline.cloud.containers.registry.address}/embedded/coder@sha256:{'0' * 64}"  # type: ignore[union-attr]
    settings = replace(pipeline.settings, run="chartcoder-000000", coder_image=missing)
    script = user_data("worker", settings, region="us-east-1").replace(
        "for pause in 2 5 10 20 30 60 60 60", "for pause in 1 1"
    )
    assert "for pause in 1 1" in script
    instance = launch(script)
    wait_for(lambda: state(pipeline, instance) == "terminated", "it gives up and shuts down")
    assert "boot failed with status" in console(pipeline, instance)
    assert "Login Succeeded" in console(pipeline, instance)


def test_instances_end_when_the_cloud_is_killed(deploy: Deploy) -> None:
    pipeline = deploy(BacklogThreshold="1000")
    held = pipeline.cloud.containers
    assert held is not None
    template = {"LaunchTemplateId": pipeline.settings.worker_launch_template}
    coder = next(image for image in held.place.images.values() if "/coder@" in image)  # type: ignore[union-attr]
    answer = pipeline.cloud.client("ec2").run_instances(
        LaunchTemplate=template, MinCount=1, MaxCount=1, UserData=STAY.format(image=coder)
    )
    instance = answer["Instances"][0]["InstanceId"]
    wait_for(lambda: len(held.of_instances().get(instance, [])) == 2, "the instance and its container run")
    os.kill(pipeline.cloud.emulator.process.pid, signal.SIGKILL)
    running = {"label": f"chartcoder.instance={instance}", "status": "running"}
    wait_for(lambda: held.client.containers.list(filters=running) == [], "nothing of it runs")
    pipeline.tell = lambda: None  # type: ignore[method-assign] # there is nobody left to ask


def test_the_registry_gives_nothing_to_who_has_not_logged_in(pipeline: Pipeline) -> None:
    registry = pipeline.cloud.containers.registry  # type: ignore[union-attr]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://{registry.address}/v2/embedded/coder/tags/list")
