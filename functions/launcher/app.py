"""The launcher's function: an alarm or an operator says that charts wait; one master is started for all of them."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import CloudWatchAlarmEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder.launching import Answer, Parts, launch_run
from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process
from chartcoder.protected import contained
from chartcoder.settings import Settings

contain_process()
logger, tracer, metrics = make_logger(), Tracer(), Metrics()
parts = Parts.of(Settings.read(os.environ), boto3.Session(), os.environ)


@contained
@metrics.log_metrics
@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a CloudWatch alarm's event, or an empty one from an operator (`aws lambda invoke`)."""
    asked_by, wanted = "operator", True
    if "alarmData" in event:
        alarm = CloudWatchAlarmEvent(event).alarm_data
        asked_by, wanted = f"alarm {alarm.alarm_name}", alarm.state.value == "ALARM"
    answer = launch_run(parts, asked_by=asked_by) if wanted else Answer("nothing to do")
    logger.info("asked for a run", extra={"outcome": answer.outcome, "asked_by": asked_by, "run": answer.run})
    metrics.add_metric("RunsLaunched", MetricUnit.Count, int(answer.outcome == "launched"))
    return {"outcome": answer.outcome, "run": answer.run}
