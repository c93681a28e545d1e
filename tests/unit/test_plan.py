"""`chartcoder plan`'s arithmetic: what a run would be, by the run's own."""

import pytest

from chartcoder import prices, sizing
from chartcoder.cli.plan import foresee, settings_of
from chartcoder.errors import SettingInvalid

STACK = {
    "MinWorkers": "1", "MaxWorkers": "10", "SpotShare": "100", "TargetMinutes": "60", "BudgetPerRun": "25",
    "BudgetPerDay": "100", "WorkerInstanceType": "c7i.xlarge", "Engine": "compiled", "MasterInstanceType": "t3.small",
}  # fmt: skip


def plan(charts: int, **parameters: str):
    return foresee(charts, settings_of(STACK | parameters), master_type="t3.small", rate=5000)


def test_a_plan_has_the_workers_that_the_run_would_launch():
    foreseen = plan(1_000_000)

    settings = settings_of(STACK)
    price = prices.usd_per_hour("c7i.xlarge")
    assert foreseen.workers == 4
    assert foreseen.workers == sizing.fleet_for(1_000_000, sizing.Standing(rate=5000), settings, usd_per_hour=price)
    assert foreseen.minutes == 1_000_000 / (4 * 5000) + sizing.BOOT_MINUTES


def test_spot_and_on_demand_are_priced_apart_and_the_requests_by_service():
    spot, mixed = plan(1_000_000), plan(1_000_000, SpotShare="50")

    assert (mixed.spot, mixed.on_demand) == (2, 2)
    assert spot.workers_usd < mixed.workers_usd < mixed.on_demand_usd == spot.on_demand_usd
    assert set(spot.requests_usd) == {"S3", "SQS", "DynamoDB", "KMS", "VPC endpoints"}
    assert sum(spot.requests_usd.values()) == pytest.approx(prices.requests_usd(1_000_000))
    assert spot.usd == pytest.approx(spot.workers_usd + spot.master_usd + sum(spot.requests_usd.values()))


def test_no_chart_costs_nothing():
    nothing = plan(0)

    assert (nothing.workers, nothing.minutes, nothing.usd, nothing.limit) == (0, 0, 0, "")


def test_a_budget_that_would_be_reached_is_told():
    assert plan(10_000_000).limit == ""
    assert plan(10_000_000, BudgetPerRun="1").limit == "its budget of 1.0 USD"
    assert plan(10_000_000, BudgetPerDay="1").limit == "the day's budget of 1.0 USD (UTC)"


def test_a_stack_of_an_earlier_version_has_the_defaults_and_a_wrong_parameter_is_named():
    assert settings_of({"MaxWorkers": "7"}).budget_usd_per_day == 100
    assert settings_of({}, max_workers=3, target_minutes=5).max_workers == 3
    with pytest.raises(SettingInvalid, match="MAX_WORKERS"):
        settings_of({"MaxWorkers": "many"})
