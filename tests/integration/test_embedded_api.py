"""The API through API Gateway, IAM and the real functions: signed by botocore, by curl, and by clients of others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from embedded import REGION
from embedded.cloud import EmbeddedCloud
from functions.api.operations import OPERATIONS

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}  # these tests ask the API, and wait for no fleet
TEXT = "ASSESSMENT: Type 2 diabetes mellitus. Hypertension. Ödeme. Denies chest pain."
LONG = 10_000  # characters: the most that Comprehend Medical itself takes

Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(cloud: EmbeddedCloud) -> str:
    """The stage's own address, which asks for a signature."""
    api = urlsplit(cloud.outputs["ApiUrl"])
    return f"{cloud.endpoint}/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}"


@pytest.fixture(scope="module")
def ask(cloud: EmbeddedCloud, gateway: str) -> Callable[..., Answer]:
    """Sends a request that botocore's own signer signed; gives (status, headers, body)."""
    keys = cloud.environment
    signer = SigV4Auth(
        Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), "execute-api", keys["AWS_REGION"]
    )

    def send(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method=method, url=gateway + path, data=data, headers=given)
        signer.add_auth(request)
        return fetch(gateway + path, method, data, dict(request.headers.items()))

    return send


def fetch(url: str, method: str = "GET", data: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    request = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310 - our own loopback endpoint
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            return reply.status, dict(reply.headers), _value(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), _value(error.read())


def _value(body: bytes) -> Any:
    return json.loads(body) if body.startswith((b"{", b"[")) else body


@pytest.fixture(scope="module")
def coded(cloud: EmbeddedCloud, ask: Callable[..., Answer]) -> str:
    """The path of a chart that was coded: by the coder's function, stored as a worker stores it."""
    s3, bucket = cloud.client("s3"), cloud.outputs["ChartsBucketName"]
    version = s3.put_object(Bucket=bucket, Key="charts/b1/c1.txt", Body=TEXT.encode())["VersionId"]
    result = ask("POST", "/code", {"text": TEXT, "id": "b1/c1"}, Content_Type="application/json")[2]
    store = ResultsStore(cloud.table(cloud.outputs["ResultsTableName"]), s3, cloud.outputs["ResultsBucketName"])
    codes = tuple(code["code"] for code in result["codes"])
    outcome = Outcome(ChartReference("charts/b1/c1.txt", version, None, "1"), "coded", codes, pack(result))
    store.store([outcome], worker="i-1", run="chartcoder-000001")
    return "/batches/b1/charts/c1"


def test_every_operation_of_the_document_is_a_route_that_asks_for_a_signature(gateway: str) -> None:
    for operation in OPERATIONS:
        path = re.sub(r"{\w+}", "x1", operation.path)
        status, headers, problem = fetch(gateway + path, operation.method)
        assert (status, headers["Content-Type"]) == (403, "application/problem+json"), operation.id
        assert problem["status"] == 403


def test_a_review_from_the_text_to_a_confirmed_condition(ask: Callable[..., Answer], coded: str) -> None:
    chart, text = ask("GET", coded)[2], ask("GET", f"{coded}/text")[2]["text"]
    assert {"E11.9", "I10"} <= {code["code"] for code in chart["codes"]}
    for finding in chart["findings"]:
        assert text[finding["start"] : finding["end"]] == finding["text"]

    _, headers, _ = ask("GET", f"{coded}/decisions")
    for code, decision in (("I10", "accept"), ("E11.9", "reject"), ("M10.9", "add")):
        status, headers, made = ask(
            "POST", f"{coded}/decisions", {"code": code, "decision": decision}, If_Match=headers["ETag"]
        )
        assert status == 200, made
        assert made["by"].startswith("arn:aws:iam::")
    assert made["description"] == "Gout, unspecified"

    bundle = ask("GET", f"{coded}/fhir")[2]
    conditions = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Condition"]
    status_of = {c["code"]["coding"][0]["code"]: c["verificationStatus"]["coding"][0]["code"] for c in conditions}
    assert status_of["I10"] == status_of["M10.9"] == "confirmed"
    assert "E11.9" not in status_of
    assert [chart["id"] for chart in ask("GET", "/codes/I10/charts")[2]["charts"]] == ["b1/c1"]


def test_a_code_that_is_divided_further_is_not_added(ask: Callable[..., Answer], coded: str) -> None:
    tag = ask("GET", f"{coded}/decisions")[1]["ETag"]
    status, _, problem = ask("POST", f"{coded}/decisions", {"code": "M10", "decision": "add"}, If_Match=tag)
    assert (status, "expected" in problem["detail"]) == (400, True)


def test_a_codes_description_is_the_releases(ask: Callable[..., Answer]) -> None:
    assert ask("GET", "/codes/I10")[2]["description"] == "Essential (primary) hypertension"
    assert ask("GET", "/codes/M10")[2]["billable"] is False
    assert ask("GET", "/codes/X99.99")[0] == 404


def test_the_same_key_sends_one_chart(ask: Callable[..., Answer], cloud: EmbeddedCloud) -> None:
    first, second = (
        ask(
            "POST",
            "/charts",
            {"batch": "once", "text": TEXT},
            Idempotency_Key="made-up-1",
            Content_Type="application/json",
        )
        for _ in range(2)
    )
    assert (first[0], first[2]) == (202, second[2])
    listed = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["ChartsBucketName"], Prefix="charts/once/")
    assert listed["KeyCount"] == 1


def test_a_documents_bytes_arrive_as_they_were_sent(ask: Callable[..., Answer], cloud: EmbeddedCloud) -> None:
    document = b"%PDF-1.4\n\xff\xfe\x00 no text"
    status, headers, _ = ask("POST", "/charts?batch=raw&chart=c1", document, Content_Type="application/pdf")
    assert (status, headers["Location"]) == (202, "/batches/raw/charts/c1")
    stored = cloud.client("s3").get_object(Bucket=cloud.outputs["ChartsBucketName"], Key="charts/raw/c1.pdf")
    assert stored["Body"].read() == document


def test_a_chart_is_uploaded_to_the_address_that_was_given(ask: Callable[..., Answer], cloud: EmbeddedCloud) -> None:
    [upload] = ask("POST", "/batches", {"batch": "up", "uploads": [{"chart": "c1"}]})[2]["uploads"]
    assert fetch(upload["url"], upload["method"], TEXT.encode(), upload["headers"])[0] == 200
    assert ask("GET", "/batches/up/charts/c1")[2]["state"] == "waiting"
    other = upload["url"].replace("/c1.txt", "/c2.txt")
    assert fetch(other, "PUT", b"x")[0] == 403


def test_comprehend_medicals_own_client_is_answered_whatever_the_length(cloud: EmbeddedCloud) -> None:
    keys = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up"}
    client = boto3.client("comprehendmedical", region_name=REGION, endpoint_url=f"{cloud.api_url}/comprehend", **keys)
    text = "Plan: as discussed. " * (LONG // 20) + TEXT
    answer = client.infer_icd10_cm(Text=text)
    concepts = {concept["Code"] for entity in answer["Entities"] for concept in entity["ICD10CMConcepts"]}
    assert {"E11.9", "I10"} <= concepts
    for entity in answer["Entities"]:
        assert text[entity["BeginOffset"] : entity["EndOffset"]] == entity["Text"]


def test_comprehend_medicals_own_client_is_answered_where_requests_are_signed(
    cloud: EmbeddedCloud, gateway: str
) -> None:
    client = boto3.client(
        "comprehendmedical",
        region_name=REGION,
        endpoint_url=f"{gateway}/comprehend",
        aws_access_key_id=cloud.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud.environment["AWS_SECRET_ACCESS_KEY"],
    )
    client.meta.events.register(
        "before-sign.comprehendmedical",
        lambda request, **_: request.context.update(signing={"signing_name": "execute-api"}),
    )
    assert client.infer_icd10_cm(Text=TEXT)["Entities"]


def test_curl_signs_requests_too(cloud: EmbeddedCloud, gateway: str) -> None:
    curl = shutil.which("curl")
    assert curl, "curl is not installed"
    user = f"{cloud.environment['AWS_ACCESS_KEY_ID']}:{cloud.environment['AWS_SECRET_ACCESS_KEY']}"
    arguments = ["--aws-sigv4", f"aws:amz:{REGION}:execute-api", "--user", user, f"{gateway}/openapi.json"]
    done = subprocess.run([curl, "--silent", "--fail-with-body", *arguments], capture_output=True, check=False)
    assert json.loads(done.stdout)["openapi"] == "3.1.0"


def test_what_the_gateway_refuses_is_a_problem(ask: Callable[..., Answer]) -> None:
    status, headers, problem = ask("POST", "/charts", {"batch": "b1"}, Content_Type="application/json")
    assert (status, headers["Content-Type"], problem["status"]) == (400, "application/problem+json", 400)
    assert "expected" in problem["detail"]


def test_a_disabled_key_is_told_while_nothing_else_can_be(ask: Callable[..., Answer], cloud: EmbeddedCloud) -> None:
    kms, key = cloud.client("kms"), cloud.outputs["KeyArn"]
    kms.disable_key(KeyId=key)
    try:
        status, _, answer = ask("GET", "/status")
    finally:
        kms.enable_key(KeyId=key)
    assert (status, answer["why"][0]["cause"]) == (200, "key")
    assert "key" not in [why["cause"] for why in ask("GET", "/status")[2]["why"]]
