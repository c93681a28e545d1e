"""How many workers a run needs, and of which kind."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartcoder import prices, sizing
from chartcoder.errors import SettingInvalid


def needed(backlog: int, **given: float) -> int:
    usual = {"rate": 1000, "minutes": 60, "least": 1, "most": 10, "budget_usd": 25, "usd_per_hour": 0.2}
    return sizing.workers_needed(backlog, **(usual | given))


def worker(coded: int, *, minutes: int = 10) -> dict:
    return {
        "coded": coded,
        "failed": 0,
        "first_seen_at": "2026-04-01T12:00:00.000+00:00",
        "seen_at": f"2026-04-01T12:{minutes:02d}:00.000+00:00",
    }


@pytest.mark.parametrize(("backlog", "workers"), [(0, 0), (1, 1), (60_000, 1), (60_001, 2), (250_000, 5), (10**9, 10)])
def test_a_backlog_gets_the_workers_that_code_it_in_time_and_no_more_than_allowed(backlog, workers):
    assert needed(backlog) == workers


def test_a_least_number_of_workers_is_kept_but_never_more_than_charts():
    assert needed(1000, least=4) == 4
    assert needed(3, least=4) == 3


def test_half_of_the_money_left_bounds_how_many_workers_boot():
    assert needed(10**6, budget_usd=0.11, usd_per_hour=0.2) == 5  # three minutes of booting cost a cent each


def test_a_run_that_is_short_of_money_still_gets_one_worker():
    assert needed(10**6, budget_usd=0) == 1


@given(
    workers=st.integers(0, 50),
    share=st.integers(0, 100),
    spot=st.integers(0, 50),
    on_demand=st.integers(0, 50),
)
def test_a_split_has_enough_workers_and_ends_none_that_lives(workers, share, spot, on_demand):
    as_spot, as_on_demand = sizing.split(workers, spot_share=share, spot_alive=spot, on_demand_alive=on_demand)

    assert as_spot >= spot
    assert as_on_demand >= on_demand
    assert as_spot + as_on_demand == max(workers, spot + on_demand)


@pytest.mark.parametrize(("share", "split"), [(100, (4, 0)), (0, (0, 4)), (75, (3, 1))])
def test_workers_are_split_by_the_share_of_spot(share, split):
    assert sizing.split(4, spot_share=share, spot_alive=0, on_demand_alive=0) == split


def test_a_lost_spot_worker_is_replaced_while_the_on_demand_ones_that_stood_in_stay():
    assert sizing.split(4, spot_share=100, spot_alive=0, on_demand_alive=3) == (1, 3)


def test_the_rate_is_what_the_workers_counted_in_the_time_they_were_seen():
    assert sizing.measured_rate([worker(1000), worker(3000)]) == 200


def test_time_without_work_does_not_count():
    rested = worker(1000) | {"idle_since": "2026-04-01T12:05:00.000+00:00"}
    idle = worker(0) | {"idle_since": "2026-04-01T12:00:00.000+00:00"}

    assert sizing.measured_rate([rested, idle]) == 200


def test_no_rate_is_told_from_a_few_seconds_of_work():
    assert sizing.measured_rate([worker(50, minutes=0)]) is None
    assert sizing.measured_rate([]) is None


def test_a_run_late_in_its_time_is_not_flooded_with_workers():
    assert sizing.time_left(60, 10) == 50
    assert sizing.time_left(60, 59) == 15


def test_what_is_expected_counts_the_booting():
    minutes, usd = sizing.expect(60_000, 2, rate=1000, usd_per_hour=0.6)

    assert minutes == 33
    assert usd == pytest.approx(0.66)
    assert sizing.expect(0, 0, rate=1000, usd_per_hour=0.6) == (0, 0)


def test_spot_is_cheaper_than_on_demand_and_both_pay_for_their_volume():
    assert 0.1785 < prices.usd_per_hour("c7i.xlarge") < 0.19
    assert prices.usd_per_hour("c7i.xlarge", "spot") < prices.usd_per_hour("c7i.xlarge")


def test_an_instance_type_without_a_price_is_refused_with_those_that_have_one():
    with pytest.raises(SettingInvalid, match=r"p5\.48xlarge.*c7i\.xlarge"):
        prices.usd_per_hour("p5.48xlarge")


def test_every_instance_type_that_the_template_allows_has_a_price():
    template = (Path(__file__).parents[3] / "template.yaml").read_text()
    allowed = re.findall(
        r"^  (?:Worker|Master)InstanceType:\n(?:    .*\n)*?    AllowedValues: \[(.*)\]", template, re.M
    )
    types = [name.strip() for names in allowed for name in names.split(",")]

    assert len(allowed) == 2
    assert all(prices.usd_per_hour(name) for name in types)


def test_where_ec2_refuses_half_of_the_missing_workers_are_asked_for():
    assert [sizing.fewer(wanted, workers=2) for wanted in (12, 7, 4, 3, 2)] == [7, 4, 3, 2, 2]
    assert sizing.fewer(1, workers=0) == 0


def idle(instance: str, minutes: float = 5, usd_per_hour: float = 0.1) -> sizing.Idle:
    return sizing.Idle(instance, minutes, usd_per_hour)


def test_the_dearest_idle_workers_are_dismissed_first_and_of_those_the_longest_idle():
    resting = [idle("a", 2), idle("b", 3), idle("c", 2, 0.2), idle("d", 0.5)]

    assert sizing.surplus(resting, waiting=0, workers=5, needed=3) == ["c", "b"]
    assert sizing.surplus(resting, waiting=0, workers=9, needed=1) == ["c", "b", "a"], "d rests too short a while"


@given(
    resting=st.lists(st.floats(0, 30), max_size=20),
    busy=st.integers(0, 20),
    waiting=st.integers(0, 3),
    needed=st.integers(0, 30),
)
def test_what_is_dismissed_is_never_launched_again_for_the_same_charts(resting, busy, waiting, needed):
    workers = len(resting) + busy
    gone = sizing.surplus(
        [idle(str(nth), minutes) for nth, minutes in enumerate(resting)],
        waiting=waiting,
        workers=workers,
        needed=needed,
    )

    left = workers - len(gone)
    assert not gone or (waiting == 0 and left >= max(1, needed))
    if gone:
        assert sizing.verdict(1, workers=left, needed=needed, over_budget=False, may_launch=True) == "working"


@pytest.mark.parametrize(
    ("backlog", "workers", "over_budget", "may_launch", "verdict"),
    [
        (0, 0, True, True, "empty"),
        (5, 2, True, True, "budget"),
        (5, 1, False, True, "short"),
        (5, 1, False, False, "working"),
        (5, 0, False, False, "short"),
        (5, 2, False, True, "working"),
    ],
)
def test_a_look_is_judged_by_backlog_money_and_workers_in_that_order(
    backlog, workers, over_budget, may_launch, verdict
):
    assert sizing.verdict(backlog, workers=workers, needed=2, over_budget=over_budget, may_launch=may_launch) == verdict
