"""What EC2 does and ministack does not: launch templates, boots and ends of instances."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded.emulator_process import EmulatorProcess
from embedded.processes import command_of, descendants, end, marked

IDLE = "#!/bin/sh\nexec sleep 300\n"


@pytest.fixture
def ec2(client: Callable[[str], Any]) -> Any:
    return client("ec2")


@pytest.fixture
def template(ec2: Any) -> Callable[..., str]:
    """Makes a launch template and gives its id."""

    def make(**data: Any) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        data = {"ImageId": "ami-0c2023a1b2c3d4e5f", "InstanceType": "c7i.large", **data}
        made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    return make


@pytest.fixture
def run(ec2: Any) -> Any:
    """Runs instances of a template; ends them after the test."""
    started: list[str] = []

    def launch(template_id: str, user_data: str = IDLE, count: int = 1, **arguments: Any) -> list[dict[str, Any]]:
        answer = ec2.run_instances(
            LaunchTemplate={"LaunchTemplateId": template_id, "Version": "$Latest"},
            MinCount=1,
            MaxCount=count,
            UserData=user_data,
            **arguments,
        )
        started.extend(i["InstanceId"] for i in answer["Instances"])
        return list(answer["Instances"])

    yield launch
    if started:
        ec2.terminate_instances(InstanceIds=started)


def described(ec2: Any, instance_id: str) -> dict[str, Any]:
    return dict(ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0])


def test_an_instance_takes_what_its_launch_template_says(ec2: Any, template: Any, run: Any) -> None:
    [instance] = run(template(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2}))
    found = described(ec2, instance["InstanceId"])
    assert found["InstanceType"] == "c7i.large"
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 2


def test_tags_of_template_and_request_are_both_put_on_an_instance(ec2: Any, template: Any, run: Any) -> None:
    stack = {"ResourceType": "instance", "Tags": [{"Key": "stack", "Value": "s"}, {"Key": "role", "Value": "template"}]}
    asked = {"ResourceType": "instance", "Tags": [{"Key": "run", "Value": "r"}, {"Key": "role", "Value": "request"}]}
    [instance] = run(template(TagSpecifications=[stack]), TagSpecifications=[asked])
    tags = {t["Key"]: t["Value"] for t in described(ec2, instance["InstanceId"])["Tags"]}
    assert tags == {"stack": "s", "role": "request", "run": "r"}


def test_run_instances_answers_pending_and_max_count_instances_come_up(ec2: Any, template: Any, run: Any) -> None:
    instances = run(template(), count=3)
    assert [i["State"]["Name"] for i in instances] == ["pending"] * 3
    assert {described(ec2, i["InstanceId"])["State"]["Name"] for i in instances} == {"running"}


def test_a_client_token_seen_before_answers_with_the_same_instance_though_it_is_terminated(
    ec2: Any, template: Any, run: Any
) -> None:
    token, made = str(uuid.uuid4()), template()
    [first] = run(made, ClientToken=token)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    [second] = run(made, ClientToken=token)
    assert second["InstanceId"] == first["InstanceId"]
    assert second["State"]["Name"] == "terminated"


def test_a_client_token_with_other_parameters_is_refused(template: Any, run: Any) -> None:
    token, made = str(uuid.uuid4()), template()
    run(made, ClientToken=token)
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        run(made, ClientToken=token, InstanceType="c7i.xlarge")


def test_a_subnet_beside_the_templates_network_interfaces_is_refused(template: Any, run: Any) -> None:
    made = template(NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": False}])
    with pytest.raises(ClientError, match="Network interfaces and an instance-level subnet ID"):
        run(made, SubnetId="subnet-00000001")


def test_user_data_runs_at_boot_with_a_metadata_service_of_the_instances_own(
    ec2: Any, template: Any, run: Any, eventually: Any, emulator: EmulatorProcess
) -> None:
    script = """#!/bin/bash
    set -eu
    endpoint=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
    token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$endpoint/api/token")
    mkdir -p "$CHARTCODER_HOST_ROOT/var"
    curl -sf -H "X-aws-ec2-metadata-token: $token" "$endpoint/meta-data/instance-id" >"$CHARTCODER_HOST_ROOT/var/id"
    curl -s -o /dev/null -w '%{http_code}' "$endpoint/meta-data/instance-id" >"$CHARTCODER_HOST_ROOT/var/untokened"
    """
    [instance] = run(template(MetadataOptions={"HttpTokens": "required"}), user_data=script)
    var = emulator.log.parent / "instances" / instance["InstanceId"] / "root" / "var"
    eventually(lambda: (var / "untokened").exists() and (var / "untokened").read_text())
    assert (var / "id").read_text() == instance["InstanceId"]
    assert (var / "untokened").read_text() == "401"


def test_terminating_an_instance_leaves_no_process_of_it(ec2: Any, template: Any, run: Any, eventually: Any) -> None:
    script = "#!/bin/sh\nsetsid nohup sh -c 'trap \"\" TERM; while :; do sleep 1; done' >/dev/null 2>&1 &\nsleep 300\n"
    [instance] = run(template(), user_data=script)
    eventually(lambda: len(list(marked("EMBEDDED_INSTANCE", instance["InstanceId"]))) >= 4)
    answer = ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert answer["TerminatingInstances"][0]["CurrentState"]["Name"] == "shutting-down"
    assert list(marked("EMBEDDED_INSTANCE", instance["InstanceId"])) == []
    assert described(ec2, instance["InstanceId"])["State"]["Name"] == "terminated"


def test_ending_instances_leaves_no_zombies(ec2: Any, template: Any, run: Any, eventually: Any, emulator: Any) -> None:
    script = "#!/bin/sh\nsetsid nohup sleep 300 >/dev/null 2>&1 &\nsleep 300\n"
    first, second = run(template(), user_data=script, count=2)
    eventually(lambda: len(list(marked("EMBEDDED_INSTANCE", first["InstanceId"]))) >= 3)
    eventually(lambda: len(list(marked("EMBEDDED_INSTANCE", second["InstanceId"]))) >= 3)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    [supervisor, *_] = emulator.control("GET", "processes")["instances"][second["InstanceId"]]
    end(supervisor)  # as the kernel does when memory runs out
    eventually(lambda: described(ec2, second["InstanceId"])["State"]["Name"] == "stopped")
    below = [pid for pid in descendants(emulator.process.pid) if not command_of(pid)]
    assert below == []


@pytest.mark.parametrize(("behaviour", "state"), [("terminate", "terminated"), ("stop", "stopped")])
def test_an_instances_own_shutdown_ends_it_as_its_shutdown_behaviour_says(
    ec2: Any, template: Any, run: Any, eventually: Any, behaviour: str, state: str
) -> None:
    script = "#!/bin/sh\nsetsid nohup sleep 300 >/dev/null 2>&1 &\nshutdown -h now\n"
    [instance] = run(template(InstanceInitiatedShutdownBehavior=behaviour), user_data=script)
    eventually(lambda: described(ec2, instance["InstanceId"])["State"]["Name"] == state)
    assert list(marked("EMBEDDED_INSTANCE", instance["InstanceId"])) == []


def test_a_spot_template_gives_spot_instances_until_there_is_no_capacity(
    ec2: Any, template: Any, run: Any, emulator: EmulatorProcess
) -> None:
    made = template(InstanceMarketOptions={"MarketType": "spot"})
    [instance] = run(made)
    assert described(ec2, instance["InstanceId"])["InstanceLifecycle"] == "spot"
    emulator.control("PUT", "capacity", {"spot": 0})
    try:
        with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
            run(made)
        assert run(template())
    finally:
        emulator.control("PUT", "capacity", {"spot": None})


def test_a_spot_notice_shows_in_the_instances_metadata(template: Any, run: Any, eventually: Any, emulator: Any) -> None:
    script = """#!/bin/bash
    endpoint=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
    token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$endpoint/api/token")
    until curl -sf -H "X-aws-ec2-metadata-token: $token" "$endpoint/meta-data/spot/instance-action" >"$HOME/notice.new"
    do sleep 0.1; done
    mv "$HOME/notice.new" "$HOME/notice"
    """
    [instance] = run(template(), user_data=script)
    emulator.control("PUT", f"instances/{instance['InstanceId']}/spot-notice")
    notice = emulator.log.parent / "instances" / instance["InstanceId"] / "root" / "notice"
    eventually(notice.exists)
    assert '"action": "terminate"' in notice.read_text()


def test_filters_choose_instances_by_tag_state_and_id(ec2: Any, template: Any, run: Any) -> None:
    mark = uuid.uuid4().hex
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "chartcoder:run", "Value": mark}]}]
    first, second = run(template(), count=2, TagSpecifications=tags)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])

    def found(**states: Any) -> set[str]:
        filters = [{"Name": "tag:chartcoder:run", "Values": [mark]}]
        filters += [{"Name": name.replace("_", "-"), "Values": values} for name, values in states.items()]
        pages = ec2.describe_instances(Filters=filters)["Reservations"]
        return {i["InstanceId"] for r in pages for i in r["Instances"]}

    assert found() == {first["InstanceId"], second["InstanceId"]}
    assert found(instance_state_name=["pending", "running"]) == {second["InstanceId"]}
    assert found(instance_id=[first["InstanceId"]]) == {first["InstanceId"]}


def test_a_filter_that_ec2_does_not_know_is_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.describe_instances(Filters=[{"Name": "no-such-filter", "Values": ["x"]}])


def test_user_data_and_shutdown_behaviour_can_be_asked_for(ec2: Any, template: Any, run: Any) -> None:
    [instance] = run(template(InstanceInitiatedShutdownBehavior="terminate"))
    asked = {"InstanceId": instance["InstanceId"]}
    data = ec2.describe_instance_attribute(Attribute="userData", **asked)["UserData"]["Value"]
    assert base64.b64decode(data).decode() == IDLE
    behaviour = ec2.describe_instance_attribute(Attribute="instanceInitiatedShutdownBehavior", **asked)
    assert behaviour["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
