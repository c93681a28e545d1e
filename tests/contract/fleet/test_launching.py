"""The launcher: one master for all who ask."""

from dataclasses import replace

import pytest

from chartcoder.errors import NoCapacity
from chartcoder.launching import launch_run


class Full:
    """EC2 that has no instance to give."""

    def launch(self, *_: object, **__: object) -> str:
        raise NoCapacity("none to give")


def test_nothing_is_launched_where_no_chart_waits(parts, fleet):
    assert launch_run(parts, asked_by="alarm test-backlog").outcome == "nothing to do"
    assert fleet.lease() is None


def test_a_waiting_chart_gets_a_master_and_a_record_that_says_who_asked(parts, fleet, instances, submit):
    submit(3)

    answer = launch_run(parts, asked_by="alarm test-backlog")

    assert (answer.outcome, answer.run) == ("launched", "test-000001")
    [master] = instances.alive()
    record = fleet.run("test-000001")
    assert (master.role, master.run) == ("master", "test-000001")
    assert (record["state"], record["master"], record["backlog"]) == ("launching", master.id, 3)
    assert [(asked["by"], asked["outcome"]) for asked in record["asked"]] == [("alarm test-backlog", "launched")]


def test_the_master_boots_with_the_images_the_stack_was_deployed_with(parts, instances, submit):
    submit()
    launch_run(parts, asked_by="operator")

    [script] = instances.user_data.values()
    assert script.startswith("#!/bin/bash\n")
    assert "export CHARTCODER_RUN=test-000001\n" in script
    assert "export CHARTCODER_IMAGE=123456789012.dkr.ecr.us-east-1.amazonaws.com/launcher:latest\n" in script
    assert f"export CHARTCODER_CODER_IMAGE=123456789012.dkr.ecr.us-east-1.amazonaws.com/coder@sha256:{'0' * 64}\n" in (
        script
    )


def test_whoever_asks_while_a_run_lives_is_noted_in_its_record(parts, fleet, instances, submit):
    submit()
    launch_run(parts, asked_by="alarm test-backlog")

    answer = launch_run(parts, asked_by="alarm test-age")

    assert (answer.outcome, answer.run) == ("already running", "test-000001")
    assert len(instances.alive()) == 1
    assert [(asked["by"], asked["outcome"]) for asked in fleet.run("test-000001")["asked"]] == [
        ("alarm test-backlog", "launched"),
        ("alarm test-age", "already running"),
    ]


def test_a_launch_that_fails_says_so_and_frees_the_lease(parts, fleet, submit):
    submit()

    with pytest.raises(NoCapacity):
        launch_run(replace(parts, instances=Full()), asked_by="alarm test-backlog")

    record = fleet.run("test-000001")
    assert (record["state"], record["reason"]) == ("failed", "the master could not be launched: none to give")
    assert fleet.lease() is None
    assert launch_run(parts, asked_by="watchdog").run == "test-000002"


def test_a_run_goes_on_with_the_trace_of_the_invocation_that_launched_it(parts, submit, instances, fleet):
    submit()
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    run = launch_run(replace(parts, trace=lambda: header), asked_by="operator").run

    assert f"export CHARTCODER_TRACE='{header}'" in instances.user_data[fleet.run(run)["master"]]
