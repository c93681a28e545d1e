"""`sam local` on every recorded event, and the API behind `sam local start-api`, on a cloud with containers.

One story, told by the functions as SAM runs them: a chart is submitted, an alarm launches a run, and the run's
results are asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embedded.ports import free_port
from embedded.processes import Spawner
from embedded.sam_local import write_template
from tests.docker.conftest import ROOT, SAM, deploying
from tests.e2e.conftest import Pipeline, wait_for

EVENTS = sorted((ROOT / "events").glob("*/*.json"))
NO_ALARM = {"BacklogThreshold": "1000"}  # the alarm's event comes from the file
ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
START_API_SECONDS = 180


@dataclass
class Sam:
    """SAM's command line on a cloud."""

    pipeline: Pipeline
    template: Path
    network: str

    @property
    def options(self) -> list[str]:
        return ["--template", str(self.template), "--docker-network", self.network]

    def invoke(self, event: Path) -> Any:
        """What `sam local invoke` prints for a recorded event."""
        function = f"{event.parent.name.capitalize()}Function"
        command = [str(SAM), "local", "invoke", function, "--event", str(event), *self.options]
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def sam(engine: Any, pushed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sam]:
    with deploying(tmp_path_factory.mktemp("cloud"), pushed) as deploy:
        pipeline = deploy(**NO_ALARM)
        place = pipeline.cloud.containers.place
        template = write_template(pipeline.cloud, pipeline.cloud.data / "sam-local.json")
        yield Sam(pipeline, template, place.network)


@pytest.fixture(scope="module")
def answers(sam: Sam) -> dict[str, Any]:
    """The answer to every event, by `function/case`: first those that make something happen, then those that ask."""
    first = ["api/submit_chart", "api/submit_malformed", "launcher/backlog-ok", "launcher/backlog-alarm"]
    first += ["launcher/age-alarm"]
    found = {name: sam.invoke(ROOT / "events" / f"{name}.json") for name in first}
    wait_for(sam.pipeline.nothing_is_left, "the run that the launcher began is over")
    rest = [event for event in EVENTS if f"{event.parent.name}/{event.stem}" not in found]
    return found | {f"{event.parent.name}/{event.stem}": sam.invoke(event) for event in rest}


def body(answer: dict[str, Any], status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def test_a_chart_is_taken_and_a_malformed_one_is_refused(answers: dict[str, Any]) -> None:
    assert body(answers["api/submit_chart"], 202) == {"batch": "demo", "chart": "c1", "state": "waiting"}
    assert "expected" in body(answers["api/submit_malformed"], 400)["detail"]


def test_an_alarm_launches_one_run_however_many_alarms_there_are(answers: dict[str, Any]) -> None:
    run = answers["launcher/backlog-alarm"]["run"]
    assert answers["launcher/backlog-ok"] == {"outcome": "nothing to do", "run": None}
    assert answers["launcher/backlog-alarm"] == {"outcome": "launched", "run": run}
    assert answers["launcher/age-alarm"] == {"outcome": "already running", "run": run}
    assert answers["launcher/operator"] == {"outcome": "nothing to do", "run": None}  # the queue is empty by then


def test_the_run_coded_the_chart(answers: dict[str, Any]) -> None:
    assert [code["code"] for code in body(answers["api/chart"])["codes"]] == ["E11.9", "I10"]
    assert body(answers["api/charts"])["charts"][0]["id"] == "demo/c1"
    assert (body(answers["api/batch"])["coded"], body(answers["api/batch"])["done"]) == (1, True)
    assert [batch["batch"] for batch in body(answers["api/batches"])["batches"]] == ["demo"]
    assert body(answers["api/failures"])["failures"] == []
    assert answers["api/redrive"]["statusCode"] in (200, 202)


def test_the_runs_record_and_the_fleets_state_are_told(answers: dict[str, Any]) -> None:
    (run,) = body(answers["api/runs"])["runs"]
    assert (run["state"], run["asked"][0]["by"]) == ("done", "alarm chartcoder-backlog")
    assert body(answers["api/run_unknown"], 404)["status"] == 404
    assert body(answers["api/status"])["run"] is None
    assert answers["watchdog/scheduled"] == {"terminated": 0, "died": [], "why_waiting": ""}


def test_a_text_is_coded_at_once(answers: dict[str, Any]) -> None:
    assert {code["code"] for code in answers["coder/text"]["codes"]} >= {"E11.42", "I10"}
    assert body(answers["coder/http"])["codes"][0]["code"] == "J18.9"
    for case in ("http_malformed", "http_wrong_setting"):
        assert body(answers[f"coder/{case}"], 400)["title"] == "Bad Request"
    assert answers["coder/empty_text"]["codes"] == []
    assert answers["coder/no_text"]["errorType"] == "BadRequest"


def test_every_recorded_event_was_invoked(answers: dict[str, Any]) -> None:
    assert len(answers) == len(EVENTS) > 0


@pytest.fixture(scope="module")
def api(sam: Sam, answers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `sam local start-api` answers."""
    port, output = free_port(), tmp_path_factory.mktemp("start-api") / "output"
    with output.open("wb") as file:
        command = [str(SAM), "local", "start-api", "--port", str(port), "--warm-containers", "LAZY", *sam.options]
        process = Spawner().start(command, environment=ENVIRONMENT, directory=ROOT, output=file)
    try:
        wait_for(lambda: b"Running on" in output.read_bytes(), "start-api listens", seconds=START_API_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def curl(url: str, data: str | None = None) -> tuple[int, Any]:
    """As the README's lines."""
    asked = urllib.request.Request(url, data=data.encode() if data else None)  # noqa: S310
    if data:
        asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=60) as reply:  # noqa: S310 - loopback
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_start_api_answers_the_lines_of_the_readme(api: str) -> None:
    status, batch = curl(f"{api}/batches/demo")
    assert (status, batch["coded"]) == (200, 1)
    status, chart = curl(f"{api}/batches/demo/charts/c1")
    assert (status, chart["id"]) == (200, "demo/c1")
    status, coded = curl(f"{api}/code", '{"text": "Assessment: type 2 diabetes. Denies chest pain."}')
    assert (status, [code["code"] for code in coded["codes"]]) == (200, ["E11.9"])


def test_start_api_answers_what_is_wrong(api: str) -> None:
    assert curl(f"{api}/batches/no-such-batch")[0] == 404
    status, problem = curl(f"{api}/code", '{"text": 5}')
    assert (status, problem["title"]) == (400, "Bad Request")


def test_the_coder_function_needs_no_cloud(built: Path) -> None:
    command = [str(SAM), "local", "invoke", "CoderFunction", "--event", "events/coder/text.json"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {code["code"] for code in json.loads(done.stdout.strip().splitlines()[-1])["codes"]} >= {"E11.42", "I10"}
