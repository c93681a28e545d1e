"""`sam deploy` at the emulated endpoints: packaged, pushed, created by the emulator's own transform, and at work."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from embedded.cloud import EmbeddedCloud
from tests.docker.conftest import ROOT, SAM, deploying
from tests.e2e.conftest import SCHEDULED, wait_for

STACK = "second"
SMALL = ("MaxWorkers=1", "WatchSeconds=2", "BacklogThreshold=1")


@pytest.fixture(scope="module")
def cloud(engine: docker.DockerClient, built: Path, pushed: Path, tmp_path_factory: Any) -> Iterator[EmbeddedCloud]:
    """A cloud to which SAM has deployed a stack of its own, from what `sam build` left."""
    with deploying(tmp_path_factory.mktemp("deployed"), pushed) as deploy:
        found = deploy(BacklogThreshold="1000").cloud
        assert found.containers is not None
        repository = f"{found.containers.registry.address}/{STACK}"  # type: ignore[union-attr]
        command = [str(SAM), "deploy", "--config-env", "emulated", "--stack-name", STACK, "--no-progressbar"]
        command += ["--image-repository", repository, "--parameter-overrides", *SMALL]
        environment = {**os.environ, **found.environment, "SAM_CLI_TELEMETRY": "0"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        yield found


def outputs(cloud: EmbeddedCloud) -> dict[str, str]:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def invoke(cloud: EmbeddedCloud, function: str, event: Any) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=f"{STACK}-{function}", Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_every_resource_of_the_template_is_in_the_stack(cloud: EmbeddedCloud) -> None:
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    found = {one["LogicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}
    unconditional = {name for name, one in cloud.template["Resources"].items() if "Condition" not in one}
    # SAM names a deployment after a digest of what it deploys
    assert {name for name in unconditional - found if not name.startswith("ApiDeployment")} == set()


def test_the_functions_are_the_images_that_were_pushed_by_digest(cloud: EmbeddedCloud) -> None:
    registry = cloud.containers.registry.address  # type: ignore[union-attr]
    for function in ("launcher", "coder"):
        code = cloud.client("lambda").get_function(FunctionName=f"{STACK}-{function}")["Code"]
        assert code["ImageUri"].startswith(f"{registry}/{STACK}:")
        assert code["ResolvedImageUri"].startswith(f"{registry}/{STACK}@sha256:")


def test_a_repository_is_where_the_engine_can_push(cloud: EmbeddedCloud) -> None:
    registry, ecr = cloud.containers.registry.address, cloud.client("ecr")  # type: ignore[union-attr]
    made = ecr.create_repository(repositoryName="a/repository")["repository"]
    assert made["repositoryUri"] == f"{registry}/a/repository"
    (authorization,) = ecr.get_authorization_token()["authorizationData"]
    assert authorization["proxyEndpoint"] == f"http://{registry}"
    user, _, password = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    login = cloud.containers.client.login(user, password, registry=registry, reauth=True)  # type: ignore[union-attr]
    assert login["Status"] == "Login Succeeded"


def test_a_chart_put_into_the_stacks_bucket_is_coded_by_a_fleet_of_its_own(cloud: EmbeddedCloud) -> None:
    bucket = outputs(cloud)["ChartsBucketName"]
    cloud.client("s3").put_object(Bucket=bucket, Key="charts/b/c.txt", Body=b"Assessment: type 2 diabetes.")
    event = json.loads((ROOT / "events" / "api" / "chart.json").read_text()) | {
        "path": "/batches/b/charts/c",
        "pathParameters": {"batch": "b", "chart": "c"},
    }

    def coded() -> Any:
        invoke(cloud, "watchdog", SCHEDULED)
        answer = invoke(cloud, "api", event)
        return answer["statusCode"] == 200 and json.loads(answer["body"]).get("codes")

    codes = wait_for(coded, "the chart is coded", seconds=400)
    assert [code["code"] for code in codes] == ["E11.9"]
    mine = [{"Name": "tag:chartcoder:stack", "Values": [STACK]}]

    def gone() -> bool:
        answer = cloud.client("ec2").describe_instances(Filters=mine)["Reservations"]
        return {one["State"]["Name"] for part in answer for one in part["Instances"]} == {"terminated"}

    wait_for(gone, "its fleet is gone")
