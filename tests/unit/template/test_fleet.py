"""How instances are made: they answer tokens alone, end when they stop, and say whose they are."""

from chartcoder.prices import ON_DEMAND, VOLUME_GB
from tests.unit.template.cloudformation import Stack

TEMPLATES = {"MasterLaunchTemplate": "master", "WorkerLaunchTemplate": "worker", "WorkerSpotLaunchTemplate": "worker"}


def launched(stack: Stack) -> dict[str, dict]:
    """Launch template -> what it launches."""
    data = {name: template["LaunchTemplateData"] for name, template in stack.of("EC2::LaunchTemplate").items()}
    assert set(data) == set(TEMPLATES)
    return data


def test_the_metadata_service_answers_tokens_alone_and_within_one_hop(stack: Stack) -> None:
    for name, data in launched(stack).items():
        assert data["MetadataOptions"]["HttpTokens"] == "required", name
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1, f"{name}: containers use the host's network"


def test_no_instance_has_a_public_address_or_an_ssh_key(stack: Stack) -> None:
    for name, data in launched(stack).items():
        assert [interface["AssociatePublicIpAddress"] for interface in data["NetworkInterfaces"]] == [False], name
        assert "KeyName" not in data, name


def test_every_instance_is_in_the_fleets_group_and_a_private_subnet(stack: Stack) -> None:
    made = stack.parameter("VpcId") == ""
    for name, data in launched(stack).items():
        (interface,) = data["NetworkInterfaces"]
        assert interface["Groups"] == ["${InstanceSecurityGroup}"], name
        assert interface["SubnetId"] == ("${PrivateSubnetA}" if made else "subnet-0123456789abcdef0"), name


def test_a_shutdown_ends_an_instance_for_good(stack: Stack) -> None:
    for name, data in launched(stack).items():
        assert data["InstanceInitiatedShutdownBehavior"] == "terminate", name


def test_every_instance_and_volume_says_its_stack_and_role(stack: Stack) -> None:
    for name, data in launched(stack).items():
        tagged = {
            spec["ResourceType"]: {t["Key"]: t["Value"] for t in spec["Tags"]} for spec in data["TagSpecifications"]
        }
        assert set(tagged) == {"instance", "volume"}, name
        for tags in tagged.values():
            assert tags["chartcoder:stack"] == "chartcoder", name
            assert tags["chartcoder:role"] == TEMPLATES[name], name


def test_every_instance_has_its_own_roles_profile(stack: Stack) -> None:
    for name, role in TEMPLATES.items():
        assert launched(stack)[name]["IamInstanceProfile"] == {"Arn": f"${{{role.capitalize()}InstanceProfile.Arn}}"}, (
            name
        )


def test_spot_workers_are_workers_but_for_the_market(stack: Stack) -> None:
    spot = dict(launched(stack)["WorkerSpotLaunchTemplate"])
    assert spot.pop("InstanceMarketOptions")["MarketType"] == "spot"
    assert spot == launched(stack)["WorkerLaunchTemplate"]


def test_user_data_is_a_file_and_not_in_the_template(stack: Stack) -> None:
    assert not [name for name, data in launched(stack).items() if "UserData" in data]


def test_every_instance_type_that_may_be_chosen_has_a_price(expanded_template: dict) -> None:
    for parameter in ("WorkerInstanceType", "MasterInstanceType"):
        assert set(expanded_template["Parameters"][parameter]["AllowedValues"]) <= set(ON_DEMAND), parameter


def test_the_volume_is_the_one_that_a_runs_cost_is_reckoned_with(stack: Stack) -> None:
    for name, data in launched(stack).items():
        assert [device["Ebs"]["VolumeSize"] for device in data["BlockDeviceMappings"]] == [VOLUME_GB], name
