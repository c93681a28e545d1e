"""The simulation of the fleet: it loses no chart, repeats itself, and meets the limits that it was given."""

from dataclasses import replace
from typing import Any

import pytest

from bench.scale.__main__ import limits, row, settings, table
from bench.scale.costs import by_service
from bench.scale.figures import EMBEDDED, Figures
from bench.scale.limits import REMEDIES, Growing
from bench.scale.model import DAY, Simulation, Told
from bench.scale.real import requests
from chartcoder import prices, sizing

ROOMY = Figures(
    spot_vcpus=10_000, on_demand_vcpus=10_000, table_units=1e9, table_units_most=1e9, partition_units=1e9,
    spot_losses_a_month=0.0,
)  # fmt: skip


def simulate(charts: int, figures: Figures = ROOMY, *, batches: int = 1, seed: int = 1, **changed: Any) -> Told:
    return Simulation(charts, settings(**changed), figures, batches=batches, seed=seed).run()


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    assert simulate(100_000) == simulate(100_000)
    assert simulate(100_000) != simulate(100_000, seed=2)


def test_charts_without_limits_take_what_the_workers_take_and_cost_what_they_lived():
    told = simulate(2_000_000, min_workers=10)

    coding = 2_000_000 / (10 * ROOMY.charts_a_minute / 60)
    assert told.coded_at - told.first_result_at == pytest.approx(coding, rel=0.12)  # they do not boot all at once
    assert (told.runs, told.workers, told.lost) == (1, 10, 0)
    usd = by_service(told)
    assert usd["EC2 workers"] == pytest.approx(told.worker_hours["spot"] * prices.usd_per_hour("c7i.xlarge", "spot"))
    assert sum(usd.values()) == pytest.approx(told.usd["workers"] + told.usd["master"] + prices.requests_usd(2_000_000))


def test_a_new_accounts_quota_gives_one_worker_and_the_run_goes_on_with_it():
    told = simulate(1_000_000, replace(ROOMY, spot_vcpus=5, on_demand_vcpus=5))

    assert (told.workers, told.runs, told.first_limit) == (1, 1, "vCPU quota")
    assert told.coded_at > 0


def test_one_huge_batch_meets_its_partition_and_several_do_not():
    figures = replace(ROOMY, partition_units=Figures().partition_units)

    one, many = (simulate(1_000_000, figures, batches=batches, min_workers=10) for batches in (1, 50))

    assert "DynamoDB partition of a batch" in one.hits
    assert "DynamoDB partition of a batch" not in many.hits
    assert many.coded_at < one.coded_at


def test_a_new_tables_capacity_bounds_the_fleet_until_it_has_grown():
    told = simulate(1_000_000, replace(ROOMY, table_units=4000.0, table_units_most=40_000.0), min_workers=10)

    assert told.hits["DynamoDB table"].seconds > 600


def test_spot_losses_are_made_up_for_and_every_chart_is_coded():
    told = simulate(2_000_000, replace(ROOMY, spot_losses_a_month=2000.0), min_workers=10)

    assert told.lost > 0
    assert told.coded_at > 0
    assert told.rounds > 1


def test_a_run_that_reaches_its_budget_goes_on_a_day_later_and_one_that_reaches_the_days_the_next_day():
    of_run = simulate(2_000_000, budget_usd=0.2, min_workers=2)
    of_day = simulate(2_000_000, budget_usd_per_day=0.2, min_workers=2)

    assert ("BudgetPerRun" in of_run.hits, of_run.runs > 1) == (True, True)
    assert ("BudgetPerDay" in of_day.hits, of_day.runs > 1) == (True, True)
    assert of_day.coded_at > DAY
    assert of_day.usd["workers"] + of_day.usd["master"] < 0.2 * of_day.runs * 1.1


def test_a_run_longer_than_an_instance_may_live_is_followed_by_another():
    told = simulate(5_000_000, max_workers=1, longest_life_minutes=120)

    assert "LongestLifeMinutes" in told.hits
    assert told.runs > 1


def test_the_fleet_is_as_large_as_the_real_arithmetic_asks_for():
    told = simulate(500_000)

    asked = sizing.fleet_for(
        500_000,
        sizing.Standing(rate=ROOMY.charts_a_minute_expected),
        settings(),
        usd_per_hour=prices.usd_per_hour("c7i.xlarge"),
    )
    assert told.workers == pytest.approx(asked, abs=1)  # minutes of its time are over when it is sized


def test_capacity_is_lent_from_what_was_not_used_and_doubles_when_it_is_used_up():
    capacity = Growing(100, doubles_minutes=1, burst_seconds=10, most=150)

    assert capacity.available(10) == 200
    capacity.use(200, 10)
    assert capacity.available(10) == 100
    for _ in range(6):
        capacity.use(100, 10)
    assert capacity.units == 150


def test_every_figure_has_a_source_and_every_limit_a_setting_that_moves_it():
    assert all(Figures.sources().values())
    assert set(simulate(1_000_000, Figures()).hits) <= set(REMEDIES)


def test_a_small_run_of_the_embedded_cloud_is_one_of_half_a_minute():
    told = Simulation(
        200, settings(min_workers=2, max_workers=2, watch_seconds=2), EMBEDDED, uploads_a_second=500.0, tick=0.05
    ).run()

    assert 10 < told.closed_at < 60
    assert (told.workers, told.rounds, told.hits.get("vCPU quota")) == (2, 1, None)


def test_a_table_has_a_row_for_each_load_and_names_the_limit():
    told = simulate(1_000_000, Figures())

    head, _, line = table([row("new", told)]).splitlines()
    assert head.count("|") == line.count("|")
    assert told.first_limit in line
    assert "Service Quotas" in limits(told)


def test_requests_are_counted_from_the_access_log_by_service_and_operation():
    lines = [
        "GET /charts-bucket/charts/b1/c1.txt?versionId=3 200 -",
        "PUT /charts-bucket/charts/b1/c1.txt? 200 -",
        "GET /charts-bucket?list-type=2 200 -",
        "POST /? 200 AmazonSQS.ReceiveMessage",
        "POST /? 400 DynamoDB_20120810.TransactWriteItems",
    ]

    assert requests(lines, "charts-bucket") == {
        "S3 GetObject": 1,
        "S3 PutObject": 1,
        "SQS ReceiveMessage": 1,
        "DynamoDB TransactWriteItems": 1,
    }
