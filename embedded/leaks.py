"""Everything that a deployed pipeline leaves outside its encrypted stores, and the search for words of charts in it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from embedded.cloud import EmbeddedCloud

MOST_TRACES = 5  # in one request, by X-Ray's BatchGetTraces


def segments(cloud: EmbeddedCloud) -> list[str]:
    """Every segment document of every trace, as X-Ray has it."""
    xray, now = cloud.client("xray"), datetime.now(UTC)
    pages = xray.get_paginator("get_trace_summaries").paginate(StartTime=now - timedelta(hours=6), EndTime=now)
    ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
    found: list[str] = []
    for first in range(0, len(ids), MOST_TRACES):
        traces = xray.batch_get_traces(TraceIds=ids[first : first + MOST_TRACES])["Traces"]
        found += [segment["Document"] for trace in traces for segment in trace["Segments"]]
    return found


class Search:
    """Everything that a pipeline wrote outside its encrypted stores, by place."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self._cloud, self._files = cloud, cloud.data
        self._passing: dict[str, str] = {}

    def look_at_what_passes(self) -> None:
        """Keeps what is gone by the end: instances' files and scratch folders, processes' environments."""
        for instance, pids in self._cloud.instance_processes().items():
            self._keep_files(Path("/tmp") / f"chartcoder-{instance}")  # noqa: S108 - where its /tmp is
            for pid in [*pids, *self._cloud.function_processes()]:
                for name in ("environ", "cmdline"):
                    with contextlib.suppress(OSError):  # ended meanwhile
                        self._passing[f"/proc/{pid}/{name}"] = Path(f"/proc/{pid}/{name}").read_text(errors="replace")

    def _keep_files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                if path.is_file():
                    self._passing[str(path)] = path.read_text(errors="replace")

    def found(self, words: tuple[str, ...], *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """Where any of the words stands, plain or in base64: place -> the words. `but`: places not to look at."""
        said = {word: _forms(word) for word in words}
        places: dict[str, list[str]] = {}
        for place, text in self.everything():
            if not place.startswith(but):
                low = text.lower()
                if seen := [word for word, forms in said.items() if any(form in low for form in forms)]:
                    places.setdefault(place, []).extend(seen)
        return places

    def everything(self) -> Iterator[tuple[str, str]]:
        """(place, text) of all there is."""
        yield from self._passing.items()
        for path in self._files.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield f"file {path.relative_to(self._files)}", path.name + path.read_text(errors="replace")
        yield "traces", "\n".join(segments(self._cloud))
        yield from self._logs()
        yield from self._metrics()
        yield from self._instances()
        yield from self._keys()
        yield from self._messages()
        for route in ("/status", "/runs", "/failures"):
            with urllib.request.urlopen(self._cloud.api_url + route) as answer:  # noqa: S310 - our own loopback door
                yield f"answer {route}", answer.read().decode()

    def _logs(self) -> Iterator[tuple[str, str]]:
        for group in self._cloud.client("logs").describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            yield f"log {name}", "\n".join([json.dumps(group, default=str), *lines_of(self._cloud, name)])

    def _metrics(self) -> Iterator[tuple[str, str]]:
        cloudwatch = self._cloud.client("cloudwatch")
        yield "metrics", json.dumps(cloudwatch.list_metrics()["Metrics"], default=str)
        yield "alarms", json.dumps(cloudwatch.describe_alarms(), default=str)
        for dashboard in cloudwatch.list_dashboards()["DashboardEntries"]:
            yield "dashboard", cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]

    def _instances(self) -> Iterator[tuple[str, str]]:
        ec2 = self._cloud.client("ec2")
        yield "instances and tags", json.dumps(self._cloud.instances(), default=str)
        yield "tags", json.dumps(ec2.describe_tags()["Tags"], default=str)
        yield "launch templates", json.dumps(ec2.describe_launch_templates(), default=str)

    def _keys(self) -> Iterator[tuple[str, str]]:
        s3 = self._cloud.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
                yield f"objects {bucket['Name']}", json.dumps(page, default=str)
        settings = self._cloud.settings
        for item in items_of(self._cloud, settings.results_table):
            shown = {name: value for name, value in item.items() if name not in ("result", "key")}
            yield f"result {item['pk']} {item['sk']}", json.dumps(shown, default=str)
        yield "runs", json.dumps(list(items_of(self._cloud, settings.fleet_table)), default=str)

    def _messages(self) -> Iterator[tuple[str, str]]:
        sqs = self._cloud.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            yield f"queue {url}", json.dumps(attributes)
            held: list[dict[str, Any]] = []
            while messages := sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=0, AttributeNames=["All"]
            ).get("Messages"):
                held += messages
            for message in held:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            yield f"messages {url}", json.dumps([(message["Body"], message["Attributes"]) for message in held])


def lines_of(cloud: EmbeddedCloud, group: str) -> Iterator[str]:
    """Every line of a log group, stream by stream."""
    logs = cloud.client("logs")
    for streams in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
        for stream in streams["logStreams"]:
            which = {"logGroupName": group, "logStreamName": stream["logStreamName"], "startFromHead": True}
            answer = logs.get_log_events(**which)
            while answer["events"]:
                yield from (event["message"] for event in answer["events"])
                answer = logs.get_log_events(**which, nextToken=answer["nextForwardToken"])


def items_of(cloud: EmbeddedCloud, table: str) -> Iterator[dict[str, Any]]:
    """Every item of a table."""
    which: dict[str, Any] = {}
    while True:
        page = cloud.table(table).scan(**which)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        which = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _forms(word: str) -> set[str]:
    """A word as it may be written: plain, form-encoded, and in base64 at each of its three places."""
    forms = {word, urllib.parse.quote(word), word.replace(" ", "+")}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + word.encode()).decode()
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        if len(inner) >= 8:
            forms.add(inner)
    return {re.sub(r"\s+", " ", form).lower() for form in forms}
