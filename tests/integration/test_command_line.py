"""The command line on a deployed stack: the embedded cloud, by its endpoint."""

from __future__ import annotations

import http.client
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from chartcoder.chart import Chart
from chartcoder.cli import app
from chartcoder.cli.connection import Connection
from chartcoder.cli.review import ReviewServer
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.coding.coder import Coder
from chartcoder.errors import ChartcoderError, UnreadableChart
from embedded.cloud import EmbeddedCloud

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as started:
        s3, settings = started.client("s3"), started.settings
        store = ResultsStore(started.table(settings.results_table), s3, settings.results_bucket)
        references = []
        for number, chart in enumerate(("c1", "c2"), start=1):
            key = f"charts/b1/{chart}.txt"
            version = s3.put_object(Bucket=settings.charts_bucket, Key=key, Body=b"Hypertension.")["VersionId"]
            references.append(ChartReference(key, version, 13, f"{number:032x}"))
        result = Coder().code(Chart(id="b1/c1", text="ASSESSMENT: Hypertension.")).as_dict()
        coded = Outcome(references[0], "coded", ("I10",), pack(result))
        failed = Outcome.failed(references[1], UnreadableChart("a picture"))
        store.store([coded, failed], worker="i-1", run="run-000001")
        yield started


@pytest.fixture
def run(cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Says a command; gives its standard output."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.chdir(tmp_path)

    def said(*words: str) -> str:
        answer = CliRunner().invoke(app, words, catch_exceptions=True)
        if isinstance(answer.exception, ChartcoderError):
            raise answer.exception
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    return said


def keys(cloud: EmbeddedCloud, batch: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.settings.charts_bucket, Prefix=f"charts/{batch}/")
    return [held["Key"] for held in found.get("Contents", [])]


def mapped() -> dict[str, str]:
    """File's name -> chart, by the map in the working folder."""
    lines = [json.loads(line) for line in Path("s1.charts.jsonl").read_text().splitlines()]
    return {Path(line["file"]).name: line["chart"] for line in lines}


def test_ids_say_nothing_of_the_files_and_a_private_map_says_which_is_which(cloud: EmbeddedCloud, run: Any) -> None:
    Path("charts").mkdir()
    Path("charts/Doe, Jane.txt").write_text("Hypertension.")
    Path("charts/two.jsonl").write_text('{"id": "a", "text": "Gout."}\n{"id": "b", "text": "Asthma."}\n')
    assert "3 charts submitted" in run("submit", "charts", "--batch", "private")
    assert len(keys(cloud, "private")) == 3
    assert not [key for key in keys(cloud, "private") if "Doe" in key or "Jane" in key]
    assert stat.S_IMODE(Path("private.charts.jsonl").stat().st_mode) == 0o600
    assert "Jane" in Path("private.charts.jsonl").read_text()


def test_said_again_it_uploads_only_what_is_new_changed_or_gone(cloud: EmbeddedCloud, run: Any) -> None:
    for name in ("a", "b", "c"):
        Path(f"{name}.txt").write_text(name)
    run("submit", "a.txt", "b.txt", "c.txt", "--batch", "s1")
    before = mapped()
    Path("b.txt").write_text("changed")
    Path("d.txt").write_text("a")  # the same bytes as a.txt
    cloud.client("s3").delete_object(Bucket=cloud.settings.charts_bucket, Key=f"charts/s1/{before['c.txt']}.txt")
    said = run("submit", "a.txt", "b.txt", "c.txt", "d.txt", "--batch", "s1")
    assert "2 charts submitted, 2 there already" in said
    assert mapped() == before | {"d.txt": before["a.txt"]}
    assert len(keys(cloud, "s1")) == 3


def test_an_upload_that_was_broken_off_is_done_again_under_its_id(cloud: EmbeddedCloud, run: Any) -> None:
    Path("a.txt").write_text("a")
    Path("s1.charts.jsonl").write_text(
        json.dumps({"chart": "c7", "file": str(Path("a.txt").resolve()), "sha256": ""}) + "\n"
    )
    assert "1 charts submitted" in run("submit", "a.txt", "--batch", "broken", "--map", "s1.charts.jsonl")
    assert keys(cloud, "broken") == ["charts/broken/c7.txt"]


def test_names_are_kept_where_that_is_asked_for_and_no_two_are_alike(cloud: EmbeddedCloud, run: Any) -> None:
    for name in ("a b.txt", "a+b.txt", "sub/a b.pdf", ".hidden"):
        Path("in", name).parent.mkdir(parents=True, exist_ok=True)
        Path("in", name).write_bytes(b"x")
    run("submit", "in", "--batch", "named", "--keep-names")
    assert keys(cloud, "named") == ["charts/named/a-b-2.txt", "charts/named/a-b.txt", "charts/named/sub-a-b.pdf"]
    assert "0 charts submitted, 3 there already" in run("submit", "in", "--batch", "named", "--keep-names")


def test_status_tells_a_batchs_progress(run: Any) -> None:
    assert "2 of 2 charts ended (1 coded, 1 failed, 0 waiting)" in run("status", "b1", "--watch")
    assert json.loads(run("status", "--json"))["run"] is None


def test_results_come_in_each_format_and_failures_with_their_reason(run: Any) -> None:
    first, second = [json.loads(line) for line in run("results", "b1").splitlines()]
    assert (first["codes"][0]["code"], second["error"]["reason"]) == ("I10", "unreadable")
    assert "b1/c1,1,I10" in run("results", "b1", "--format", "csv")
    run("results", "b1", "--format", "fhir", "--out", "b1.ndjson")
    bundle, outcome = [json.loads(line) for line in Path("b1.ndjson").read_text().splitlines()]
    assert (bundle["resourceType"], outcome["resourceType"]) == ("Bundle", "OperationOutcome")
    answer, failed = [json.loads(line) for line in run("results", "b1", "--format", "comprehend").splitlines()]
    assert answer["Entities"][0]["ICD10CMConcepts"][0]["Code"] == "I10"
    assert (answer["ChartId"], failed["ChartId"]) == ("b1/c1", "b1/c2")
    assert "I10" in run("results", "b1", "--format", "table")
    run("results", "b1", "--format", "parquet", "--out", "tables")
    [codes] = pyarrow.parquet.read_table("tables/codes/batch=b1/part-00000.parquet").to_pylist()
    assert (codes["chart"], codes["code"]) == ("c1", "I10")


def test_failures_are_listed_runs_and_cost_are_told(run: Any) -> None:
    assert json.loads(run("failures", "--batch", "b1", "--json"))["id"] == "b1/c2"
    first, second = run("failures", "--batch", "b1").splitlines()
    assert (first.split()[0], first.split()[-1], second.strip()) == ("b1/c2", "unreadable", "a picture")
    assert run("failures", "--batch", "b2") == "none\n"
    assert run("failures", "--batch", "b2", "--json") == ""
    assert json.loads(run("cost", "--json"))["runs"] == 0
    assert "none" in run("runs")


def test_a_plan_says_workers_time_and_price_by_the_speed_that_the_last_run_measured(
    cloud: EmbeddedCloud, run: Any
) -> None:
    status = json.loads(run("status", "--json"))
    assert json.loads(run("plan", "--json"))["charts"] == status["waiting"] + status["in_flight"] + status["delayed"]
    assert json.loads(run("plan", "--charts", "0", "--json"))["usd"] == 0

    guessed = json.loads(run("plan", "--charts", "600000", "--json"))
    assert (guessed["rate"], guessed["measured_by"], guessed["workers"]) == (1000, "", 10)

    now, fleet = datetime.now(UTC), FleetTable(cloud.table(cloud.settings.fleet_table))
    fleet.open_run("planned-000001", asked_by="operator", backlog=1, now=now)
    fleet.update_run("planned-000001", rate=5000.0, instance_type="c7i.xlarge", engine="compiled")
    fleet.close_run("planned-000001", "done", "drained", now=now)
    measured = json.loads(run("plan", "--charts", "600000", "--json"))
    assert (measured["rate"], measured["measured_by"], measured["workers"]) == (5000, "planned-000001", 2)
    assert measured["usd"] < guessed["usd"]

    said = run("plan", "--charts", "600000", "--max-workers", "1", "--target-minutes", "30")
    assert "600,000 charts; 5,000 charts a minute and worker, measured by planned-000001" in said
    assert "1 workers of c7i.xlarge (1 Spot, 0 On-Demand), at most 1, to be done in 30 minutes" in said
    assert "about 123 minutes" in said
    assert "DynamoDB" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status", "nothing"], "no such batch"),
        (["status", "--stack", "nope"], "no stack 'nope'"),
        (["status", "--endpoint", "http://127.0.0.1:9"], "does not answer"),
        (["submit", "nothing.txt", "--batch", "b"], "no such file"),
        (["review", "a/b/c"], "BATCH/CHART"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(run: Any, words: list[str], told: str) -> None:
    with pytest.raises(ChartcoderError, match=told):
        run(*words)


@pytest.fixture
def server(cloud: EmbeddedCloud) -> Iterator[ReviewServer]:
    connection = Connection(cloud.stack, cloud.endpoint)
    with ReviewServer(connection, "/batches/b1/review") as server:
        yield server


def fetch(server: ReviewServer, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders())


def test_the_review_server_signs_for_the_browser_that_brings_its_token_once(server: ReviewServer) -> None:
    path = server.address.removeprefix(server.origin)
    status, headers = fetch(server, path)
    assert (status, headers["Location"]) == (303, "/batches/b1/review")
    assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    status, page = fetch(server, "/batches/b1/review", Cookie=cookie)
    assert status == 200
    assert page["Content-Security-Policy"].startswith("default-src 'none'")
    assert fetch(server, path)[0] == 403  # a second time


def test_the_review_server_lets_nobody_else_in(server: ReviewServer) -> None:
    cookie = f"{server.cookie}={server.session}"
    page = "/batches/b1/review"
    assert fetch(server, page)[0] == 403
    assert fetch(server, page, Cookie=f"{server.cookie}=guessed")[0] == 403
    assert fetch(server, page, Cookie=cookie, Host="evil.example")[0] == 403
    assert fetch(server, page, Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert fetch(server, page, Cookie=cookie, Sec_Fetch_Site="cross-site")[0] == 403
    assert fetch(server, page, method="POST", Cookie=cookie)[0] == 403  # names no origin
    assert fetch(server, page, Cookie=cookie)[0] == 200
