"""The launcher's and the watchdog's handlers, with the events that AWS sends them."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from chartcoder.errors import Unforeseen
from chartcoder.metrics import METRICS, NAMESPACE

EVENTS = Path(__file__).parents[3] / "events"
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:function",
    aws_request_id="request",
)


def event(name: str) -> dict:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def load(parts, settings, monkeypatch):
    """Imports a function's module as Lambda does, with the template's environment, on the stack of the test."""

    def load_app(name: str) -> ModuleType:
        module = f"functions.{name}.app"
        for variable, value in settings.as_environment().items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"test-{name}")
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "chartcoder")
        monkeypatch.setenv("AWS_XRAY_SDK_ENABLED", "false")
        monkeypatch.delitem(sys.modules, module, raising=False)
        app = importlib.import_module(module)
        monkeypatch.setattr(app, "parts", parts)
        return app

    return load_app


def metrics_of(output: str) -> dict[str, list[float]]:
    [metrics] = [json.loads(line) for line in output.splitlines() if "CloudWatchMetrics" in line]
    [directive] = metrics["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["service"]]
    return {metric["Name"]: metrics[metric["Name"]] for metric in directive["Metrics"]}


@pytest.mark.parametrize("name", ["backlog-alarm", "age-alarm"])
def test_an_alarm_launches_a_run_and_is_named_in_its_record(load, fleet, submit, name):
    submit()

    assert load("launcher").handler(event(f"launcher/{name}"), CONTEXT) == {"outcome": "launched", "run": "test-000001"}
    assert fleet.run("test-000001")["asked"][0]["by"] == f"alarm chartcoder-{name.removesuffix('-alarm')}"


def test_the_launcher_tells_what_is_on_the_list_of_metrics(load, capsys, submit):
    submit()

    load("launcher").handler(event("launcher/operator"), CONTEXT)

    told = metrics_of(capsys.readouterr().out)
    assert told == {"RunsLaunched": [1]}
    assert set(told) == set(METRICS["launcher"])


def test_an_operator_launches_a_run_without_an_alarm(load, fleet, submit):
    submit()

    load("launcher").handler(event("launcher/operator"), CONTEXT)
    assert fleet.run("test-000001")["asked"][0]["by"] == "operator"


def test_an_alarm_that_went_back_to_ok_launches_nothing(load, fleet, submit):
    submit()

    answer = load("launcher").handler(event("launcher/backlog-ok"), CONTEXT)
    assert (answer["outcome"], fleet.lease()) == ("nothing to do", None)


def test_the_watchdog_tells_what_it_found_in_metrics_and_in_the_log(load, capsys, submit, instances, launch_worker):
    submit(2)
    launch_worker("test-000099")
    instances.refusing = "OperationNotPermitted"

    answer = load("watchdog").handler(event("watchdog/scheduled"), CONTEXT)

    output = capsys.readouterr().out
    assert answer == {"terminated": 0, "died": [], "why_waiting": answer["why_waiting"]}
    assert answer["why_waiting"].startswith("launched: test-000001")
    assert metrics_of(output) == {
        "LeaseLapsed": [0],
        "RunsDied": [0],
        "InstancesNotTerminated": [1],
        "ChartsStalled": [0],
    }
    assert set(metrics_of(output)) == set(METRICS["watchdog"])
    errors = [line for line in map(json.loads, output.splitlines()) if line.get("level") == "ERROR"]
    assert [error["message"] for error in errors] == ["instances that should be gone are not"]


def test_a_watchdog_that_cannot_launch_fails_after_its_metrics_are_out(load, capsys, submit, monkeypatch):
    submit()
    app = load("watchdog")

    def none_to_give(*_, **__):
        raise RuntimeError("none to give")

    monkeypatch.setattr(app.parts.instances, "launch", none_to_give)
    with pytest.raises(Unforeseen, match="RuntimeError"):
        app.handler(event("watchdog/scheduled"), CONTEXT)
    assert metrics_of(capsys.readouterr().out)["ChartsStalled"] == [1]
