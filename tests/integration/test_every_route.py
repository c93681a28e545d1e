"""Every operation of the API, from curl and signed by botocore, on the embedded cloud: answered as its document says.

The table below has one request an operation; a new operation without one fails the first test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from openapi_schema_validator import OAS31Validator

from chartcoder.chart import Chart
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.coding.coder import Coder
from chartcoder.errors import UnreadableChart
from embedded import REGION
from embedded.cloud import EmbeddedCloud
from functions.api import openapi
from functions.api.operations import AMZ_JSON, OPERATIONS, TARGET, Operation

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}
TEXT = "ASSESSMENT: Type 2 diabetes mellitus. Hypertension. Ödeme. Denies chest pain."
RUN = "chartcoder-000001"
SENDERS = ("curl", "botocore")
DOCUMENT = openapi.document()


@dataclass(frozen=True)
class Asked:
    """A request of an operation. `{sender}` stands for who sends it: what can be done once only, each does."""

    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


CHART = "/batches/b1/charts/c1"
REQUESTS: dict[str, Asked] = {
    "submit_chart": Asked("/charts", {"batch": "s1", "text": TEXT}, {"Idempotency-Key": "one-{sender}"}, 202),
    "submit_batch": Asked("/batches", {"batch": "s2", "charts": [{"text": TEXT}]}, {}, 202),
    "list_batches": Asked("/batches"),
    "get_batch": Asked("/batches/b1"),
    "count_codes": Asked("/batches/b1/codes"),
    "list_charts": Asked("/batches/b1/charts"),
    "get_chart": Asked(CHART),
    "get_text": Asked(f"{CHART}/text"),
    "get_fhir": Asked(f"{CHART}/fhir?refuted=true"),
    "list_decisions": Asked(f"{CHART}/decisions"),
    "decide": Asked(
        "/batches/b1/charts/{sender}/decisions", {"code": "I10", "decision": "accept"}, {"If-Match": "the ETag read"}
    ),
    "redrive_chart": Asked("/batches/b1/charts/failed-{sender}/redrive", status=202),
    "list_charts_of_code": Asked("/codes/I10/charts?batch=b1"),
    "list_failures": Asked("/failures"),
    "redrive": Asked("/failures/redrive", {"batch": "b2"}),
    "list_runs": Asked("/runs"),
    "get_run": Asked(f"/runs/{RUN}"),
    "get_status": Asked("/status"),
    "review_batch": Asked("/batches/b1/review"),
    "review_chart": Asked(f"{CHART}/review"),
    "get_asset": Asked("/pages/chart.js"),
    "get_document": Asked("/openapi.json"),
    "describe_code": Asked("/codes/I10"),
    "code_text": Asked("/code", {"text": TEXT}),
    "infer_icd10cm": Asked(
        "/comprehend", {"Text": TEXT}, {"X-Amz-Target": TARGET.schema["enum"][0], "Content-Type": AMZ_JSON}
    ),
}

Answer = tuple[int, Message, bytes]
Send = Callable[..., Answer]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as started:
        plant(started)
        yield started


def plant(cloud: EmbeddedCloud) -> None:
    """What the requests ask for: charts that were coded, charts that failed, and a run."""
    s3, settings = cloud.client("s3"), cloud.settings
    store = ResultsStore(cloud.table(settings.results_table), s3, settings.results_bucket)
    outcomes = []
    failing = [f"b1/failed-{sender}" for sender in SENDERS]
    for chart in ("b1/c1", *(f"b1/{sender}" for sender in SENDERS), *failing, "b2/failed"):
        key = f"charts/{chart}.txt"
        version = s3.put_object(Bucket=settings.charts_bucket, Key=key, Body=TEXT.encode())["VersionId"]
        reference = ChartReference(key, version, None, "1")
        if "failed" in chart:
            outcomes.append(Outcome.failed(reference, UnreadableChart("the chart has no text")))
            continue
        coded = Coder().code(Chart(id=chart, text=TEXT))
        outcomes.append(Outcome(reference, "coded", tuple(c.code for c in coded.codes), pack(coded.as_dict())))
    store.store(outcomes, worker="i-1", run=RUN)
    fleet = FleetTable(cloud.table(settings.fleet_table))
    fleet.open_run(RUN, asked_by="alarm chartcoder-backlog", backlog=6, now=datetime.now(UTC))
    fleet.update_run(RUN, cost_usd=0.0031, workers_wanted=1)
    fleet.close_run(RUN, "done", "the queue is empty")


@pytest.fixture(scope="module")
def gateway(cloud: EmbeddedCloud) -> str:
    """The stage's own address, which asks for a signature."""
    api = urlsplit(cloud.outputs["ApiUrl"])
    return f"{cloud.endpoint}/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}"


@pytest.fixture(scope="module", params=SENDERS)
def send(request: pytest.FixtureRequest, cloud: EmbeddedCloud, gateway: str) -> Send:
    """Sends one request; gives status, headers and body."""
    keys = cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"]
    by = by_curl if request.param == "curl" else by_botocore

    def asked(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        given = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return by(keys, method, gateway + path, data, given | (headers or {}))

    asked.sender = request.param  # type: ignore[attr-defined]
    return asked


def by_botocore(keys: tuple[str, str], method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    request = AWSRequest(method=method, url=url, data=data, headers=headers)
    SigV4Auth(Credentials(*keys), "execute-api", REGION).add_auth(request)
    signed = urllib.request.Request(url, data, dict(request.headers.items()), method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(signed, timeout=60) as reply:  # noqa: S310
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def by_curl(keys: tuple[str, str], method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    curl = shutil.which("curl")
    assert curl, "curl is not installed"
    command = [curl, "--silent", "--show-error", "--request", method, "--user", ":".join(keys)]
    command += ["--aws-sigv4", f"aws:amz:{REGION}:execute-api", "--include"]
    command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    command += [] if data is None else ["--data-binary", "@-"]
    done = subprocess.run([*command, url], input=data or b"", capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, _, headers_told = head.decode().partition("\r\n")
    return int(status.split()[1]), message_from_string(headers_told), body


def test_every_operation_has_its_request() -> None:
    assert set(REQUESTS) == {operation.id for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
def test_an_operation_is_answered_as_the_document_says(operation: Operation, send: Send) -> None:
    asked, sender = REQUESTS[operation.id], send.sender  # type: ignore[attr-defined]
    path = asked.path.format(sender=sender)
    headers = {name: value.format(sender=sender) for name, value in asked.headers.items()}
    if "If-Match" in headers:
        headers["If-Match"] = send("GET", path)[1]["ETag"]
    status, answered, body = send(operation.method, path, asked.body, headers)

    assert status == asked.status, body
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"][str(status)]
    media_type = answered["Content-Type"].partition(";")[0]
    assert media_type in described["content"]
    for name in described.get("headers", {}):
        assert answered[name], name
    if "json" in media_type:
        schema = described["content"][media_type]["schema"] | {"components": DOCUMENT["components"]}
        assert not [error.message for error in OAS31Validator(schema).iter_errors(json.loads(body))]
    else:
        assert body
    if operation.method == "GET":
        again, held, nothing = send("GET", path, None, {"If-None-Match": answered["ETag"]})
        if operation.id != "get_status":  # whose answer may change while it is read
            assert (again, held["ETag"], nothing) == (304, answered["ETag"], b"")
