"""What a simulated run costs, by service, at list prices."""

from __future__ import annotations

from bench.scale.model import Told
from chartcoder.prices import requests_by_service


def by_service(told: Told) -> dict[str, float]:
    """US dollars by service: the instances as they lived, the requests as a chart takes them."""
    instances = {"EC2 workers": told.usd["workers"], "EC2 master": told.usd["master"]}
    return instances | requests_by_service(told.charts)
