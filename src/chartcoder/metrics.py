"""What a process tells CloudWatch in numbers: lines of its log in the embedded metric format.

CloudWatch takes metrics out of such lines by itself, wherever they come from (CloudWatch User Guide, "Specification:
Embedded metric format"), so that a process that may write its log needs no further right and no further endpoint. A
custom metric costs by the hour in which it is told, so they are few. Their dimensions are the service and, of failures,
the reason: never an id.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "chartcoder"

METRICS: Mapping[str, Mapping[str, MetricUnit]] = {
    "authorizer": {"IssuerUnavailable": MetricUnit.Count},  # where the API takes tokens
    "launcher": {"RunsLaunched": MetricUnit.Count},
    "watchdog": {
        "ChartsStalled": MetricUnit.Count,
        "InstancesNotTerminated": MetricUnit.Count,
        "LeaseLapsed": MetricUnit.Count,
        "RunsDied": MetricUnit.Count,
    },
    "master": {
        "BudgetReached": MetricUnit.Count,
        "FailedPercent": MetricUnit.Percent,
        "RunCostUsd": MetricUnit.NoUnit,
        "WorkersAlive": MetricUnit.Count,
        "WorkersWanted": MetricUnit.Count,
    },
    "worker": {
        "ChartsCoded": MetricUnit.Count,
        "ChartsFailed": MetricUnit.Count,  # by reason
        "TracesDropped": MetricUnit.Count,
    },
}
"""Who tells what. The template's dashboard and alarms show each of them."""

ENOUGH_CHARTS = 50
"""Charts that a run has ended before their share of failures says something."""


def tell(stack: str, kind: str, values: Mapping[str, float], **dimensions: str) -> None:
    """Writes one line with `values`, metrics of the `kind` of process, in the service `<stack>-<kind>`."""
    line = EphemeralMetrics(namespace=NAMESPACE, service=f"{stack}-{kind}")
    for name, value in values.items():
        line.add_metric(name, METRICS[kind][name], value)
    for name, dimension in dimensions.items():
        line.add_dimension(name, dimension)
    line.flush_metrics()
    sys.stdout.flush()  # a process may be ended at any time


def tell_look(stack: str, look: Mapping[str, Any]) -> None:
    """Tells the master's look at its run (`stages.look_as_facts`) in numbers. A run without its lease tells nothing:
    what it sees is another's."""
    if look["verdict"] == "lost":
        return
    ended = look["charts_coded"] + look["charts_failed"]
    share = {"FailedPercent": 100 * look["charts_failed"] / ended} if ended >= ENOUGH_CHARTS else {}
    gauges = {
        "BudgetReached": int(look["verdict"] == "budget"),
        "RunCostUsd": look["cost_usd"],
        "WorkersAlive": look["workers"],
        "WorkersWanted": look["workers_needed"],
    }
    tell(stack, "master", gauges | share)
