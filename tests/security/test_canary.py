"""A batch with every format and a crash in the middle leaves no word of a chart outside the encrypted stores."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded.cloud import EmbeddedCloud
from embedded.leaks import Search, segments
from embedded.processes import end
from tests.e2e.conftest import ROOT, Pipeline, wait_for
from tests.security.canary import (
    CANARIES,
    CANARIES_IN_KEYS,
    IN_KEYS,
    NAME,
    NOTE,
    REQUESTS,
    charts,
    send,
)

BATCH = "charts/canary/"
KINDS = {
    "alarms",
    "answer",
    "dashboard",
    "file",
    "instances",
    "launch",
    "log",
    "messages",
    "metrics",
    "objects",
    "queue",
    "result",
}
KINDS |= {"runs", "tags", "traces"}


class Canary:
    """A pipeline that has coded the planted charts."""

    def __init__(self, pipeline: Pipeline, search: Search) -> None:
        self.pipeline, self.cloud, self.search = pipeline, pipeline.cloud, search
        self.answers: list[tuple[str, int, str]] = []

    def run(self) -> None:
        """Uploads the charts, kills a worker while they are coded, and waits until everything is over.

        The worker of the one chart that is traced has sent its segment by then: what it gathers dies with it.
        """
        for name, data in charts().items():
            self.pipeline.upload(f"{BATCH}{name}", data)
        self.pipeline.upload(f"{BATCH}{IN_KEYS}.txt", NOTE.encode())
        self.pipeline.upload(f"{BATCH}good-text.{IN_KEYS}", NOTE.encode())
        for method, path, body, kind in REQUESTS:
            status, answer = send(self.pipeline, method, path, body, kind)
            self.answers.append((f"{method} {path}", status, answer))
        wait_for(lambda: self._passes() and self.pipeline.ask("/batches/canary")["coded"], "the first chart is coded")
        wait_for(lambda: self._passes() and self._is_traced(), "the chart that came with a trace has left one")
        self.kill_a_worker()
        wait_for(lambda: self._passes() and self.pipeline.nothing_is_left(), "the run ends", seconds=400)

    def _passes(self) -> bool:
        self.search.look_at_what_passes()
        return True

    def _is_traced(self) -> bool:
        return any('"chartcoder-worker"' in segment for segment in segments(self.cloud))

    def kill_a_worker(self) -> None:
        workers = {one["InstanceId"] for one in self.pipeline.instances("worker")}
        living = {instance: pids for instance, pids in self.cloud.instance_processes().items() if instance in workers}
        _, pids = next(iter(living.items()))
        for stroke in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                end(pid, stroke)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    data = tmp_path_factory.mktemp("canary")
    cloud = EmbeddedCloud(
        ROOT,
        data,
        parameters={
            "MinWorkers": "2", "MaxWorkers": "2", "VisibilitySeconds": "60", "ChartSeconds": "10", "LogLevel": "DEBUG",
        },
        persist=False,
        emulator_options=["--access-log"],
    )  # fmt: skip
    with cloud:
        pipeline = Pipeline(cloud)
        canary = Canary(pipeline, Search(cloud))
        canary.run()
        yield canary


def test_every_chart_ended_and_each_good_one_is_coded(canary):
    batch = canary.pipeline.ask("/batches/canary")
    planted = charts()
    good = [name for name in planted if name.startswith("good-")] + ["api"]
    assert batch["waiting"] == 0
    assert batch["coded"] == len(good)
    assert batch["failed"] == len(planted) - len(good) + 1 + 2  # the api's is no file; two keys of a careless sender
    slow = canary.pipeline.ask("/batches/canary/charts/bad-slow")
    assert (slow["state"], slow["reason"]) == ("failed", "coding_failed")


def test_nothing_of_a_chart_is_found_outside_the_encrypted_stores(canary):
    assert canary.search.found(CANARIES) == {}


def test_what_a_careless_sender_put_into_a_key_stays_with_s3(canary):
    """Its bucket, its events and the failure's own listing, which tells whom to mend, have it; nothing else."""
    theirs = ("objects", "messages", "file access.log", "answer /failures")
    assert canary.search.found(CANARIES_IN_KEYS, but=theirs) == {}


def test_no_answer_of_the_api_repeats_what_it_refused(canary):
    assert [status for _, status, _ in canary.answers].count(202) == 1
    refused = [answer for _, status, answer in canary.answers if status != 202]
    assert len(refused) == len(REQUESTS) - 1
    assert all(400 <= status < 500 for _, status, _ in canary.answers if status != 202)
    assert not [answer for answer in refused if any(word in answer for word in CANARIES)]


def test_the_search_looks_where_things_are(canary):
    """What must be there is there: an empty log would hold no word either."""
    texts = dict(canary.search.everything())
    assert {place.partition(" ")[0] for place in texts} >= KINDS
    logs = "".join(text for place, text in texts.items() if place.startswith("log "))
    assert "Launch | Ensure" in logs
    assert "chart failed" in logs
    assert "GET /" in texts["file access.log"]
    assert f"/{BATCH}good-pdf-note.pdf" in texts["file access.log"]
    assert all(name in texts["traces"] for name in ('"s3"', '"chartcoder-api"', '"chartcoder-worker"'))
    assert any("/proc/" in place for place in texts)


def plant_in_a_workers_log(canary: Canary) -> None:
    logs, group = canary.cloud.client("logs"), canary.pipeline.settings.worker_log_group
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    line = {"timestamp": 1_900_000_000_000, "message": f'{{"level":"INFO","message":"coding","text":"{NOTE}"}}'}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[line])


def plant_in_a_metric(canary: Canary) -> None:
    data = {"MetricName": "Charts", "Dimensions": [{"Name": "patient", "Value": NAME}], "Value": 1.0}
    canary.cloud.client("cloudwatch").put_metric_data(Namespace="chartcoder", MetricData=[data])


def plant_in_a_tag(canary: Canary) -> None:
    instance = canary.cloud.instances()[0]["InstanceId"]
    canary.cloud.client("ec2").create_tags(Resources=[instance], Tags=[{"Key": "note", "Value": NAME}])


def plant_in_a_key(canary: Canary) -> None:
    bucket = canary.pipeline.settings.results_bucket
    canary.cloud.client("s3").put_object(Bucket=bucket, Key=f"results/{NAME}", Body=b"")


def plant_in_a_table_key(canary: Canary) -> None:
    canary.cloud.table(canary.pipeline.settings.results_table).put_item(Item={"pk": f"BATCH#{NAME}", "sk": "x"})


def plant_in_a_failure(canary: Canary) -> None:
    item = {"pk": "BATCH#x", "sk": "CHART#x", "message": f"cannot read {NOTE}"}
    canary.cloud.table(canary.pipeline.settings.results_table).put_item(Item=item)


def plant_in_a_run(canary: Canary) -> None:
    canary.cloud.table(canary.pipeline.settings.fleet_table).put_item(Item={"pk": "X", "sk": "x", "reason": NOTE})


def plant_in_a_dead_letter(canary: Canary) -> None:
    url = canary.pipeline.settings.dead_letter_queue_url
    canary.cloud.client("sqs").send_message(QueueUrl=url, MessageBody=NOTE)


def plant_in_a_trace(canary: Canary) -> None:
    segment = {"id": "70de5b6f19ff9a0a", "trace_id": "1-581cf771-a006649127e371903a2de979", "name": "coder"}
    planted = json.dumps({**segment, "metadata": {"response": NOTE}})
    canary.cloud.client("xray").put_trace_segments(TraceSegmentDocuments=[planted])


def plant_in_a_file(canary: Canary) -> None:
    (canary.cloud.data / "left-behind.json").write_text(NOTE)


def plant_in_an_address(canary: Canary) -> None:
    send(canary.pipeline, "GET", "/batches/Quarrelwort", b"", "")


PLANTS: dict[str, Callable[[Canary], None]] = {
    "log ": plant_in_a_workers_log,
    "metrics": plant_in_a_metric,
    "instances and tags": plant_in_a_tag,
    "objects ": plant_in_a_key,
    "result BATCH#Zebulon": plant_in_a_table_key,
    "result BATCH#x": plant_in_a_failure,
    "runs": plant_in_a_run,
    "messages ": plant_in_a_dead_letter,
    "traces": plant_in_a_trace,
    "file left-behind": plant_in_a_file,
    "file access.log": plant_in_an_address,
}


@pytest.fixture(scope="module")
def found(canary: Canary) -> dict[str, list[str]]:
    """What the search finds after a leak was planted in each place."""
    for plant in PLANTS.values():
        plant(canary)
    return canary.search.found(CANARIES)


@pytest.mark.parametrize("place", PLANTS)
def test_the_same_search_finds_what_is_planted(found, place):
    assert any(one.startswith(place) for one in found)


def test_the_terminal_of_the_demo_shows_no_word(tmp_path: Path):
    folder = tmp_path / "charts"
    folder.mkdir()
    for name, data in charts().items():
        if not name.startswith("bad-slow"):
            (folder / name).write_bytes(data)
    command = [sys.executable, "-m", "chartcoder.cli", "up", "--once", "--port", "0"]
    done = subprocess.run(
        [*command, "--charts", str(folder), "--data", str(tmp_path / "data")],
        capture_output=True, text=True, cwd=ROOT, timeout=500, check=False,
    )  # fmt: skip
    shown = done.stdout + done.stderr
    assert "charts submitted" in shown
    assert "good-pdf-note" in shown
    assert not [word for word in CANARIES if word.lower() in shown.lower()]
