"""Hostile requests to the API and the coder: a problem that says what was expected and repeats nothing."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
from typing import Any

import pytest

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, pack
from chartcoder.errors import UnreadableChart
from tests.contract.test_api import CONTEXT, EVENTS
from tests.unit.test_coder_function import function, http

__all__ = ["function"]

SECRET = "Quarrelwort"
DEEP = "[" * 200_000

BODIES = {
    "nothing": "",
    "no JSON": SECRET,
    "cut off": f'{{"batch": "b1", "text": "{SECRET}',
    "a list": json.dumps([{"batch": "b1", "text": SECRET}]),
    "a string": json.dumps(SECRET),
    "null": "null",
    "nested without end": DEEP,
    "nested without end, within": '{"text": ' + DEEP,
    "a name twice": '{"batch": "b1", "text": "x", "text": "Quarrelwort"}',
    "not a number": '{"batch": "b1", "text": NaN}',
    "a number without end": '{"batch": "b1", "text": ' + "9" * 10_000 + "}",
    "XML": f"<chart>{SECRET}</chart>",
    "a form": f"batch=b1&text={SECRET}",
    "multipart": f'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n{SECRET}\r\n--x--',
    "a mark before it": '\ufeff{"batch": "b1", "text": "x"}',
    "another encoding of JSON": "+ADs-" + SECRET,
    "text that is a list": json.dumps({"batch": "b1", "text": [SECRET]}),
    "text that is an object": json.dumps({"batch": "b1", "text": {"$ne": SECRET}}),
    "text that is a number": json.dumps({"batch": "b1", "text": 5}),
    "text that is a truth": json.dumps({"batch": "b1", "text": True}),
    "half a surrogate pair": '{"batch": "b1", "text": "Quarrelwort \\ud800"}',
}
IDS = {
    "upwards": "../b2",
    "dots": "..",
    "a slash": f"b1/{SECRET}",
    "a backslash": f"b1\\{SECRET}",
    "NUL": f"{SECRET}\x00",
    "a line end": f"b1\r\nX-{SECRET}: 1",
    "a line feed at the end": "b1\n",
    "encoded": "b1%2f..%2fb2",
    "a letter that looks like another": "\u0441hart",
    "a full-width letter": "\uff41",
    "digits of another script": "\u0661\u0662",
    "zero width": "b\u200b1",
    "a bidirectional mark": "b\u202e1",
    "half a surrogate pair": "b\ud8001",
    "129 letters": "b" * 129,
    "nothing": "",
    "a blank": f"Jane {SECRET}",
    "HTML": f"<b>{SECRET}</b>",
    "a list": [SECRET],
    "an object": {"S": SECRET},
    "a number": 5,
    "a truth": True,
}


def is_refused(answer: tuple[int, dict[str, str], dict[str, Any]], *, status: int = 400) -> None:
    code, headers, problem = answer
    assert (code, headers["Content-Type"], problem["status"]) == (status, "application/problem+json", status)
    assert "expected" in problem["detail"]
    assert SECRET not in json.dumps(problem) + json.dumps(headers)


def works(call: Any) -> None:
    assert call("POST", "/charts", {"batch": "good", "text": "Assessment: asthma."})[0] == 202


@pytest.mark.parametrize("name", BODIES)
def test_a_submission_of_another_shape_is_refused(call, name):
    is_refused(call("POST", "/charts", BODIES[name]))
    works(call)


@pytest.mark.parametrize("which", ["batch", "chart"])
@pytest.mark.parametrize("name", IDS)
def test_an_id_full_of_tricks_is_refused(call, name, which):
    is_refused(call("POST", "/charts", {"batch": "b1", "chart": "c1", "text": "x"} | {which: IDS[name]}))
    works(call)


@pytest.mark.parametrize("name", ["upwards", "a line end", "129 letters", "a blank", "a full-width letter"])
@pytest.mark.parametrize("path", ["/batches/{}", "/batches/{}/charts", "/batches/b1/charts/{}", "/runs/{}"])
def test_an_id_full_of_tricks_in_a_path_is_refused_or_no_route(call, path, name):
    status, _, problem = call("GET", path.format(IDS[name]))
    assert status in (400, 404)
    assert SECRET not in json.dumps(problem)


@pytest.mark.parametrize("name", ["upwards", "a list", "a number", "HTML"])
def test_a_redrive_of_a_batch_that_is_none_is_refused(call, name):
    is_refused(call("POST", "/failures/redrive", {"batch": IDS[name]}))


ENCODED = {
    "no base64": f"{SECRET}!",
    "cut off": "eyJiYXRjaCI",
    "no UTF-8": base64.b64encode(b'{"text": "\xff\xfe"}').decode(),
    "compressed": base64.b64encode(gzip.compress(f'{{"batch": "b1", "text": "{SECRET}"}}'.encode())).decode(),
    "UTF-16 without a mark": base64.b64encode('{"batch": "b1", "text": "x"}'.encode("utf-16-le")).decode(),
    "not ASCII": "é" * 8,
}


@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_body_that_is_none_is_refused(call, name):
    event = json.loads((EVENTS / "submit_chart.json").read_text()) | {"body": ENCODED[name], "isBase64Encoded": True}
    answer = importlib.import_module("functions.api.app").handler(event, CONTEXT)
    assert answer["statusCode"] == 400
    assert "expected" in json.loads(answer["body"])["detail"]
    assert SECRET not in json.dumps(answer)
    works(call)


def token(**key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


TOKENS = {
    "nothing": "",
    "no base64": f"{SECRET}!!",
    "not ASCII": "é\u202e",
    "no JSON": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "a list": base64.urlsafe_b64encode(b'["BATCHES"]').decode(),
    "nested without end": base64.urlsafe_b64encode(DEEP.encode()).decode(),
    "another partition": token(pk="BATCH#b2", sk="CHART#c1"),
    "a name too many": token(pk="BATCH#b1", sk="CHART#c1", x="y"),
    "a name too few": token(pk="BATCH#b1"),
    "another kind of item": token(pk="BATCH#b1", sk="TALLY#i-1"),
    "a number for a key": token(pk="BATCH#b1", sk=5),
    "an empty key": token(pk="BATCH#b1", sk=""),
    "a key over the limit": token(pk="BATCH#b1", sk="CHART#" + "c" * 2000),
    "half a surrogate pair": token(pk="BATCH#b1", sk="CHART#\ud800"),
    "the failures' token": token(pk="BATCH#b1", sk="CHART#c1", failed_pk="FAILED", failed_sk="2026"),
    "a partition in another place": token(sk="BATCH#b1", pk="CHART#c1"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_forged_token_is_refused(call, name):
    status, _, problem = call("GET", "/batches/b1/charts", query={"next_token": TOKENS[name]})
    assert status == 400
    assert "begin again without it" in problem["detail"]
    assert SECRET not in json.dumps(problem)


@pytest.mark.parametrize("route", ["/batches", "/failures", "/runs", "/batches/b2/charts"])
def test_a_token_of_one_list_is_none_of_another(call, results, route):
    for first in range(0, 120, 20):
        charts = [f"c{number:03}" for number in range(first, first + 20)]
        results.store([coded(chart) for chart in charts], worker="i-1", run="stack-000001")
    page = call("GET", "/batches/b1/charts")[2]
    assert call("GET", route, query={"next_token": page["next_token"]})[0] == 400
    assert len(call("GET", "/batches/b1/charts", query={"next_token": page["next_token"]})[2]["charts"]) == 20


def test_a_token_of_the_failures_goes_on_with_the_failures(call, results):
    for first in range(0, 120, 20):
        failed = [
            Outcome.failed(reference(f"c{number:03}"), UnreadableChart("the chart has no text"))
            for number in range(first, first + 20)
        ]
        results.store(failed, worker="i-1", run="stack-000001")
    page = call("GET", "/failures")[2]
    assert len(call("GET", "/failures", query={"next_token": page["next_token"]})[2]["failures"]) == 20


def reference(chart: str) -> ChartReference:
    return ChartReference(f"charts/b1/{chart}.txt", "v1", None, "1")


def coded(chart: str) -> Outcome:
    return Outcome(reference(chart), "coded", ("I10",), pack({"id": f"b1/{chart}", "codes": [], "findings": []}))


def test_html_in_evidence_comes_as_json_that_no_browser_takes_for_a_page(call, results):
    finding = {"text": "<script>alert(1)</script>", "start": 0, "end": 25}
    packed = pack({"id": "b1/c1", "codes": [], "findings": [finding]})
    results.store([Outcome(reference("c1"), "coded", ("I10",), packed)], worker="i-1", run="stack-000001")
    _, headers, answer = call("GET", "/batches/b1/charts/c1")
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/json", "nosniff")
    assert headers["Cache-Control"] == "no-store"
    assert answer["findings"] == [finding]


def test_a_chart_over_the_limit_is_refused_with_the_limit(call):
    status, _, problem = call("POST", "/charts", {"batch": "b1", "text": SECRET * 1_000_000})
    assert status == 413
    assert "expected at most 10,000,000" in problem["detail"]
    assert SECRET not in json.dumps(problem)


def test_a_result_longer_than_an_answer_may_be_is_refused_with_what_to_do(call, results):
    finding = {"text": SECRET, "start": 0, "end": 11}
    packed = pack({"id": "b1/c1", "codes": [], "findings": [finding] * 150_000})
    results.store([Outcome(reference("c1"), "coded", ("I10",), packed)], worker="i-1", run="stack-000001")
    status, _, problem = call("GET", "/batches/b1/charts/c1")
    assert status == 413
    assert "Split the document" in problem["detail"]
    assert call("GET", "/batches/b1/charts")[2]["charts"][0]["codes"] == ["I10"]


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nothing"])
def test_the_coder_refuses_a_body_of_another_shape(function, name, capsys):
    body = BODIES[name]
    answer = http(function, body)
    assert answer["statusCode"] == 400
    written = capsys.readouterr()
    assert SECRET not in answer["body"] + written.out + written.err
    assert http(function, json.dumps({"text": "Assessment: asthma."}))["statusCode"] == 200


@pytest.mark.parametrize("name", ENCODED)
def test_the_coder_refuses_an_encoded_body_that_is_none(function, name):
    answer = http(function, ENCODED[name], encoded=True)
    assert answer["statusCode"] == 400
    assert SECRET not in answer["body"]


@pytest.mark.parametrize(
    "more",
    [
        {"id": "\ud800"},
        {"id": "x" * 300},
        {"id": [SECRET]},
        {"setting": SECRET},
        {"setting": [SECRET]},
        {"setting": None},
    ],
)
def test_the_coder_refuses_facts_of_another_shape(function, more):
    answer = http(function, json.dumps({"text": "x"} | more))
    assert answer["statusCode"] == 400
    assert SECRET not in answer["body"]
