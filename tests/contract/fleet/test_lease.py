"""The lease: one run at a time, by conditional writes alone."""

import pytest

from chartcoder.cloud.fleet import FleetTable
from chartcoder.errors import LeaseLost


def test_a_free_lease_is_taken_for_a_run_named_after_stack_and_generation(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())

    assert (lease.run, lease.generation) == ("test-000001", 1)
    assert lease.expires_at == clock().timestamp() + 300
    assert fleet.lease() == lease


def test_a_lease_that_is_held_is_refused(fleet, clock):
    fleet.take_lease("test", seconds=300, now=clock())

    assert fleet.take_lease("test", seconds=300, now=clock()) is None


def test_who_asks_at_the_same_moment_as_another_gets_nothing(aws, fleet, clock):
    class Overtaken:
        """A table on which somebody else takes the lease between our look at it and our writing."""

        def __getattr__(self, name: str):
            return getattr(aws.fleet_table, name)

        def get_item(self, **request):
            seen = aws.fleet_table.get_item(**request)
            fleet.take_lease("test", seconds=300, now=clock())
            return seen

    assert FleetTable(Overtaken()).take_lease("test", seconds=300, now=clock()) is None
    assert fleet.lease().run == "test-000001"


def test_a_lapsed_lease_is_not_taken_before_it_was_released(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())
    clock.move(seconds=301)

    assert fleet.lease().lapsed(clock())
    assert fleet.take_lease("test", seconds=300, now=clock()) is None
    assert fleet.release_lease(lease.run)
    assert fleet.take_lease("test", seconds=300, now=clock()).run == "test-000002"


def test_a_renewed_lease_lives_on(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())
    clock.move(seconds=200)

    assert fleet.renew_lease(lease.run, seconds=300, now=clock()).expires_at == clock().timestamp() + 300


def test_a_lapsed_lease_cannot_be_renewed(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())
    clock.move(seconds=300)

    with pytest.raises(LeaseLost, match="test-000001"):
        fleet.renew_lease(lease.run, seconds=300, now=clock())


def test_a_lease_that_another_run_holds_is_neither_renewed_nor_released(fleet, clock):
    first = fleet.take_lease("test", seconds=300, now=clock())
    fleet.release_lease(first.run)
    second = fleet.take_lease("test", seconds=300, now=clock())

    with pytest.raises(LeaseLost):
        fleet.renew_lease(first.run, seconds=300, now=clock())
    assert not fleet.release_lease(first.run)
    assert fleet.lease() == second


def test_releasing_twice_is_no_error(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())

    assert fleet.release_lease(lease.run)
    assert not fleet.release_lease(lease.run)
    assert fleet.lease() is None
