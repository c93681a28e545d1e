"""What the services take a second, and how it grows while it is used up."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.scale.figures import Figures
from chartcoder.prices import A_CHART

RESULT_UNITS, CODE_UNITS = (use.a_chart for use in A_CHART if use.service == "DynamoDB")
KEY_REQUESTS = next(use.a_chart for use in A_CHART if use.service == "KMS")


@dataclass(slots=True)
class Growing:
    """Capacity in units a second that keeps what it did not use for a while, and doubles after being used up."""

    units: float
    doubles_minutes: float
    burst_seconds: float
    most: float = float("inf")
    kept: float = field(init=False)
    full_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.kept = self.units * self.burst_seconds

    def available(self, seconds: float) -> float:
        """Units a second that may be used for so long."""
        return self.units + self.kept / seconds

    def use(self, units_a_second: float, seconds: float) -> None:
        """Takes what was used; grows where that was all there is."""
        self.kept = min(self.units * self.burst_seconds, max(0.0, self.kept + (self.units - units_a_second) * seconds))
        self.full_seconds = self.full_seconds + seconds if units_a_second >= 0.95 * self.units else 0.0
        if self.full_seconds >= self.doubles_minutes * 60:
            self.units, self.full_seconds = min(2 * self.units, self.most), 0.0


class Services:
    """The limits that charts meet, for a load of `batches` batches at once."""

    def __init__(self, figures: Figures, *, batches: int) -> None:
        self.figures, self.batches = figures, batches
        splits, burst = figures.partition_splits_minutes, figures.burst_seconds
        self.table = Growing(
            figures.table_units, figures.table_doubles_minutes, burst_seconds=0, most=figures.table_units_most
        )
        self.batch = Growing(figures.partition_units, splits, burst)  # each batch's own partition
        self.code = Growing(figures.partition_units, splits, burst)  # of the commonest code

    def charts_a_second(self, workers: float, seconds: float) -> tuple[float, str]:
        """(the most charts a second, what bounds them), for so many workers and for so long."""
        figures = self.figures
        bounds = {
            "": workers * figures.charts_a_minute / 60,
            "S3 GET a prefix": figures.gets * self.batches,
            "DynamoDB table": self.table.available(seconds) / (RESULT_UNITS + CODE_UNITS),
            "DynamoDB partition of a batch": self.batch.available(seconds) * self.batches / RESULT_UNITS,
            "DynamoDB partition of a code": self.code.available(seconds) / figures.hottest_code,
            "KMS requests": figures.key_requests / KEY_REQUESTS,
        }
        name = min(bounds, key=lambda name: bounds[name])
        return bounds[name], name

    def use(self, charts_a_second: float, seconds: float) -> None:
        """So many charts a second were stored for so long."""
        self.table.use(charts_a_second * (RESULT_UNITS + CODE_UNITS), seconds)
        self.batch.use(charts_a_second * RESULT_UNITS / self.batches, seconds)
        self.code.use(charts_a_second * self.figures.hottest_code, seconds)


REMEDIES = {
    "upload: S3 PUT a prefix": "more batches: each is a prefix of its own",
    "MaxWorkers": "MaxWorkers",
    "TargetMinutes": "TargetMinutes: the fleet is as large as it asks for",
    "vCPU quota": "Service Quotas: All Standard Spot Instance Requests, Running On-Demand Standard instances",
    "S3 GET a prefix": "more batches: each is a prefix of its own",
    "DynamoDB table": "WarmThroughput of ResultsTable; then Service Quotas: table-level write throughput",
    "DynamoDB partition of a batch": "more batches at once: each is a partition key of its own",
    "DynamoDB partition of a code": "time: DynamoDB splits it; or fewer charts at once",
    "KMS requests": "Service Quotas: KMS cryptographic operations (symmetric)",
    "SQS in flight": "a smaller worker type: each holds ten messages a processor",
    "BudgetPerRun": "BudgetPerRun",
    "BudgetPerDay": "BudgetPerDay",
    "LongestLifeMinutes": "LongestLifeMinutes, or more workers",
    "RunInstances": "nothing: EC2 refills two instances a second",
}
"""The setting that moves each limit."""
