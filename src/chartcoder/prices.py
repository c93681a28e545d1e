"""What an instance costs, by list price; enough to hold a run to its budget, not to write a bill.

Source: AWS's On-Demand price list for EC2, Linux, us-east-1, and EBS gp3 at 0.08 USD a GB and month, as of 2025.
Other regions are up to half as dear again: set the budget accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chartcoder.errors import SettingInvalid

# USD an hour
ON_DEMAND = {
    "c6i.large": 0.0850,
    "c6i.xlarge": 0.1700,
    "c6i.2xlarge": 0.3400,
    "c6i.4xlarge": 0.6800,
    "c7a.large": 0.10264,
    "c7a.xlarge": 0.20528,
    "c7a.2xlarge": 0.41056,
    "c7a.4xlarge": 0.82112,
    "c7i.large": 0.08925,
    "c7i.xlarge": 0.1785,
    "c7i.2xlarge": 0.3570,
    "c7i.4xlarge": 0.7140,
    "m7i.large": 0.1008,
    "m7i.xlarge": 0.2016,
    "m7i.2xlarge": 0.4032,
    "m7i.4xlarge": 0.8064,
    "t3.small": 0.0208,
    "t3.medium": 0.0416,
    "t3a.small": 0.0188,
    "t3a.medium": 0.0376,
}
SPOT_SHARE_OF_LIST = 0.6  # Spot moves between 0.3 and 0.7 of the list price; a budget is better kept than used up
VOLUME_GB = 30
VOLUME_USD_PER_HOUR = VOLUME_GB * 0.08 / 730
VCPUS = {"small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}  # of the types above, by size


@dataclass(frozen=True, slots=True)
class Use:
    """What a chart takes of a service: so many of a unit that costs so many US dollars."""

    service: str
    what: str
    a_chart: float
    usd_each: float

    @property
    def usd(self) -> float:
        """US dollars a chart."""
        return self.a_chart * self.usd_each


A_CHART = (
    Use("S3", "uploads", 1, 0.005e-3),
    Use("S3", "reads", 1, 0.0004e-3),
    Use("SQS", "requests: a send; receive, delete and heartbeat in tens", 1.25, 0.40e-6),
    Use(
        "DynamoDB",
        "write units: 2.75 for a result, a tenth for a tally, doubled in a transaction",
        5.7,
        0.625e-6,
    ),
    Use("DynamoDB", "write units: an item for each of 5 codes", 5, 0.625e-6),
    Use("KMS", "requests: buckets, queues and tables keep data keys", 0.017, 0.03e-4),
    Use("VPC endpoints", "GB of messages", 3e-6, 0.01),
)
"""The requests of a chart of 3,000 characters that passes through a batch, at list prices. docs/cost.md spells them
out, and tests/contract/test_requests_a_chart.py counts them."""
PIPELINE_USD_PER_CHART = sum(use.usd for use in A_CHART)  # without what the workers and the master cost
COMPREHEND_UNIT_CHARACTERS = 100
COMPREHEND_USD_PER_UNIT = 0.0005
"""Amazon Comprehend Medical's list price of InferICD10CM (aws.amazon.com/comprehend/medical/pricing); a request is at
least one unit."""
LEAST_SECONDS = 60  # EC2 bills by the second, but at least a minute


def usd_per_hour(instance_type: str, market: Literal["spot", "on-demand"] = "on-demand") -> float:
    """The price of one instance and its volume, in US dollars an hour.

    Raises:
        SettingInvalid: there is no price for this type, so a budget could not be kept.
    """
    if instance_type not in ON_DEMAND:
        known = ", ".join(sorted(ON_DEMAND))
        raise SettingInvalid(f"no price for instance type {instance_type!r}: one of {known}; or add it to prices.py")
    share = SPOT_SHARE_OF_LIST if market == "spot" else 1.0
    return ON_DEMAND[instance_type] * share + VOLUME_USD_PER_HOUR


def requests_by_service(charts: int) -> dict[str, float]:
    """US dollars by service for the requests that so many charts take."""
    services = dict.fromkeys(use.service for use in A_CHART)
    return {service: charts * sum(use.usd for use in A_CHART if use.service == service) for service in services}


def requests_usd(charts: int) -> float:
    """US dollars for the requests that so many charts take of S3, SQS, DynamoDB and KMS."""
    return charts * PIPELINE_USD_PER_CHART
