"""A stack that takes bearer tokens: API Gateway, the authorizer and the real functions, with an issuer on loopback."""

from __future__ import annotations

import http.client
import json
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from chartcoder.chart import Chart
from chartcoder.cli.connection import Connection
from chartcoder.cli.review import ReviewServer
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.coding.coder import Coder
from chartcoder.errors import ChartcoderError
from embedded import REGION
from embedded.cloud import EmbeddedCloud
from functions.api.operations import OPERATIONS
from tests.issuer import AUDIENCE, SUBJECT, Issuer, part, serving

PROJECT = Path(__file__).resolve().parents[2]
TEXT = "ASSESSMENT: Hypertension."

Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def cloud(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    parameters = {"BacklogThreshold": "1000", "JwtIssuer": issuer.address, "JwtAudience": f"other,{AUDIENCE}"}
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=parameters, persist=False) as started:
        s3, settings = started.client("s3"), started.settings
        store = ResultsStore(started.table(settings.results_table), s3, settings.results_bucket)
        version = s3.put_object(Bucket=settings.charts_bucket, Key="charts/b1/c1.txt", Body=TEXT.encode())["VersionId"]
        result = Coder().code(Chart(id="b1/c1", text=TEXT)).as_dict()
        reference = ChartReference("charts/b1/c1.txt", version, None, "1")
        store.store([Outcome(reference, "coded", ("I10",), pack(result))], worker="i-1", run="run-000001")
        yield started


def ask(cloud: EmbeddedCloud, method: str, path: str, token: str | None, body: Any = None, **headers: str) -> Answer:
    """Through the door, which passes on what it gets."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(cloud.api_url + path, data, given, method=method)  # noqa: S310 - our own door
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            return reply.status, dict(reply.headers), json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


def test_every_route_asks_for_a_token(cloud: EmbeddedCloud) -> None:
    for operation in OPERATIONS:
        path = operation.path.replace("{", "").replace("}", "")
        status, headers, problem = ask(cloud, operation.method, path, None)
        assert (status, headers["Content-Type"]) == (401, "application/problem+json"), operation.id
        assert headers["WWW-Authenticate"] == "Bearer"
        assert "expected Authorization: Bearer" in problem["detail"]


def test_a_good_token_is_answered(cloud: EmbeddedCloud, issuer: Issuer) -> None:
    status, _, chart = ask(cloud, "GET", "/batches/b1/charts/c1", issuer.token())
    assert (status, [code["code"] for code in chart["codes"]]) == (200, ["I10"])
    assert ask(cloud, "POST", "/code", issuer.token(), {"text": TEXT}, Content_Type="application/json")[0] == 200


@pytest.mark.parametrize(
    "hostile",
    [
        lambda issuer: issuer.token(aud="payroll"),
        lambda issuer: issuer.token(exp=1),
        lambda issuer: issuer.token(iss="https://id.example.net"),
        lambda issuer: issuer.token(header={"kid": "k9"}),
        lambda issuer: f"{part({'alg': 'none'})}.{part(issuer.claims())}.{part({})}",
        lambda issuer: issuer.token().rpartition(".")[0] + ".",
        lambda issuer: "x",
    ],
    ids=["another audience", "over", "another issuer", "no such key", "alg none", "no signature", "no token"],
)
def test_a_bad_token_is_not(hostile: Any, cloud: EmbeddedCloud, issuer: Issuer) -> None:
    status, headers, _ = ask(cloud, "GET", "/batches", hostile(issuer))
    assert (status, headers["Content-Type"]) == (401, "application/problem+json")


def test_a_signature_is_no_token(cloud: EmbeddedCloud) -> None:
    keys = cloud.environment
    api = urlsplit(cloud.outputs["ApiUrl"])
    url = f"{cloud.endpoint}/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}/batches"
    request = AWSRequest(method="GET", url=url)
    SigV4Auth(
        Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), "execute-api", keys["AWS_REGION"]
    ).add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers.items())), timeout=60)  # noqa: S310
    assert refused.value.code in (401, 403)


def test_a_decision_is_kept_in_the_name_of_whose_token_it_was(cloud: EmbeddedCloud, issuer: Issuer) -> None:
    path = "/batches/b1/charts/c1/decisions"
    _, headers, _ = ask(cloud, "GET", path, issuer.token())
    body = {"code": "I10", "decision": "accept"}
    status, _, made = ask(cloud, "POST", path, issuer.token(), body, If_Match=headers["ETag"])
    assert (status, made["by"]) == (200, f"anna@example.org ({SUBJECT} of {issuer.address})")
    [kept] = ask(cloud, "GET", path, issuer.token())[2]["decisions"]
    assert kept["by"] == made["by"]
    bundle = ask(cloud, "GET", "/batches/b1/charts/c1/fhir", issuer.token())[2]
    assert made["by"] in json.dumps(bundle)


def test_a_key_of_one_person_is_not_that_of_another(cloud: EmbeddedCloud, issuer: Issuer) -> None:
    def submit(subject: str) -> str:
        status, _, accepted = ask(
            cloud, "POST", "/charts", issuer.token(sub=subject), {"batch": "keys", "text": TEXT},
            Content_Type="application/json", Idempotency_Key="made-up-7",
        )  # fmt: skip
        assert status == 202
        return str(accepted["chart"])

    first, again, other = submit("1"), submit("1"), submit("2")
    assert first == again != other


def test_a_stack_that_is_there_takes_tokens_once_it_is_given_an_issuer_and_signatures_once_it_has_none(
    issuer: Issuer, tmp_path: Path
) -> None:
    signed = {"BacklogThreshold": "1000"}
    tokens = signed | {"JwtIssuer": issuer.address, "JwtAudience": AUDIENCE}
    with EmbeddedCloud(PROJECT, tmp_path, parameters=signed) as cloud:
        assert ask(cloud, "GET", "/batches", None)[0] == 200, "the door signs"
    with EmbeddedCloud(PROJECT, tmp_path, parameters=tokens) as cloud:
        assert ask(cloud, "GET", "/batches", None)[0] == 401
        assert ask(cloud, "GET", "/batches", issuer.token())[0] == 200
    with EmbeddedCloud(PROJECT, tmp_path, parameters=signed) as cloud:
        assert ask(cloud, "GET", "/batches", None)[0] == 200


def test_an_issuer_that_does_not_answer_is_503(cloud: EmbeddedCloud, issuer: Issuer) -> None:
    """Asked of a fresh authorizer: what one knows it keeps for a while."""
    name = cloud.resources["AuthorizerFunction"]
    variables = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    cloud.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"AUTHORIZER_ISSUER": "http://127.0.0.1:9"}}
    )
    try:
        status, headers, problem = ask(cloud, "GET", "/batches", issuer.token())
    finally:
        cloud.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert "issuer does not answer" in problem["detail"]


def test_comprehend_medicals_own_client_sends_a_token_where_it_is_told_to(cloud: EmbeddedCloud, issuer: Issuer) -> None:
    client = boto3.client(
        "comprehendmedical",
        region_name=REGION,
        endpoint_url=f"{cloud.api_url}/comprehend",
        config=Config(signature_version=UNSIGNED),
    )
    client.meta.events.register(
        "before-call.comprehendmedical",
        lambda params, **_: params["headers"].update(Authorization=f"Bearer {issuer.token()}"),
    )
    concepts = [one for entity in client.infer_icd10_cm(Text=TEXT)["Entities"] for one in entity["ICD10CMConcepts"]]
    assert "I10" in {concept["Code"] for concept in concepts}


# the command line


def printing(token: str, tmp_path: Path) -> str:
    """A command that prints a token, and notes that it was asked."""
    script = tmp_path / "token.py"
    script.write_text(f"open({str(tmp_path / 'asked')!r}, 'a').write('x')\nprint({token!r})\n")
    return shlex.join([sys.executable, str(script)])


def test_the_command_line_sends_the_token_that_the_users_command_prints(
    cloud: EmbeddedCloud, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTCODER_TOKEN_COMMAND", printing(issuer.token(), tmp_path))
    connection = Connection("chartcoder", cloud.endpoint)
    assert "b1" in [batch["batch"] for batch in connection.pages("/batches", "batches")]
    connection.ask("GET", "/status")
    assert (tmp_path / "asked").read_text() == "x", "once, while it is good"


def test_a_token_that_is_over_is_asked_for_again(
    cloud: EmbeddedCloud, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTCODER_TOKEN_COMMAND", printing(issuer.token(exp=1), tmp_path))
    connection = Connection("chartcoder", cloud.endpoint)
    with pytest.raises(ChartcoderError, match="expected Authorization: Bearer"):
        connection.ask("GET", "/status")
    printing(issuer.token(), tmp_path)
    assert connection.ask("GET", "/status")["waiting"] is not None
    assert len((tmp_path / "asked").read_text()) == 3


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "takes tokens of its issuer"),
        ("'", "takes tokens of its issuer"),
        ("/nowhere/token", "FileNotFoundError"),
        ("false", "status 1"),
        ("echo a Quarrelwort", "printed no token"),
        ("true", "printed no token"),
    ],
)
def test_a_command_that_gives_no_token_is_told_of_and_not_repeated(
    command: str, told: str, cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTCODER_TOKEN_COMMAND", command)
    with pytest.raises(ChartcoderError, match=told) as refused:
        Connection("chartcoder", cloud.endpoint).ask("GET", "/status")
    assert "Quarrelwort" not in str(refused.value)


def test_the_review_page_is_opened_in_the_name_of_whose_token_it_is(
    cloud: EmbeddedCloud, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser has a cookie of this machine's; the token stays with the command line."""
    monkeypatch.setenv("CHARTCODER_TOKEN_COMMAND", printing(issuer.token(), tmp_path))
    with ReviewServer(Connection("chartcoder", cloud.endpoint), "/batches/b1/charts/c1/review") as server:
        browser = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        browser.request("GET", server.address.removeprefix(server.origin))
        opened = browser.getresponse()
        opened.read()
        cookie = str(opened.headers["Set-Cookie"]).partition(";")[0]
        browser.request("GET", "/batches/b1/charts/c1/review", headers={"Cookie": cookie})
        page = browser.getresponse()
        body = page.read()
    assert (page.status, b"<!doctype html>" in body.lower()) == (200, True)
    assert "Bearer" not in str(page.headers)
