"""Machines whose clocks are minutes off: no healthy run ends for it, and none ever makes two."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from chartcoder.launching import launch_run
from chartcoder.stages import Stages
from chartcoder.watching import sweep

TWO_MINUTES_OFF = (timedelta(minutes=-2), timedelta(), timedelta(minutes=2))
LEASE_SECONDS = 600  # the template's default
LONGEST_UNRENEWED = timedelta(seconds=LEASE_SECONDS / 4 + LEASE_SECONDS / 6)
"""Ansible says a word each quarter of a lease's time, and the master renews by a word when a sixth of it is over."""


@pytest.fixture
def settings(settings):
    return replace(settings, lease_seconds=LEASE_SECONDS)


@pytest.mark.parametrize(("launcher", "master", "watchdog"), list(product(TWO_MINUTES_OFF, repeat=3)))
def test_a_run_whose_machines_are_two_minutes_off_is_not_taken_for_dead(
    parts, fleet, clock, submit, launcher, master, watchdog
):
    submit(3)
    run = launch_run(replace(parts, clock=lambda: clock() + launcher), asked_by="operator").run
    clock.move(minutes=3)  # it boots
    fleet.renew_lease(run, seconds=LEASE_SECONDS, now=clock() + master)
    for _ in range(5):
        clock.now += LONGEST_UNRENEWED
        assert sweep(replace(parts, clock=lambda: clock() + watchdog)).died == {}
        fleet.renew_lease(run, seconds=LEASE_SECONDS, now=clock() + master)

    assert fleet.lease().run == run


@pytest.mark.parametrize(("master", "worker"), list(product(TWO_MINUTES_OFF, repeat=2)))
def test_a_worker_that_reports_is_not_taken_for_silent(parts, fleet, clock, submit, launch_worker, master, worker):
    submit(3)
    run = launch_run(parts, asked_by="operator").run
    instance = launch_worker(run)
    stages = Stages(
        replace(parts.settings, run=run),
        fleet=fleet,
        queue=parts.queue,
        instances=parts.instances,
        clock=lambda: clock() + master,
    )
    for _ in range(20):
        fleet.record_worker(run, instance, state="working", now=clock() + worker)
        clock.move(seconds=15)
        assert stages.look().workers == 1


@pytest.mark.parametrize("hours", [-12, 12])
def test_however_wrong_a_clock_is_the_next_run_waits_for_the_end_of_the_last(
    parts, fleet, clock, instances, submit, launch_worker, hours
):
    submit(3)
    first = launch_run(parts, asked_by="operator").run
    launch_worker(first)

    found = sweep(replace(parts, clock=lambda: clock() + timedelta(hours=hours)))

    runs = {instance.run for instance in instances.alive()}
    assert runs == {fleet.lease().run}
    assert bool(found.died) == (hours > 0)
