"""Alarms: two start a run, each of the others calls a person for one thing that went wrong."""

import re
from pathlib import Path

from tests.unit.template.cloudformation import VARIANTS, Stack

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
STARTING = ("BacklogAlarm", "AgeAlarm")


def test_two_alarms_start_a_run_by_calling_the_launcher_itself(stack: Stack) -> None:
    for name in STARTING:
        assert stack.of("CloudWatch::Alarm")[name]["AlarmActions"] == ["${LauncherFunction.Arn}"]


def test_the_backlog_alarm_counts_waiting_charts_each_minute(stack: Stack) -> None:
    alarm = stack.of("CloudWatch::Alarm")["BacklogAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "${ChartsQueue.QueueName}"}]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert (alarm["Threshold"], alarm["Period"]) == (stack.parameter("BacklogThreshold"), 60)


def test_the_age_alarm_counts_the_longest_wait_in_seconds(stack: Stack) -> None:
    alarm = stack.of("CloudWatch::Alarm")["AgeAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateAgeOfOldestMessage")
    assert alarm["Threshold"] == 60 * int(stack.parameter("LongestWaitMinutes"))


def test_every_choice_of_the_longest_wait_is_known_in_seconds(expanded_template: dict) -> None:
    choices = expanded_template["Parameters"]["LongestWaitMinutes"]["AllowedValues"]
    known = expanded_template["Mappings"]["Minutes"]
    assert {str(minutes): {"Seconds": 60 * minutes} for minutes in choices} == known


def test_only_these_alarms_of_this_account_may_call_the_launcher(stack: Stack) -> None:
    allowed = [p for p in stack.of("Lambda::Permission").values() if p["FunctionName"] == "${LauncherFunction}"]
    assert sorted(p["SourceArn"] for p in allowed) == ["${AgeAlarm.Arn}", "${BacklogAlarm.Arn}"]
    for permission in allowed:
        assert permission["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com"
        assert permission["SourceAccount"] == "123456789012"
        assert permission["Action"] == "lambda:InvokeFunction"


def test_there_is_an_alarm_for_each_thing_that_may_go_wrong(stack: Stack) -> None:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for name, alarm in stack.of("CloudWatch::Alarm").items()
        if name not in STARTING
    }
    assert watched == {
        ("ApproximateNumberOfMessagesVisible", "${DeadLetterQueue.QueueName}"),
        ("ApproximateNumberOfMessagesVisible", "${FailedEventsQueue.QueueName}"),
        ("LeaseLapsed", "chartcoder-watchdog"),
        ("InstancesNotTerminated", "chartcoder-watchdog"),
        ("ChartsStalled", "chartcoder-watchdog"),
        ("BudgetReached", "chartcoder-master"),
        ("FailedPercent", "chartcoder-master"),
        ("Errors", "${LauncherFunction}"),
        ("Errors", "${WatchdogFunction}"),
        ("Errors", "${ApiFunction}"),
        ("Errors", "${CoderFunction}"),
        ("Invocations", "${WatchdogFunction}"),
    } | ({("IssuerUnavailable", "chartcoder-authorizer")} if stack.parameter("JwtIssuer") else set())


def test_the_watchdogs_metrics_carry_the_dimension_its_alarms_ask_for(stack: Stack) -> None:
    variables = stack.of("Lambda::Function")["WatchdogFunction"]["Environment"]["Variables"]
    for name in ("LeaseLapsedAlarm", "NotTerminatedAlarm", "StalledAlarm"):
        alarm = stack.of("CloudWatch::Alarm")[name]
        assert alarm["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
        # Powertools gives every metric the service's name as its one dimension
        assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_charts_that_nobody_works_on_are_an_alarm_after_half_an_hour_of_looks(stack: Stack) -> None:
    alarm = stack.of("CloudWatch::Alarm")["StalledAlarm"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 30 * 60
    assert alarm["Statistic"] == "Minimum", "one look that finds somebody at work is enough to be at ease"


def runbook() -> tuple[list[str], list[str]]:
    """The alarms that the operators' page has an entry for, and those that its table lists."""
    section = OPERATIONS.read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
    entries = [name for line in re.findall(r"^### (.+)$", section, re.MULTILINE) for name in line.split(", ")]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    return entries, [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]


def names(stack: Stack) -> set[str]:
    return {alarm["AlarmName"].removeprefix("chartcoder-") for alarm in stack.of("CloudWatch::Alarm").values()}


def test_every_alarm_has_a_runbook_entry(stack: Stack) -> None:
    for kept in runbook():
        assert names(stack) <= set(kept)


def test_every_runbook_entry_is_of_an_alarm_that_some_stack_has(expanded_template: dict) -> None:
    every = set().union(*(names(Stack(expanded_template, variant)) for variant in VARIANTS.values()))
    for kept in runbook():
        assert sorted(kept) == sorted(every)


def test_a_watchdog_that_is_not_invoked_is_an_alarm(stack: Stack) -> None:
    alarm = stack.of("CloudWatch::Alarm")["WatchdogSilentAlarm"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching", "a function that is never invoked has no metric"


def test_every_alarm_says_what_missing_data_means(stack: Stack) -> None:
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        expected = "breaching" if name == "WatchdogSilentAlarm" else "notBreaching"
        assert alarm["TreatMissingData"] == expected, name


def test_every_alarm_has_a_name_that_the_keys_policy_lets_through(stack: Stack) -> None:
    for alarm in stack.of("CloudWatch::Alarm").values():
        assert alarm["AlarmName"].startswith("chartcoder-")


def test_alarms_tell_whoever_asked_to_be_told(stack: Stack) -> None:
    told = stack.parameter("NotificationEmail")
    assert [t["Subscription"] for t in stack.of("SNS::Topic").values()] == (
        [[{"Protocol": "email", "Endpoint": told}]] if told else []
    )
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        if name not in STARTING:
            assert alarm["AlarmActions"] == (["${Notifications}"] if told else []), name


def test_only_this_stacks_alarms_may_publish_notifications(stack: Stack) -> None:
    for policy in stack.of("SNS::TopicPolicy").values():
        (allow,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
