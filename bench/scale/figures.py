"""Every figure of the simulation, with where it is from. What AWS publishes was read in November 2026."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def figure(value: Any, source: str) -> Any:
    """A figure and its source."""
    return field(default=value, metadata={"source": source})


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run meets. Rates are a second unless a name says otherwise."""

    # the coder
    charts_a_minute: float = figure(
        12_000.0,
        "bench.scale.check: 3.0 to 3.2 ms of the worker's main process a chart, which is one processor's and so some "
        "320 a second at most; taken at 200: on AWS requests are TLS, and a c7i.xlarge has two cores of two threads",
    )
    charts_a_minute_expected: float = figure(1000.0, "chartcoder.sizing.FIRST_RATE: the account's first run")
    room_a_processor: int = figure(10, "chartcoder.worker: messages a worker holds, for each of its processors")
    hottest_code: float = figure(0.4, "share of charts that bill the commonest code (I10), an assumption")

    # S3: "Best practices design patterns: optimizing Amazon S3 performance"
    puts: float = figure(3500.0, "PUT/COPY/POST/DELETE for each partitioned prefix")
    gets: float = figure(5500.0, "GET/HEAD for each partitioned prefix")

    # SQS: "Amazon SQS message quotas", "Quotas related to queues"
    in_flight: int = figure(120_000, "messages in flight in a standard queue; its requests are nearly unlimited")

    # DynamoDB: "DynamoDB warm throughput", "Quotas in Amazon DynamoDB", "Best practices for partition keys"
    table_units: float = figure(4000.0, "write units of a new on-demand table")
    table_units_most: float = figure(40_000.0, "write units of one table, a default quota that can be raised")
    table_doubles_minutes: float = figure(30.0, "throttled above twice the former peak within thirty minutes")
    partition_units: float = figure(1000.0, "write units of one partition")
    partition_splits_minutes: float = figure(
        10.0,
        "a partition that is at its limit is split between sort keys ('split for heat'); AWS says 'sustained' and no "
        "time: an assumption",
    )
    burst_seconds: float = figure(300.0, "unused capacity is kept for five minutes")

    # KMS: "Request quotas": symmetric keys, shared by the account, the lowest of any region
    key_requests: float = figure(5500.0, "5,500, in larger regions up to 50,000")

    # EC2: "Request throttling for the Amazon EC2 API", "Amazon EC2 endpoints and quotas"
    instances_at_once: float = figure(1000.0, "RunInstances' bucket of resource tokens")
    instances_refill: float = figure(2.0, "tokens it gets back")
    spot_vcpus: int = figure(5, "All Standard Spot Instance Requests, the default")
    on_demand_vcpus: int = figure(5, "Running On-Demand Standard instances (L-1216C47A), the default")
    boot_minutes: tuple[float, float, float] = figure(
        (2.0, 3.0, 5.0), "least, likeliest, most; chartcoder.sizing.BOOT_MINUTES: boot, Docker, the image's pull"
    )
    spot_losses_a_month: float = figure(
        0.20, "Spot Instance Advisor's bands reach from under 5 % to over 20 % of the instances a month"
    )

    # CloudWatch, EventBridge
    alarm_minutes: tuple[float, float, float] = figure(
        (1.0, 2.0, 15.0),
        "least, likeliest, most: SQS's metrics each minute, 'up to 15 minutes' late for a queue that was not used; "
        "the alarm's period of a minute",
    )
    watchdog_minutes: float = figure(5.0, "template.yaml, WatchdogRate")

    # Ansible, measured on the embedded cloud
    master_seconds: float = figure(4.0, "from the master's container to its first decision")
    round_seconds: float = figure(6.0, "sizing and launching: a few tasks of one or two seconds")
    closing_seconds: float = figure(75.0, "EC2 takes about a minute to end instances")
    visibility_seconds: float = figure(120.0, "template.yaml, VisibilitySeconds")

    @classmethod
    def sources(cls) -> dict[str, str]:
        """Each figure's source."""
        return {one.name: one.metadata["source"] for one in fields(cls)}


EMBEDDED = Figures(
    puts=1e9, gets=1e9, table_units=1e9, table_units_most=1e9, partition_units=1e9, key_requests=1e9,
    spot_vcpus=10_000, on_demand_vcpus=10_000, spot_losses_a_month=0.0,
    alarm_minutes=(0.02, 0.035, 0.05), watchdog_minutes=1.0, boot_minutes=(0.025, 0.035, 0.06),
    master_seconds=0.0, round_seconds=2.5, closing_seconds=4.0,
)  # fmt: skip
"""The embedded cloud: it has no limits, its instances are processes, its metrics come every two seconds."""

REQUESTS_A_CHART = {
    "S3 GetObject": 1.0,
    "SQS ReceiveMessage": 0.1,
    "SQS DeleteMessageBatch": 0.1,
    "DynamoDB TransactWriteItems": 0.1,
    "DynamoDB BatchWriteItem": 0.2,  # the codes of ten charts, some forty, in twenty-fives
}
"""What the workers ask for each chart, in tens as they are meant to; polls and heartbeats are asked by the minute."""
