"""The stack of the real template on the embedded cloud."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from embedded.cloud import EmbeddedCloud
from embedded.patches.without_effect import WITHOUT_EFFECT

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}  # these tests look at the stack, not at its fleet


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as started:
        yield started


def get(url: str) -> tuple[int, Any]:
    """Status and JSON body."""
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - our own loopback endpoint
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_every_resource_of_the_template_whose_condition_holds_is_created(cloud: EmbeddedCloud) -> None:
    unconditional = {name for name, r in cloud.template["Resources"].items() if "Condition" not in r}
    assert unconditional - set(cloud.resources) == set()


def test_what_has_no_effect_here_is_said(cloud: EmbeddedCloud) -> None:
    kinds = {r["Type"] for name, r in cloud.template["Resources"].items() if name in cloud.resources}
    assert {cloud.template["Resources"][name]["Type"] for name in cloud.without_effect} == kinds & set(WITHOUT_EFFECT)


def test_the_settings_are_those_that_the_template_gives_the_functions(cloud: EmbeddedCloud) -> None:
    assert cloud.settings.stack == cloud.stack
    assert cloud.settings.backlog_threshold == int(NO_RUNS["BacklogThreshold"])
    assert cloud.settings.charts_bucket == cloud.outputs["ChartsBucketName"]


def test_the_door_answers_what_the_api_answers(cloud: EmbeddedCloud) -> None:
    status, body = get(f"{cloud.api_url}/status")
    assert status == 200
    assert body["run"] is None
    assert get(f"{cloud.api_url}/batches/no-such-batch")[0] == 404


def test_the_api_itself_refuses_a_request_without_a_signature(cloud: EmbeddedCloud) -> None:
    api = urlsplit(cloud.outputs["ApiUrl"])
    direct = f"{cloud.endpoint}/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}/status"
    assert get(direct)[0] == 403


def test_a_route_that_the_template_does_not_name_does_not_exist(cloud: EmbeddedCloud) -> None:
    assert get(f"{cloud.api_url}/nothing-here")[0] == 403


def test_s3_announces_a_chart_to_the_queue_with_version_and_sequencer(cloud: EmbeddedCloud) -> None:
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    url = cloud.outputs["ChartsQueueUrl"]
    put = s3.put_object(Bucket=cloud.outputs["ChartsBucketName"], Key="charts/b/a chart+1.txt", Body=b"x")
    bodies: list[dict[str, Any]] = []
    while len(bodies) < 2:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    [test] = [body for body in bodies if "Records" not in body]
    assert test["Event"] == "s3:TestEvent"
    [[record]] = [body["Records"] for body in bodies if "Records" in body]
    assert record["eventName"].startswith("ObjectCreated:")
    assert record["s3"]["object"]["key"] == "charts/b/a+chart%2B1.txt"
    assert record["s3"]["object"]["versionId"] == put["VersionId"]
    assert int(record["s3"]["object"]["sequencer"], 16) > 0


def test_every_function_starts_with_the_environment_of_the_template_alone(cloud: EmbeddedCloud) -> None:
    assert "statusCode" in cloud.invoke("ApiFunction", api_event())
    answered = cloud.invoke(
        "WatchdogFunction", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    )
    assert answered is None or isinstance(answered, dict)
    assert set(cloud.function_processes().values()) >= {"functions.api.app.handler", "functions.watchdog.app.handler"}


def api_event() -> dict[str, Any]:
    context = {"requestId": "r", "resourcePath": "/status", "httpMethod": "GET", "path": "/v1/status", "stage": "v1"}
    return {
        "resource": "/status",
        "path": "/status",
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {**context, "identity": {"sourceIp": "127.0.0.1"}, "accountId": "111122223333", "apiId": "a"},
        "body": None,
        "isBase64Encoded": False,
    }
