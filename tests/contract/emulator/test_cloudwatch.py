"""What CloudWatch does and ministack does not: alarms by their own series and definition, that may call a function."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


@pytest.fixture
def cloudwatch(client: Callable[[str], Any]) -> Any:
    return client("cloudwatch")


@pytest.fixture
def alarm(cloudwatch: Any) -> Callable[..., str]:
    """Makes an alarm on a metric of its own and gives its name."""

    def make(**definition: Any) -> str:
        name = f"alarm-{uuid.uuid4().hex[:12]}"
        standard = {
            "MetricName": name,
            "Namespace": "tests",
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        }
        cloudwatch.put_metric_alarm(AlarmName=name, **{**standard, **definition})
        return name

    return make


@pytest.fixture
def echo(function: Callable[..., str]) -> str:
    """A function that logs what it is given; its name."""
    return function("handlers.echo")


def state(cloudwatch: Any, name: str) -> str:
    return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def put(cloudwatch: Any, name: str, value: float, **dimensions: str) -> None:
    pairs = [{"Name": key, "Value": each} for key, each in dimensions.items()]
    cloudwatch.put_metric_data(
        Namespace="tests", MetricData=[{"MetricName": name, "Value": value, "Dimensions": pairs}]
    )


def logged(logs: Any, function: str) -> list[str]:
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
    if not groups:
        return []
    return [e["message"] for e in logs.filter_log_events(logGroupName=groups[0]["logGroupName"])["events"]]


def test_an_alarm_looks_only_at_the_series_with_its_own_dimensions(
    cloudwatch: Any, alarm: Any, eventually: Any
) -> None:
    name = alarm(Dimensions=[{"Name": "QueueName", "Value": "mine"}])
    put(cloudwatch, name, 5, QueueName="another")
    put(cloudwatch, name, 0, QueueName="mine")
    eventually(lambda: state(cloudwatch, name) == "OK")
    put(cloudwatch, name, 5, QueueName="mine")
    assert state(cloudwatch, name) == "ALARM"


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [("notBreaching", "OK"), ("breaching", "ALARM"), ("missing", "INSUFFICIENT_DATA")],
)
def test_an_alarm_without_data_is_as_treat_missing_data_says(
    cloudwatch: Any, alarm: Any, eventually: Any, treatment: str, expected: str
) -> None:
    name = alarm(TreatMissingData=treatment)
    eventually(lambda: state(cloudwatch, name) == expected)


def test_as_many_periods_as_datapoints_to_alarm_says_must_breach(cloudwatch: Any, alarm: Any) -> None:
    name = alarm(EvaluationPeriods=2, DatapointsToAlarm=2)
    put(cloudwatch, name, 9)
    assert state(cloudwatch, name) != "ALARM"


def test_an_alarm_calls_a_function_with_the_event_that_aws_documents(
    client: Any, cloudwatch: Any, alarm: Any, echo: str, eventually: Any
) -> None:
    function = client("lambda").get_function(FunctionName=echo)["Configuration"]["FunctionArn"]
    name = alarm(AlarmActions=[function], Dimensions=[{"Name": "QueueName", "Value": "q"}])
    client("lambda").add_permission(
        FunctionName=echo,
        StatementId="alarm",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceArn=f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}",
        SourceAccount="111122223333",
    )
    put(cloudwatch, name, 5, QueueName="q")
    [line] = eventually(lambda: [line for line in logged(client("logs"), echo) if line.startswith("EVENT ")])
    event = json.loads(line.removeprefix("EVENT "))
    assert event["source"] == "aws.cloudwatch"
    assert event["alarmArn"].endswith(f":alarm:{name}")
    assert (event["accountId"], event["region"]) == ("111122223333", "us-east-1")
    assert event["alarmData"]["alarmName"] == name
    assert event["alarmData"]["state"]["value"] == "ALARM"
    assert event["alarmData"]["previousState"]["value"] in ("OK", "INSUFFICIENT_DATA")
    [metric] = event["alarmData"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {"namespace": "tests", "name": name, "dimensions": {"QueueName": "q"}}


def test_an_alarm_that_the_functions_policy_does_not_name_calls_nothing(
    client: Any, cloudwatch: Any, alarm: Any, echo: str, emulator: Any, eventually: Any
) -> None:
    function = client("lambda").get_function(FunctionName=echo)["Configuration"]["FunctionArn"]
    name = alarm(AlarmActions=[function])
    client("lambda").add_permission(
        FunctionName=echo,
        StatementId="another",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceArn="arn:aws:cloudwatch:us-east-1:111122223333:alarm:another",
    )
    put(cloudwatch, name, 5)
    eventually(lambda: f"alarm {name}: lambda.alarms.cloudwatch.amazonaws.com may not call" in emulator.log.read_text())
    assert logged(client("logs"), echo) == []


def test_an_alarm_fires_on_a_change_of_state_only(
    client: Any, cloudwatch: Any, alarm: Any, eventually: Any, emulator: Any
) -> None:
    name = alarm(AlarmActions=["arn:aws:lambda:us-east-1:111122223333:function:nobody"])
    put(cloudwatch, name, 5)
    put(cloudwatch, name, 6)
    assert emulator.log.read_text().count(f"alarm {name}: its action") == 1


def test_a_queue_publishes_its_backlog_as_sqs_does(client: Any, cloudwatch: Any, eventually: Any) -> None:
    name = f"queue-{uuid.uuid4().hex[:12]}"
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    for delay in (0, 0, 0, 600):
        client("sqs").send_message(QueueUrl=url, MessageBody="x", DelaySeconds=delay)
    client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=600)
    expected = {
        "ApproximateNumberOfMessagesVisible": 2.0,
        "ApproximateNumberOfMessagesNotVisible": 1.0,
        "ApproximateNumberOfMessagesDelayed": 1.0,
    }

    def latest() -> dict[str, float]:
        now = datetime.now(UTC)
        found = {}
        for metric in expected:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName=metric,
                Dimensions=[{"Name": "QueueName", "Value": name}],
                StartTime=now - timedelta(minutes=5),
                EndTime=now + timedelta(minutes=1),
                Period=300,
                Statistics=["Maximum"],
            )["Datapoints"]
            if points:
                found[metric] = max(p["Maximum"] for p in points)
        return found

    eventually(lambda: latest() == expected)


def test_metrics_in_a_functions_log_lines_become_metrics(
    client: Any, cloudwatch: Any, echo: str, eventually: Any
) -> None:
    metric = f"metric-{uuid.uuid4().hex[:12]}"
    document = {
        "_aws": {
            "Timestamp": 1,
            "CloudWatchMetrics": [{"Namespace": "emf", "Dimensions": [["service"]], "Metrics": [{"Name": metric}]}],
        },
        "service": "echo",
        metric: 3,
    }
    client("lambda").invoke(FunctionName=echo, Payload=json.dumps({"print": json.dumps(document)}))
    [found] = eventually(lambda: cloudwatch.list_metrics(Namespace="emf", MetricName=metric)["Metrics"])
    assert found["Dimensions"] == [{"Name": "service", "Value": "echo"}]
