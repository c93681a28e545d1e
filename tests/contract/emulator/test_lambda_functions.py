"""What Lambda does with an image function, shown where the image is a process of its handler."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from embedded.emulator import image_uri


@pytest.fixture
def invoke(client: Callable[[str], Any]) -> Callable[..., tuple[Any, str | None]]:
    """Calls a function and gives its answer and FunctionError."""

    def call(name: str, event: Any) -> tuple[Any, str | None]:
        answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    return call


ECHO, FAIL = "handlers.echo", "handlers.fail"


def test_a_function_finds_its_declared_environment_and_lambdas_own(function: Any, invoke: Any) -> None:
    name = function(ECHO, Environment={"Variables": {"DECLARED": "yes"}}, MemorySize=512)
    answer, error = invoke(name, {"x": 1})
    assert error is None
    environment = answer["environment"]
    assert environment["DECLARED"] == "yes"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert environment["AWS_REGION"] == "us-east-1"
    assert answer["arn"].endswith(f":function:{name}")
    assert 0 < answer["remaining_ms"] <= 10_000


def test_a_function_finds_nothing_of_the_environment_we_run_in(
    function: Any, invoke: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, _ = invoke(function(ECHO), {})
    allowed = ("AWS_", "LAMBDA_", "_", "LC_", "LANG", "HOME", "PATH", "PYTHONUNBUFFERED", "TMPDIR", "TZ", "PWD")
    assert [name for name in answer["environment"] if not name.startswith(allowed)] == []


def test_a_function_stays_warm_for_the_next_event(function: Any, invoke: Any) -> None:
    name = function(ECHO)
    first, second = invoke(name, {})[0], invoke(name, {})[0]
    assert first["process"] == second["process"]
    assert first["request_id"] != second["request_id"]


def test_calls_at_the_same_time_get_environments_of_their_own(function: Any, invoke: Any) -> None:
    name = function(ECHO)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: invoke(name, {})[0], range(2)))
    assert len({a["request_id"] for a in answers}) == 2


def test_an_exception_is_reported_as_lambda_reports_it(function: Any, invoke: Any) -> None:
    answer, error = invoke(function(FAIL), {"how": "raise"})
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "as asked")


def test_a_handler_that_cannot_be_imported_is_reported_as_lambda_reports_it(function: Any, invoke: Any) -> None:
    answer, error = invoke(function("no.such.module.handler"), {})
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"


def test_a_runtime_that_exits_is_reported_and_the_next_call_gets_a_new_one(function: Any, invoke: Any) -> None:
    name = function(FAIL)
    answer, error = invoke(name, {"how": "exit"})
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert invoke(name, {"how": "raise"})[0]["errorType"] == "ValueError"


def test_a_function_out_of_time_is_killed_and_said_so(function: Any, invoke: Any, emulator: Any) -> None:
    answer, error = invoke(function("handlers.hang", Timeout=1), {})
    assert error == "Unhandled"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "handlers.hang" not in emulator.control("GET", "processes")["functions"].values()


def test_get_function_answers_with_the_digest_that_runs(client: Any, function: Any) -> None:
    code = client("lambda").get_function(FunctionName=function(ECHO))["Code"]
    assert code["ImageUri"] == image_uri("embedded/control:latest")
    repository, _, digest = code["ResolvedImageUri"].partition("@")
    assert repository == image_uri("embedded/control")
    assert digest.startswith("sha256:") and len(digest) == len("sha256:") + 64


def test_what_a_function_writes_is_in_its_log_group(client: Any, function: Any, invoke: Any) -> None:
    group = f"/tests/{uuid.uuid4().hex}"
    client("logs").create_log_group(logGroupName=group)
    name = function(ECHO, LoggingConfig={"LogGroup": group})
    invoke(name, {"print": "something to keep"})
    events = [e["message"] for e in client("logs").filter_log_events(logGroupName=group)["events"]]
    assert "something to keep" in events
    assert any(line.startswith("REPORT RequestId: ") for line in events)
