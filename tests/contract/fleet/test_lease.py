"""The lease: one run at a time, by conditional writes alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chartcoder.errors import LeaseLost


def test_a_free_lease_is_taken_for_a_run_named_after_stack_and_generation(fleet, clock):
    lease = fleet.take_lease("test", seconds=300, now=clock())

    assert (lease.run, lease.generation) == ("test-000001", 1)
    assert lease.expires_at == clock().timestamp() + 300
    assert fleet.lease() == lease


def test_a_lease_that_is_held_is_refused(fleet, clock):
    fleet.take_lease("test", seconds=300, now=clock())

    assert fleet.take_lease("test", seconds=300, now=clock()) is None


def test_of_many_who_ask_at_once_one_gets_the_lease(fleet, clock):
    together = threading.Barrier(8)

    def take(_: int):
        together.wait()
        return fleet.take_lease("test", seconds=300, now=clock())

    with ThreadPoolExecutor(8) as pool:
        taken = [lease for lease in pool.map(take, range(8)) if lease is not None]

    assert [lease.run for lease in taken] == ["test-000001"]


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
