"""CloudWatch: alarms look at their own series, by their own definition, and may call a function.

ministack evaluates alarms only on PutMetricData, ignores dimensions, periods, DatapointsToAlarm and TreatMissingData,
tells only SNS, and takes no metrics out of logs (the embedded metric format that Powertools writes).
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

from embedded.patches.base import replace, require

log = logging.getLogger("embedded.cloudwatch")

Alarm = dict[str, Any]
Series = list[dict[str, Any]]

ALARM_PRINCIPAL = "lambda.alarms.cloudwatch.amazonaws.com"
_judging = threading.RLock()  # a request and the meter may look at one alarm at once; it changes once
KEPT_SECONDS = 6 * 3600  # metrics older than any alarm of the stack looks back at

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def install() -> None:
    require(cloudwatch, "_alarms", "_metrics", "_dims_key", "_dims_from_list", "_calc_stats", "_stat_value")
    require(cloudwatch, "_record_history", "_evaluate_parent_alarms", "_dispatch_alarm_actions", "record_metric")
    require(lambda_svc, "_get_func_record_for_ref", "_execution_record_for_config", "invoke_async_with_retry")
    _install_evaluation()
    _install_actions()
    _install_embedded_metric_format()


def _install_evaluation() -> None:
    @replace(cloudwatch, "_evaluate_alarm", "alarm")
    def evaluate_alarm(original: Callable[..., None], alarm: Alarm) -> None:
        if not alarm.get("MetricName"):
            return original(alarm)
        with _judging:
            judge(alarm, now=time.time())
        return None


def judge(alarm: Alarm, *, now: float) -> None:
    """Set an alarm's state from its series, as "Evaluating an alarm" in the CloudWatch User Guide says.

    The periods slide, ending at `now`, where AWS aligns them to the clock: on loopback nobody wants to wait for the
    minute to be over.
    """
    period, wanted = int(alarm.get("Period") or 60), int(alarm.get("EvaluationPeriods") or 1)
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    series = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))) or []
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    points = list(_datapoints(series, statistic, period=period, count=wanted, now=now))
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    state = _state(alarm, [None if p is None else compare(p, float(alarm["Threshold"])) for p in points])
    if state and state != alarm["StateValue"]:
        shown = ", ".join("no data" if p is None else f"{p:g}" for p in points)
        _transition(
            alarm, state, f"Threshold Crossed: {statistic} [{shown}], newest first, against {alarm['Threshold']:g}"
        )


def _datapoints(series: Series, statistic: str, *, period: int, count: int, now: float) -> Iterator[float | None]:
    """The statistic of each of the last `count` periods, newest first; None where nothing was measured."""
    recent = []
    for point in reversed(series):  # points come in order of time; only the tail matters
        if point["Timestamp"] <= now - period * count:
            break
        recent.append(point)
    for index in range(count):
        begin, end = now - period * (index + 1), now - period * index
        inside = [p for p in recent if begin < p["Timestamp"] <= end]
        yield cloudwatch._stat_value(cloudwatch._calc_stats(inside), statistic, inside) if inside else None


def _state(alarm: Alarm, breaching: list[bool | None]) -> str | None:
    """ALARM, OK or INSUFFICIENT_DATA by TreatMissingData; None: leave it as it is."""
    treatment = alarm.get("TreatMissingData") or "missing"
    if treatment in ("breaching", "notBreaching"):
        breaching = [treatment == "breaching" if b is None else b for b in breaching]
    known = [b for b in breaching if b is not None]
    needed = int(alarm.get("DatapointsToAlarm") or len(breaching))
    if not known:
        return None if treatment == "ignore" else "INSUFFICIENT_DATA"
    if treatment == "ignore" and len(known) < needed:
        return None
    return "ALARM" if sum(known) >= min(needed, len(known)) else "OK"


def _transition(alarm: Alarm, state: str, reason: str) -> None:
    previous = {
        "value": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "timestamp": _instant(alarm.get("StateUpdatedTimestamp", time.time())),
    }
    alarm["StateValue"], alarm["StateReason"] = state, reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    alarm["_previous"] = previous
    log.info("alarm %s: %s -> %s (%s)", alarm["AlarmName"], previous["value"], state, reason)
    cloudwatch._record_history(alarm["AlarmName"], previous["value"], state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, previous["value"], state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _install_actions() -> None:
    @replace(cloudwatch, "_dispatch_alarm_actions", "alarm", "old_state", "new_state", "reason")
    def dispatch(original: Callable[..., None], alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        original(alarm, old_state, new_state, reason)  # SNS
        if not alarm.get("ActionsEnabled", True):
            return
        actions = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
        for arn in alarm.get(actions) or []:
            if arn.startswith("arn:") and ":lambda:" in arn:
                _invoke(arn, alarm, old_state)


def _invoke(arn: str, alarm: Alarm, old_state: str) -> None:
    """Call a function as CloudWatch does: asynchronously, and not at all where its policy does not let us.

    "If CloudWatch isn't authorised ... the invocation is not retried" (CloudWatch User Guide, "Using Amazon CloudWatch
    alarms", Lambda actions).
    """
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        log.error("alarm %s: its action %s is no function", alarm["AlarmName"], name)
        return
    if not may_invoke(function.get("policy") or {}, alarm["AlarmArn"]):
        log.error(
            "alarm %s: %s may not call %s: see its AWS::Lambda::Permission", alarm["AlarmName"], ALARM_PRINCIPAL, name
        )
        return
    lambda_svc.invoke_async_with_retry(
        lambda_svc._execution_record_for_config(function, config), event(alarm, old_state)
    )


def may_invoke(policy: dict[str, Any], alarm_arn: str) -> bool:
    """Whether a function's resource policy lets this alarm call it: principal, action, SourceArn and SourceAccount."""
    for statement in policy.get("Statement") or []:
        principal = statement.get("Principal")
        principal = principal.get("Service") if isinstance(principal, dict) else principal
        if statement.get("Effect") != "Allow" or ALARM_PRINCIPAL not in (principal or []):
            continue
        conditions = {
            key.lower(): value
            for operator in (statement.get("Condition") or {}).values()
            for key, value in operator.items()
        }
        if conditions.get("aws:sourcearn", alarm_arn) != alarm_arn:
            continue
        if conditions.get("aws:sourceaccount", alarm_arn.split(":")[4]) == alarm_arn.split(":")[4]:
            return True
    return False


def event(alarm: Alarm, old_state: str) -> dict[str, Any]:
    """The event a function gets from an alarm (CloudWatch User Guide, "Invoke a Lambda function from an alarm")."""
    arn = alarm["AlarmArn"].split(":")
    previous = alarm.get("_previous") or {"value": old_state, "reason": "", "timestamp": _instant(time.time())}
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": cloudwatch._dims_from_list(alarm.get("Dimensions") or []),
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    stat = {"metric": metric, "period": int(alarm.get("Period") or 60), "stat": statistic}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": arn[4],
        "time": _instant(time.time()),
        "region": arn[3],
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {
                "value": alarm["StateValue"],
                "reason": alarm.get("StateReason", ""),
                "timestamp": _instant(alarm.get("StateUpdatedTimestamp", time.time())),
            },
            "previousState": previous,
            "configuration": {
                "description": alarm.get("AlarmDescription", ""),
                "metrics": [{"id": str(uuid.uuid4()), "metricStat": stat, "returnData": True}],
            },
        },
    }


def _instant(epoch: float) -> str:
    moment = datetime.fromtimestamp(float(epoch), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def _install_embedded_metric_format() -> None:
    @replace(cloudwatch_logs, "_append_log_events", "stream", "events")
    def append_log_events(original: Callable[..., None], stream: Any, events: list[dict[str, Any]]) -> None:
        original(stream, events)
        for entry in events:
            if '"CloudWatchMetrics"' in entry.get("message", ""):
                record_embedded_metrics(entry["message"])


def record_embedded_metrics(message: str) -> None:
    """Take the metrics out of a log line in the embedded metric format (CloudWatch User Guide, EMF specification)."""
    try:
        document = json.loads(message)
    except json.JSONDecodeError:
        return  # AWS keeps the line and takes no metric from it
    for directive in (document.get("_aws") or {}).get("CloudWatchMetrics") or []:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names if name in document}
            for metric in directive.get("Metrics") or []:
                values = document.get(metric["Name"], [])
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    cloudwatch.record_metric(directive["Namespace"], metric["Name"], value, unit, dimensions)


def evaluate_all() -> None:
    """Judge every alarm of the account and forget what is too old to matter."""
    horizon = time.time() - KEPT_SECONDS
    for key, points in cloudwatch._metrics.items():
        if points and points[0]["Timestamp"] < horizon:
            cloudwatch._metrics[key] = [p for p in points if p["Timestamp"] >= horizon]
    for alarm in list(cloudwatch._alarms.values()):
        cloudwatch._evaluate_alarm(alarm)
