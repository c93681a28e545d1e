"""The API's function from API Gateway's event to its answer, on moto."""

import base64
import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.errors import UnreadableChart

SETTINGS = {
    "STACK": "stack",
    "CHARTS_BUCKET": "charts",
    "RESULTS_BUCKET": "results",
    "RESULTS_TABLE": "results",
    "FLEET_TABLE": "fleet",
    "MASTER_LAUNCH_TEMPLATE": "lt-1",
    "WORKER_LAUNCH_TEMPLATE": "lt-2",
    "WORKER_SPOT_LAUNCH_TEMPLATE": "lt-3",
    "CONTROL_FUNCTION": "launcher",
    "CODER_FUNCTION": "coder",
    "WORKER_LOG_GROUP": "/w",
    "MASTER_LOG_GROUP": "/m",
}
EVENTS = Path(__file__).parents[2] / "events" / "api"
CALLER = "arn:aws:iam::111122223333:user/coder"
BILLABLE = {"E11.9": "Type 2 diabetes mellitus without complications"}
CONTEXT = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:x",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 29_000,
)


@pytest.fixture
def results(aws):
    return ResultsStore(aws.results_table, aws.s3, "results")


@pytest.fixture
def call(aws, monkeypatch):
    """Sends a request to a freshly wired function; gives (status, headers, body)."""
    queues = {"CHARTS_QUEUE_URL": aws.queue_url, "DEAD_LETTER_QUEUE_URL": aws.dead_letter_url}
    for name, value in (SETTINGS | queues).items():
        monkeypatch.setenv(f"CHARTCODER_{name}", value)
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "api")
    monkeypatch.setattr("functions.api.wiring.CoderFunction.describe", lambda _, code: BILLABLE.get(code))
    module = importlib.reload(importlib.import_module("functions.api.app"))

    def request(method, path, body=None, query=None, headers=None, caller=CALLER):
        data = isinstance(body, bytes)
        event = {
            "httpMethod": method,
            "path": path,
            "resource": path,
            "headers": headers or {},
            "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
            "requestContext": {"requestId": "1", "stage": "v1", "identity": {"userArn": caller}},
            "body": _sent(body),
            "isBase64Encoded": data,
        }
        answer = module.handler(event, CONTEXT)
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], headers, json.loads(answer["body"]) if answer["body"] else None

    return request


def _sent(body):
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    return body if body is None or isinstance(body, str) else json.dumps(body)


def store(results, *outcomes):
    results.store(outcomes, worker="i-1", run="stack-000001")


def reference(chart):
    return ChartReference(f"charts/b1/{chart}.txt", "v1", None, "1")


def coded(chart):
    result = {"id": f"b1/{chart}", "codes": [{"code": "I10"}], "findings": []}
    return Outcome(reference(chart), "coded", ("I10",), pack(result))


def test_a_submitted_chart_is_in_the_bucket_and_waits(call, aws):
    status, headers, _ = call("POST", "/charts", {"batch": "b1", "chart": "c1", "text": "Assessment: asthma"})

    assert status == 202
    assert headers["Location"] == "/batches/b1/charts/c1"
    assert aws.s3.get_object(Bucket="charts", Key="charts/b1/c1.txt")["Body"].read() == b"Assessment: asthma"
    assert call("GET", "/batches/b1/charts/c1")[2] == {"id": "b1/c1", "state": "waiting"}
    assert call("GET", "/batches/b1")[2]["waiting"] == 1
    assert [batch["batch"] for batch in call("GET", "/batches")[2]["batches"]] == ["b1"]


def test_a_chart_without_an_id_gets_one(call):
    _, headers, answer = call("POST", "/charts", {"batch": "b1", "text": "Assessment: asthma"})

    assert headers["Location"] == f"/batches/b1/charts/{answer['chart']}"


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "no json",
        "[]",
        {"batch": "b1"},
        {"batch": "b1", "text": "  "},
        {"text": "x"},
        {"batch": "../x", "text": "x"},
    ],
)
def test_a_malformed_submission_is_a_problem_that_says_what_was_expected(call, body):
    status, headers, problem = call("POST", "/charts", body)

    assert (status, headers["Content-Type"], problem["status"]) == (400, "application/problem+json", 400)
    assert "expected" in problem["detail"]


def test_a_coded_chart_answers_with_codes_and_findings(call, results):
    store(results, coded("c1"))

    status, _, answer = call("GET", "/batches/b1/charts/c1")

    assert status == 200
    assert answer["codes"] == [{"code": "I10"}]
    assert (answer["state"], answer["run"]) == ("coded", "stack-000001")


def test_a_failed_chart_answers_with_its_reason(call, results):
    store(results, Outcome.failed(reference("c1"), UnreadableChart("the chart has no text")))

    assert call("GET", "/batches/b1/charts/c1")[2]["reason"] == "unreadable"
    (failure,) = call("GET", "/failures")[2]["failures"]
    assert (failure["id"], failure["key"]) == ("b1/c1", "charts/b1/c1.txt")


def test_what_was_never_submitted_is_not_found(call):
    assert call("GET", "/batches/b9")[0] == 404
    assert call("GET", "/batches/b1/charts/c9")[0] == 404
    assert call("GET", "/runs/none")[0] == 404
    assert call("GET", "/nowhere")[0] == 404


def test_a_batch_is_done_when_all_its_charts_ended(call, results):
    for chart in ("c1", "c2"):
        call("POST", "/charts", {"batch": "b1", "chart": chart, "text": "x"})
    store(results, coded("c1"))
    assert call("GET", "/batches/b1")[2]["done"] is False
    store(results, Outcome.failed(reference("c2"), UnreadableChart("the chart has no text")))

    answer = call("GET", "/batches/b1")[2]

    assert answer == {
        "batch": "b1", "submitted": 2, "submitted_is_exact": True, "waiting": 0, "coded": 1, "failed": 1, "done": True,
        "progress": 1.0, "expected_end": None,
    }  # fmt: skip


def test_a_redrive_puts_failures_back_on_the_queue(call, results, aws):
    store(results, Outcome.failed(reference("c1"), UnreadableChart("x")), coded("c2"))

    assert call("POST", "/failures/redrive")[2]["redriven"] == 1

    assert call("GET", "/failures")[2]["failures"] == []
    assert call("GET", "/status")[2]["waiting"] == 1
    message = aws.sqs.receive_message(QueueUrl=aws.queue_url)["Messages"][0]["Body"]
    assert json.loads(message)["Records"][0]["s3"]["object"]["key"] == "charts/b1/c1.txt"


def test_a_redrive_of_one_batch_leaves_the_others(call, results):
    store(results, Outcome.failed(reference("c1"), UnreadableChart("x")))

    assert call("POST", "/failures/redrive", {"batch": "b2"})[2]["redriven"] == 0


def test_pages_go_on_where_the_last_ended(call, results):
    store(results, *(coded(f"c{number:03}") for number in range(20)))
    for first in range(20, 120, 20):
        store(results, *(coded(f"c{number:03}") for number in range(first, first + 20)))

    first = call("GET", "/batches/b1/charts")[2]
    second = call("GET", "/batches/b1/charts", query={"next_token": first["next_token"]})[2]

    assert len(first["charts"]) == 100
    assert len(second["charts"]) == 20
    assert second["next_token"] is None


def test_a_made_up_token_is_refused(call):
    assert call("GET", "/batches", query={"next_token": "e30"})[0] == 400


def test_the_status_of_an_idle_stack(call):
    assert call("GET", "/status")[2] == {
        "waiting": 0, "in_flight": 0, "delayed": 0, "dead_letters": 0, "run": None, "watchdog": None, "why": [],
    }  # fmt: skip
    assert call("GET", "/runs")[2] == {"runs": [], "next_token": None}


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("submit_chart", 202),
        ("submit_malformed", 400),
        ("batches", 200),
        ("batch", 404),
        ("charts", 200),
        ("chart", 404),
        ("failures", 200),
        ("redrive", 200),
        ("runs", 200),
        ("run_unknown", 404),
        ("status", 200),
    ],
)
def test_every_recorded_event_is_answered(call, case, status):
    event = json.loads((EVENTS / f"{case}.json").read_text())

    assert importlib.import_module("functions.api.app").handler(event, CONTEXT)["statusCode"] == status


def test_every_recorded_event_is_tested():
    assert len(list(EVENTS.glob("*.json"))) == 11
