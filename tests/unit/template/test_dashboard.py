"""What is looked at is there: each metric of the dashboard and the alarms is told by somebody, and none is told for
nobody; each query asks for what the logs hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chartcoder.cloud.results import Outcome  # noqa: F401 - its errors belong to the tree
from chartcoder.errors import ChartError
from chartcoder.logs import FIELDS
from chartcoder.metrics import METRICS, NAMESPACE
from tests.unit.template.cloudformation import Stack

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
AWS = {
    # what AWS publishes of the resources that the stack has, by its dimensions (each service's guide, "metrics")
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateAgeOfOldestMessage",
    },
    ("AWS/Lambda", ("FunctionName",)): {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
    ("AWS/ApiGateway", ("ApiName", "Stage")): {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
}
STANDARD = {"level", "message", "service", "exception", "timestamp", "xray_trace_id"}  # of each line (chartcoder.logs)
ACCESS = {"method", "route", "status", "ms", "caller", "source", "bytes", "at"}  # of the API's access log
INSIGHTS = {"@timestamp", "@logStream", "@message"}

Metric = tuple[str, str, tuple[tuple[str, str], ...]]


def reasons(kind: type[ChartError] = ChartError) -> set[str]:
    """Why a chart may fail: the reasons of the error tree below its root, which nothing raises."""
    below = {kind.reason} if kind is not ChartError else set()
    return below.union(*(reasons(each) for each in kind.__subclasses__()))


def told() -> set[Metric]:
    """Every metric that a process of the stack tells."""
    found: set[Metric] = set()
    for kind, names in METRICS.items():
        service = ("service", f"chartcoder-{kind}")
        for name in names:
            if name == "ChartsFailed":
                found |= {(NAMESPACE, name, (service, ("reason", reason))) for reason in reasons()}
            else:
                found.add((NAMESPACE, name, (service,)))
    return found


def body(stack: Stack) -> dict:
    (dashboard,) = stack.of("CloudWatch::Dashboard").values()
    return json.loads(dashboard["DashboardBody"])


def rows(widget: dict) -> Iterator[Metric]:
    """The metrics of a widget, with what a row leaves out filled in from the row above."""
    above: list[str] = []
    for row in widget["properties"]["metrics"]:
        names = [part for part in row if isinstance(part, str)]
        if names[0] == "...":
            names = above[: len(above) - len(names) + 1] + names[1:]
        names = [above[number] if name == "." else name for number, name in enumerate(names)]
        above = names
        yield names[0], names[1], tuple(zip(names[2::2], names[3::2], strict=True))


def shown(stack: Stack) -> set[Metric]:
    return {row for widget in body(stack)["widgets"] if widget["type"] == "metric" for row in rows(widget)}


def watched(stack: Stack) -> set[Metric]:
    return {
        (alarm["Namespace"], alarm["MetricName"], tuple((d["Name"], d["Value"]) for d in alarm["Dimensions"]))
        for alarm in stack.of("CloudWatch::Alarm").values()
    }


def test_each_metric_that_is_shown_or_watched_is_told_by_a_process_or_published_by_aws(stack: Stack) -> None:
    for metric in shown(stack) | watched(stack):
        namespace, name, dimensions = metric
        published = AWS.get((namespace, tuple(dimension for dimension, _ in dimensions)), set())
        assert metric in told() or name in published, metric


def test_each_metric_that_a_process_tells_is_shown_or_watched(stack: Stack) -> None:
    assert told() <= shown(stack) | watched(stack)


def test_what_is_shown_of_a_resource_is_of_one_that_the_stack_has(stack: Stack) -> None:
    for _, name, dimensions in shown(stack):
        for dimension, value in dimensions:
            if dimension in ("QueueName", "FunctionName"):
                assert value.strip("${}").partition(".")[0] in stack.resources, name
            if dimension == "ApiName":
                assert value == stack.of("ApiGateway::RestApi")["Api"]["Name"]


def test_the_dashboard_shows_every_alarm(stack: Stack) -> None:
    (widget,) = [widget for widget in body(stack)["widgets"] if widget["type"] == "alarm"]
    assert sorted(widget["properties"]["alarms"]) == sorted(
        f"${{{name}.Arn}}" for name in stack.of("CloudWatch::Alarm")
    )


def test_the_dashboards_lines_are_the_stacks_own_settings(stack: Stack) -> None:
    lines = {
        line["label"]: line["value"]
        for widget in body(stack)["widgets"]
        for line in widget["properties"].get("annotations", {}).get("horizontal", [])
    }
    assert lines == {
        "LongestWaitMinutes": 60 * int(stack.parameter("LongestWaitMinutes")),
        "BudgetPerRun": float(stack.parameter("BudgetPerRun")),
    }


def test_no_widget_lies_on_another(stack: Stack) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(stack)["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert max(x for x, _ in cells) < 24 and not cells & taken, widget["properties"]["title"]
        taken |= cells


def test_there_is_no_dashboard_where_it_is_not_asked_for(expanded_template: dict) -> None:
    assert not Stack(expanded_template, {"ShowDashboard": "false"}).of("CloudWatch::Dashboard")


# questions to the logs

FIELD = r"@?[A-Za-z_]+"
VALUE = r'(?:"[^"]*"|\d+)'
COMPARED = rf"{FIELD} (?:=|!=|>=|<=|>|<) {VALUE}"
STAGES = {
    # of CloudWatch Logs Insights' query syntax, what these queries use
    "filter": rf"filter (?:{COMPARED})(?: (?:and|or) (?:{COMPARED}))*",
    "fields": rf"fields {FIELD}(?:, {FIELD})*",
    "stats": rf"stats (?:count\(\*\)|max\({FIELD}\)) as {FIELD}(?:, (?:count\(\*\)|max\({FIELD}\)) as {FIELD})*"
    rf" by {FIELD}(?:, {FIELD})*",
    "sort": rf"sort {FIELD} (?:asc|desc)",
    "limit": r"limit \d{1,4}",
}
WORDS = {*STAGES, "and", "or", "as", "by", "asc", "desc", "count", "max"}


def stages(query: str) -> list[str]:
    return [line.removeprefix("| ") for line in query.strip().splitlines()]


def asked_for(query: str) -> set[str]:
    """The fields that a query names, but for those that it makes itself."""
    bare = re.sub(r'"[^"]*"', "", query)
    return set(re.findall(r"@?[A-Za-z_]+", bare)) - WORDS - set(re.findall(r"as (\w+)", bare))


def queries(stack: Stack) -> dict[str, dict]:
    return stack.of("Logs::QueryDefinition")


def test_every_query_is_well_formed(stack: Stack) -> None:
    assert len(queries(stack)) == 6
    for name, query in queries(stack).items():
        for stage in stages(query["QueryString"]):
            pattern = STAGES[stage.partition(" ")[0]]
            assert re.fullmatch(pattern, stage), (name, stage)


@pytest.mark.parametrize("mistaken", ["fields message reason", "filter level == ERROR", "stats count() by x", "limit"])
def test_a_query_that_is_not_well_formed_is_seen(mistaken: str) -> None:
    assert not re.fullmatch(STAGES[mistaken.partition(" ")[0]], mistaken)


def test_every_query_asks_its_log_groups_for_fields_that_they_hold(stack: Stack) -> None:
    for name, query in queries(stack).items():
        groups = [group.strip("${}") for group in query["LogGroupNames"]]
        assert set(groups) <= set(stack.of("Logs::LogGroup")), name
        held = ACCESS if groups == ["ApiAccessLogGroup"] else FIELDS | STANDARD
        assert asked_for(query["QueryString"]) <= held | INSIGHTS, name


def test_the_access_log_holds_the_fields_that_are_asked_of_it(stack: Stack) -> None:
    (api,) = stack.of("ApiGateway::Stage").values()
    assert set(json.loads(api["AccessLogSetting"]["Format"])) >= ACCESS


def test_every_query_stands_in_the_operators_page_word_for_word(stack: Stack) -> None:
    page = OPERATIONS.read_text()
    for name, query in queries(stack).items():
        assert query["QueryString"].strip() in page, name
