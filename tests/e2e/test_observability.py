"""What an operator sees of a run: one trace from a request to its result, its metrics, the dashboard."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chartcoder.metrics import METRICS, NAMESPACE
from embedded.cloud import EmbeddedCloud
from tests.e2e.conftest import ROOT, SCHEDULED, Pipeline, wait_for

TEXT = "Assessment: type 2 diabetes. Denies chest pain."
NO_CHART = base64.b64encode(b'{"resourceType": "Patient"}').decode()

Segment = dict[str, Any]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """After a run: charts by the API and charts uploaded, one of each without anything to code."""
    folder = tmp_path_factory.mktemp("observability")
    with EmbeddedCloud(ROOT, folder, parameters={"MaxWorkers": "1"}, persist=False) as cloud:
        pipeline = Pipeline(cloud)
        post(pipeline, "/charts", {"batch": "b1", "chart": "c1", "text": TEXT})
        post(pipeline, "/batches", {"batch": "b2", "charts": [{"chart": "c1", "document": NO_CHART}]})
        pipeline.upload("charts/b3/c1.txt", TEXT.encode())
        pipeline.upload("charts/b3/c2.txt", b"")
        wait_for(lambda: pipeline.ask("/runs")["runs"] and pipeline.nothing_is_left(), "the run ends")
        pipeline.invoke(cloud.outputs["WatchdogFunctionName"], SCHEDULED)
        yield pipeline


def post(pipeline: Pipeline, path: str, body: dict[str, Any]) -> None:
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(pipeline.cloud.api_url + path, json.dumps(body).encode(), kind)  # noqa: S310 - loopback
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        assert answer.status == 202


@pytest.fixture(scope="module")
def traces(pipeline: Pipeline) -> list[list[Segment]]:
    """The segments of each trace."""
    xray, now = pipeline.cloud.client("xray"), datetime.now(UTC)
    summaries = xray.get_trace_summaries(StartTime=now - timedelta(hours=1), EndTime=now)["TraceSummaries"]
    found = xray.batch_get_traces(TraceIds=[summary["Id"] for summary in summaries])["Traces"]
    return [[json.loads(segment["Document"]) for segment in trace["Segments"]] for trace in found]


@pytest.fixture(scope="module")
def journeys(traces: list[list[Segment]]) -> dict[str, tuple[Segment, list[Segment]]]:
    """Of each batch the worker's segment, and all of its trace."""
    found = {}
    for segments in traces:
        for segment in segments:
            if segment["name"] == "chartcoder-worker":
                found[segment["annotations"]["batch"]] = segment, segments
    return found


def test_charts_submitted_by_the_api_are_traced_to_their_results_and_others_are_not(journeys):
    ended = {batch: worked["annotations"]["state"] for batch, (worked, _) in journeys.items()}
    assert ended == {"b1": "coded", "b2": "failed"}
    assert journeys["b2"][0]["annotations"]["reason"] == "unreadable"


@pytest.mark.parametrize("batch", ["b1", "b2"])
def test_the_workers_segment_follows_from_the_requests_upload_in_one_trace(journeys, batch):
    worked, segments = journeys[batch]
    assert {segment["trace_id"] for segment in segments} == {worked["trace_id"]}
    (request,) = [segment for segment in segments if segment["name"] == "chartcoder-api"]
    (upload,) = [segment for segment in segments if segment["id"] == worked["parent_id"]]
    assert (upload["name"], upload["aws"]["operation"]) == ("s3", "PutObject")
    assert request["start_time"] < upload["start_time"] < worked["start_time"]
    assert [step["name"] for step in worked["subsegments"]] == ["read", "code", "store"]


def test_the_log_leads_from_a_chart_to_its_trace(pipeline, journeys):
    lines = [
        json.loads(line) for line in pipeline.log_of("/chartcoder/chartcoder/api").splitlines() if '"accepted"' in line
    ]
    told = {line["batch"]: (line.get("chart"), line["charts"], line["xray_trace_id"]) for line in lines}
    assert told == {
        "b1": ("b1/c1", 1, journeys["b1"][0]["trace_id"]),
        "b2": (None, 1, journeys["b2"][0]["trace_id"]),
    }


def test_every_run_is_traced_from_its_launch_to_its_end(pipeline, traces):
    found = {}
    for segments in traces:
        for run in (segment for segment in segments if segment["name"] == "chartcoder-master"):
            (launch,) = [one for one in segments if one["id"] == run["parent_id"]]
            assert launch["name"] in ("chartcoder-launcher", "chartcoder-watchdog")
            stages = [step["name"] for step in run["subsegments"]]
            assert stages[:3] == ["boot", "size", "launch"]
            assert stages[-3:] == ["terminate_workers", "close", "terminate_self"]
            found[run["annotations"]["run"]] = run["annotations"]["state"], run["annotations"]["coded"]
    assert found == {run["run"]: (run["state"], run["coded"]) for run in pipeline.ask("/runs")["runs"]}
    assert sum(coded for _, coded in found.values()) == 2


def test_no_segment_has_a_word_of_a_chart(traces):
    assert traces
    for segments in traces:
        assert not [word for word in ("diabetes", "Denies", "Patient") if word in json.dumps(segments)]


def test_every_process_tells_its_metrics_and_no_others(pipeline):
    found = {
        (metric["MetricName"], *sorted(dimension["Value"] for dimension in metric["Dimensions"]))
        for metric in pipeline.cloud.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    }
    expected = {(name, f"chartcoder-{kind}") for kind, names in METRICS.items() for name in names}
    expected -= {("IssuerUnavailable", "chartcoder-authorizer")}  # of a stack that takes tokens
    expected -= {("FailedPercent", "chartcoder-master")}  # of fifty charts and more
    expected -= {("TracesDropped", "chartcoder-worker"), ("ChartsFailed", "chartcoder-worker")}
    assert found == expected | {("ChartsFailed", "chartcoder-worker", "unreadable")}


def test_the_dashboard_is_there_with_every_name_filled_in(pipeline):
    shown = pipeline.cloud.client("cloudwatch").get_dashboard(DashboardName="chartcoder")["DashboardBody"]
    assert len(json.loads(shown)["widgets"]) == 13
    assert "$" not in shown


def test_a_run_that_went_well_calls_nobody(pipeline):
    told = pipeline.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="chartcoder-")["MetricAlarms"]
    states = {alarm["AlarmName"].removeprefix("chartcoder-"): alarm["StateValue"] for alarm in told}
    quiet = {"stalled", "budget", "failures", "lease-lapsed", "not-terminated", "launcher-errors"}
    assert {name: states[name] for name in quiet} == dict.fromkeys(quiet, "OK")
