"""Who may do what: each role does its own work and no other's."""

import json

import pytest

from tests.unit.template.cloudformation import TEMPLATE, Stack, allowed, as_list, permissions, statements

ROLES = ("LauncherRole", "WatchdogRole", "ApiRole", "CoderRole", "MasterRole", "WorkerRole")
FUNCTIONS = ("LauncherRole", "WatchdogRole", "ApiRole", "CoderRole")

WITHOUT_RESOURCE = {
    # what AWS cannot narrow to a resource (Service Authorization Reference)
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeTags",
    "ecr:GetAuthorizationToken",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    # Lambda's own, for a function in a VPC; the function's code is denied them
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def granted(stack: Stack, role: str, action: str) -> list[dict]:
    return [s for s in permissions(stack, role) if s["Effect"] == "Allow" and action in as_list(s["Action"])]


def launching(stack: Stack, role: str) -> list[dict]:
    """What a role may launch; a request for Spot by itself launches nothing."""
    statements = granted(stack, role, "ec2:RunInstances")
    return [s for s in statements if not str(s["Resource"]).endswith(":spot-instances-request/*")]


def test_no_permission_has_a_wildcard_action(stack: Stack) -> None:
    for name, statement in statements(stack):
        assert not [action for action in as_list(statement["Action"]) if "*" in action], name
        assert "NotAction" not in statement and "NotResource" not in statement, name


def test_every_permission_names_its_resource_where_aws_lets_it(stack: Stack) -> None:
    for name, statement in statements(stack):
        if statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCE, (name, statement["Sid"])


def test_every_permission_has_its_reason_beside_it() -> None:
    lines = [line.strip() for line in TEMPLATE.read_text().splitlines()]
    wrappers = ("- !If", "- UseSpot", "- PutFunctionsInVpc", "- MakeTrail")
    for number, line in enumerate(lines):
        if line.startswith("- Sid: ") and line.removeprefix("- Sid: ") not in ("TlsOnly", "Tls12OrBetter"):
            above = next(text for text in reversed(lines[:number]) if text not in wrappers)
            assert above.startswith("#"), f"line {number + 1}: {line}"


def test_no_role_has_a_policy_of_amazons_but_those_that_a_service_asks_for(stack: Stack) -> None:
    asked_for = {
        "ApiGatewayLogWriter": ["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"],
        "BackupRole": ["arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"],
    }
    for name, role in stack.of("IAM::Role").items():
        amazons = [arn for arn in role.get("ManagedPolicyArns", []) if not arn.startswith("${")]
        assert amazons == asked_for.get(name, []), name


def test_every_role_is_for_one_service(stack: Stack) -> None:
    for name, role in stack.of("IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole", name
        assert list(statement["Principal"]) == ["Service"], name
        assert isinstance(statement["Principal"]["Service"], str), name


def test_every_function_runs_under_its_own_role(stack: Stack) -> None:
    roles = {name: function["Role"] for name, function in stack.of("Lambda::Function").items()}
    assert roles == {name: f"${{{name.removesuffix('Function')}Role.Arn}}" for name in roles}
    assert len(roles) == (5 if stack.parameter("JwtIssuer") else 4)


@pytest.mark.parametrize(
    ("role", "passed"), [("LauncherRole", "MasterRole"), ("WatchdogRole", "MasterRole"), ("MasterRole", "WorkerRole")]
)
def test_a_role_is_handed_on_by_name_and_to_ec2_alone(stack: Stack, role: str, passed: str) -> None:
    (statement,) = granted(stack, role, "iam:PassRole")
    assert statement["Resource"] == f"${{{passed}.Arn}}"
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


@pytest.mark.parametrize("role", ["ApiRole", "CoderRole", "WorkerRole"])
def test_who_launches_nothing_may_neither_launch_nor_end_nor_hand_on_a_role(stack: Stack, role: str) -> None:
    forbidden = {"ec2:RunInstances", "ec2:TerminateInstances", "ec2:CreateTags", "iam:PassRole", "lambda:GetFunction"}
    assert not allowed(stack, role) & forbidden


@pytest.mark.parametrize(
    ("role", "templates"),
    [
        ("LauncherRole", ["MasterLaunchTemplate"]),
        ("WatchdogRole", ["MasterLaunchTemplate"]),
        ("MasterRole", ["WorkerLaunchTemplate", "WorkerSpotLaunchTemplate"]),
    ],
)
def test_instances_are_launched_from_the_stacks_templates_alone(stack: Stack, role: str, templates: list[str]) -> None:
    prefix = "arn:aws:ec2:us-east-1:123456789012:launch-template/"
    for statement in launching(stack, role):
        named = as_list(statement["Condition"]["ArnEquals"]["ec2:LaunchTemplate"])
        assert named == [f"{prefix}${{{template}}}" for template in templates], statement["Sid"]


@pytest.mark.parametrize(
    ("role", "of", "kind"),
    [("LauncherRole", "master", "MasterInstanceType"), ("MasterRole", "worker", "WorkerInstanceType")],
)
def test_a_launched_instance_is_of_the_stacks_type_tags_and_metadata_options(
    stack: Stack, role: str, of: str, kind: str
) -> None:
    (statement,) = [s for s in granted(stack, role, "ec2:RunInstances") if ":instance/" in str(s["Resource"])]
    assert statement["Condition"]["StringEquals"] == {
        "ec2:InstanceType": stack.parameter(kind),
        "ec2:MetadataHttpTokens": "required",
        "aws:RequestTag/chartcoder:stack": "chartcoder",
        "aws:RequestTag/chartcoder:role": of,
    }


@pytest.mark.parametrize("role", ["LauncherRole", "WatchdogRole", "MasterRole"])
def test_a_launched_volume_is_encrypted_and_the_rest_is_what_the_template_names(stack: Stack, role: str) -> None:
    (volume,) = [s for s in launching(stack, role) if ":volume/" in str(s["Resource"])]
    assert volume["Condition"]["Bool"] == {"ec2:Encrypted": "true"}
    (parts,) = [s for s in launching(stack, role) if ":subnet/" in str(s["Resource"])]
    assert parts["Condition"]["Bool"] == {"ec2:IsLaunchTemplateResource": "true"}
    assert len(launching(stack, role)) == 3


@pytest.mark.parametrize("role", ["LauncherRole", "WatchdogRole", "MasterRole"])
def test_an_instance_is_launched_with_the_stacks_own_image_subnet_and_security_group(stack: Stack, role: str) -> None:
    (parts,) = [s for s in launching(stack, role) if ":subnet/" in str(s["Resource"])]
    named = {kind: name for arn in parts["Resource"] for kind, name in [arn.rpartition(":")[2].split("/", 1)]}
    made = stack.parameter("VpcId") == ""
    assert named["subnet"] == ("${PrivateSubnetA}" if made else "subnet-0123456789abcdef0")
    assert named["security-group"] == "${InstanceSecurityGroup.GroupId}"
    assert named["image"] == stack.parameter("ImageId")
    assert set(named) == {"subnet", "security-group", "image", "network-interface", "launch-template"}


@pytest.mark.parametrize("role", ["LauncherRole", "WatchdogRole", "MasterRole"])
def test_tags_are_set_at_launch_and_at_no_other_time(stack: Stack, role: str) -> None:
    (statement,) = granted(stack, role, "ec2:CreateTags")
    assert statement["Condition"] == {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    assert not allowed(stack, role) & {"ec2:DeleteTags", "ec2:ModifyInstanceAttribute"}


@pytest.mark.parametrize(
    ("role", "tags"),
    [
        ("WatchdogRole", {"aws:ResourceTag/chartcoder:stack": "chartcoder"}),
        (
            "MasterRole",
            {"aws:ResourceTag/chartcoder:stack": "chartcoder", "aws:ResourceTag/chartcoder:role": "worker"},
        ),
    ],
)
def test_only_this_stacks_instances_are_ended(stack: Stack, role: str, tags: dict[str, str]) -> None:
    (statement,) = granted(stack, role, "ec2:TerminateInstances")
    assert statement["Condition"] == {"StringEquals": tags}


def test_the_launcher_ends_no_instance(stack: Stack) -> None:
    assert "ec2:TerminateInstances" not in allowed(stack, "LauncherRole")


@pytest.mark.parametrize("role", ROLES)
def test_the_key_is_used_through_a_service_and_grants_are_for_services(stack: Stack, role: str) -> None:
    for statement in permissions(stack, role):
        actions = [action for action in as_list(statement["Action"]) if action.startswith("kms:")]
        if actions == ["kms:DescribeKey"]:  # says how the key is, and uses nothing
            assert role in ("ApiRole", "LauncherRole", "WatchdogRole", "WorkerRole"), statement["Sid"]
            assert statement["Resource"] == "${Key.Arn}", statement["Sid"]
            continue
        if actions:
            assert statement["Resource"] == "${Key.Arn}", statement["Sid"]
            assert "kms:ViaService" in statement["Condition"]["StringEquals"], statement["Sid"]
        if "kms:CreateGrant" in actions:
            assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}, statement["Sid"]


def test_a_worker_receives_reads_writes_deletes_its_messages_and_nothing_else(stack: Stack) -> None:
    basics = {action for s in permissions(stack, "InstanceBasics") for action in as_list(s["Action"])}
    assert allowed(stack, "WorkerRole") - basics == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTraceSegments",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:PutObject",
        "dynamodb:BatchWriteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
    }


def test_a_worker_touches_in_the_fleets_table_only_runs_and_never_the_lease(stack: Stack) -> None:
    (statement,) = [s for s in permissions(stack, "WorkerRole") if s["Resource"] == "${FleetTable.Arn}"]
    assert statement["Action"] == "dynamodb:UpdateItem"
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "RUN#*"},
        "Null": {"dynamodb:LeadingKeys": "false"},  # "for all" holds of none, too
    }


def test_a_worker_deletes_nothing_from_the_results_but_the_notes_which_charts_bill_a_code(stack: Stack) -> None:
    (statement,) = granted(stack, "WorkerRole", "dynamodb:BatchWriteItem")
    assert statement["Resource"] == "${ResultsTable.Arn}"
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "CODE#*"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_the_api_writes_over_no_list_of_batches_and_no_note_of_a_code(stack: Stack) -> None:
    (statement,) = granted(stack, "ApiRole", "dynamodb:PutItem")
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["BATCH#*", "IDEMPOTENCY"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_the_watchdog_reads_of_a_charts_record_whether_it_ended_and_no_codes_and_no_result(stack: Stack) -> None:
    (statement,) = [s for s in granted(stack, "WatchdogRole", "dynamodb:GetItem") if "ResultsTable" in s["Resource"]]
    assert statement["Action"] == "dynamodb:GetItem"
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "BATCH#*"},
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "key", "sequencer", "state"]},
        "Null": {"dynamodb:LeadingKeys": "false", "dynamodb:Attributes": "false"},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_the_watchdogs_writings_answer_nothing_of_what_they_write_over(stack: Stack) -> None:
    (statement,) = [s for s in granted(stack, "WatchdogRole", "dynamodb:PutItem") if "ResultsTable" in s["Resource"]]
    assert set(statement["Action"]) == {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    assert statement["Condition"]["StringEqualsIfExists"] == {"dynamodb:ReturnValues": "NONE"}


def test_the_api_invokes_the_coder_and_no_other_function(stack: Stack) -> None:
    (statement,) = granted(stack, "ApiRole", "lambda:InvokeFunction")
    assert statement["Resource"].endswith(":function:chartcoder-coder")


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("WorkerRole", "ApiRole")])
def test_nobody_but_a_worker_and_the_api_reads_charts(stack: Stack, role: str) -> None:
    for action in ("s3:GetObject", "s3:GetObjectVersion"):
        for statement in granted(stack, role, action):
            assert "ChartsBucket" not in str(statement["Resource"]), statement["Sid"]
    for statement in granted(stack, role, "sqs:ReceiveMessage"):
        assert statement["Resource"] == "${DeadLetterQueue.Arn}", statement["Sid"]


@pytest.mark.parametrize("role", ROLES)
def test_nobody_deletes_objects_keys_queues_tables_or_logs(stack: Stack, role: str) -> None:
    verbs = ("s3:Delete", "kms:ScheduleKey", "kms:Disable", "sqs:DeleteQueue", "sqs:Purge", "dynamodb:DeleteTable")
    assert not [action for action in allowed(stack, role) if action.startswith((*verbs, "logs:Delete", "iam:Create"))]


@pytest.mark.parametrize("role", ["MasterRole", "WorkerRole"])
def test_images_are_pulled_only_from_the_repositories_made_for_this_stack(stack: Stack, role: str) -> None:
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        sams, own = granted(stack, role, action)
        assert sams["Condition"] == {
            "StringLike": {"aws:ResourceTag/AwsSamCliCompanionStack": "chartcoder-*-CompanionStack"}
        }
        assert own["Resource"] == "arn:aws:ecr:us-east-1:123456789012:repository/chartcoder/*"
        assert own["Condition"] == {"StringEquals": {"aws:ResourceTag/chartcoder:stack": "chartcoder"}}


@pytest.mark.parametrize("role", FUNCTIONS)
def test_a_functions_code_cannot_use_the_rights_lambda_needs_for_the_vpc(stack: Stack, role: str) -> None:
    for statement in permissions(stack, role):
        if statement["Effect"] == "Allow" and "ec2:CreateNetworkInterface" in as_list(statement["Action"]):
            denied = next((s for s in permissions(stack, role) if s["Effect"] == "Deny"), {"Action": []})
            changing = {a for a in as_list(statement["Action"]) if a not in ("ec2:DescribeSubnets",)}
            assert changing <= set(denied["Action"])
            assert "lambda:SourceFunctionArn" in denied["Condition"]["ArnLike"]


def test_the_coder_function_reaches_no_store(stack: Stack) -> None:
    assert not [a for a in allowed(stack, "CoderRole") if a.startswith(("s3:", "sqs:", "dynamodb:"))]


def test_who_looks_at_tokens_reaches_no_store_and_no_other_function(stack: Stack) -> None:
    if stack.parameter("JwtIssuer"):
        services = {action.partition(":")[0] for action in allowed(stack, "AuthorizerRole")}
        assert services - {"ec2"} == {"logs", "xray", "kms"}  # of EC2 what Lambda needs for a VPC, denied to the code
        assert not services & {"s3", "sqs", "dynamodb", "lambda"}


def test_every_policy_fits_where_iam_keeps_it(stack: Stack) -> None:
    def size(*documents: dict) -> int:
        return sum(len(json.dumps(document, separators=(",", ":"))) for document in documents)

    for name, policy in stack.of("IAM::ManagedPolicy").items():
        assert size(policy["PolicyDocument"]) < 6_144, name
    for name, role in stack.of("IAM::Role").items():
        assert size(*(policy["PolicyDocument"] for policy in role.get("Policies", []))) < 10_240, name
