"""The stack's instances: found by tag, launched once a token, terminated for good."""

from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from chartcoder.cloud.instances import Instances
from chartcoder.errors import NoCapacity


class Refusing:
    """EC2 that refuses some instances, as it does for a protected or foreign one."""

    def __init__(self, *refused: str, code: str = "OperationNotPermitted") -> None:
        self._refused, self._code = set(refused), code
        self.terminated: list[str] = []

    def terminate_instances(self, *, InstanceIds: list[str]) -> None:  # noqa: N803 -- boto3's name
        if self._refused & set(InstanceIds):
            raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "TerminateInstances")
        self.terminated += InstanceIds


@pytest.fixture(params=["in memory", "in moto"])
def fleet_of(request) -> SimpleNamespace:
    """`instances`, and the launch template of their workers."""
    if request.param == "in moto":
        return request.getfixturevalue("ec2_instances")
    return SimpleNamespace(instances=request.getfixturevalue("instances"), template="lt-worker")


def test_an_instance_is_found_by_its_tags_until_it_is_terminated(fleet_of):
    instances = fleet_of.instances

    def launch(token: str) -> str:
        return instances.launch(fleet_of.template, role="worker", run="test-000001", user_data="#!/bin/sh", token=token)

    worker, other = launch("one"), launch("another")

    assert {found.id for found in instances.alive(role="worker", run="test-000001")} == {worker, other}
    [found] = [found for found in instances.all() if found.id == worker]
    assert (found.role, found.run, found.type) == ("worker", "test-000001", "c7i.xlarge")
    assert instances.alive(role="master") == []
    assert instances.alive(run="test-000002") == []

    assert instances.terminate([worker]) == {}
    assert instances.terminate(["i-0123456789abcdef0", worker]) == {}, "what is gone is terminated"
    assert [found.id for found in instances.alive()] == [other]
    assert {found.id: found.state for found in instances.all()}[worker] == "terminated"


def test_instances_of_other_stacks_are_never_seen(ec2_instances):
    ec2_instances.instances.launch(ec2_instances.template, role="worker", run="r", user_data="", token="t")

    assert Instances(boto3.client("ec2"), "another").all() == []


def test_an_instance_that_ec2_refuses_does_not_keep_the_others_alive():
    ec2 = Refusing("i-2")

    assert Instances(ec2, "test").terminate(["i-1", "i-2", "i-3"]) == {"i-2": "OperationNotPermitted"}
    assert ec2.terminated == ["i-1", "i-3"]


def test_hundreds_of_instances_are_terminated_in_requests_of_a_hundred():
    ec2 = Refusing("i-150", code="InvalidInstanceID.NotFound")

    assert Instances(ec2, "test").terminate(f"i-{number}" for number in range(250)) == {}
    assert len(ec2.terminated) == 249


@pytest.mark.parametrize(("code", "error"), [("InsufficientInstanceCapacity", NoCapacity), ("Whatever", ClientError)])
def test_want_of_capacity_is_told_from_a_mistake(code, error):
    class Full:
        def run_instances(self, **_):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "RunInstances")

    with pytest.raises(error, match=code):
        Instances(Full(), "test").launch("lt-1", role="master", run="test-000001", user_data="", token="t")
