"""The watchdog's function: every few minutes, one sweep over the fleet, told in metrics and in the log."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder.launching import Parts
from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process
from chartcoder.protected import contained
from chartcoder.settings import Settings
from chartcoder.watching import Sweep, sweep

contain_process()
logger, tracer, metrics = make_logger(), Tracer(), Metrics()
parts = Parts.of(Settings.read(os.environ), boto3.Session(), os.environ)


@contained
@metrics.log_metrics
@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=EventBridgeEvent)
def handler(event: EventBridgeEvent, context: LambdaContext) -> dict[str, Any]:
    """Takes EventBridge's scheduled event; its words do not matter, only that it came."""
    found = sweep(parts)
    _tell(found)
    if found.launch_failure is not None:
        raise found.launch_failure
    return {"terminated": len(found.terminated), "died": list(found.died), "why_waiting": found.why_waiting}


def _tell(found: Sweep) -> None:
    for name, count in found.counts().items():
        metrics.add_metric(name, MetricUnit.Count, count)
    for run, reason in found.died.items():
        logger.error("a run died", extra={"run": run, "reason": reason})
    if found.terminated:
        logger.warning("terminated", extra={"instances": found.terminated})
    if found.not_terminated:
        logger.error("instances that should be gone are not", extra={"instances": found.not_terminated})
    if found.why_waiting:
        logger.info("charts wait", extra={"charts": found.charts_waiting, "why": found.why_waiting})
