"""The whole pipeline on the embedded cloud: the real template, handlers, playbook, worker and coder."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cloud import EmbeddedCloud

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "samples" / "charts").glob("*.txt"))
SCHEDULED = json.loads((ROOT / "events" / "watchdog" / "scheduled.json").read_text())


class Pipeline:
    """A deployed stack, as its user and its operator see it."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud = cloud
        self.settings = cloud.settings
        self.seen: list[dict[str, str]] = []  # instance -> state, at every look

    def upload(self, key: str, data: bytes) -> None:
        """As `aws s3 cp` does it."""
        self.cloud.client("s3").put_object(Bucket=self.settings.charts_bucket, Key=key, Body=data)

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.cloud.api_url + path) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        answer = self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def instances(self, role: str) -> list[dict[str, Any]]:
        return [one for one in self.cloud.instances() if tags(one)["chartcoder:role"] == role]

    def nothing_is_left(self) -> bool:
        """No instance, no process of one, no lease, no message."""
        status = self.ask("/status")
        states = {one["InstanceId"]: one["State"]["Name"] for one in self.cloud.instances()}
        self.seen.append(states)
        return (
            status["run"] is None
            and status["waiting"] == status["in_flight"] == status["delayed"] == 0
            and set(states.values()) <= {"terminated"}
            and not self.cloud.instance_processes()
        )

    def tell(self) -> None:
        """Prints what one looks at when a test failed; pytest shows it only then."""
        for path in ("/status", "/runs", "/failures"):
            print(path, json.dumps(self.ask(path), indent=1))
        for group in (self.settings.master_log_group, self.settings.worker_log_group):
            print(f"--- {group}", *self.log_of(group).splitlines()[-60:], sep="\n")

    def log_of(self, group: str) -> str:
        logs = self.cloud.client("logs")
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        events = []
        for stream in (stream for page in pages for stream in page["logStreams"]):
            events += logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        return "\n".join(event["message"] for event in events)


def tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = 240) -> Any:
    """Waits until the condition gives something true, and gives that."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.5)
    pytest.fail(f"not within {seconds:g} s: {what}")


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Deploys the stack with parameters of the test's own."""
    pipelines = []

    def deployed(**parameters: str) -> Pipeline:
        cloud = EmbeddedCloud(ROOT, tmp_path, parameters=parameters, persist=False)
        pipelines.append(Pipeline(cloud.start()))
        return pipelines[-1]

    yield deployed
    for pipeline in pipelines:
        pipeline.tell()
        pipeline.cloud.stop()
