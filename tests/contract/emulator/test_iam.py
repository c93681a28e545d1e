"""What IAM decides on AWS and ministack does not: launches and ends by resource, SQS batches, log streams."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded.emulator_process import EmulatorProcess

EC2 = "arn:aws:ec2:us-east-1:111122223333"
REST_OF_A_LAUNCH = [
    f"{EC2}:{kind}/*" for kind in ("volume", "network-interface", "subnet", "security-group", "launch-template")
]


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    data = tmp_path_factory.mktemp("enforcing")
    process = EmulatorProcess(data=data, project=Path(__file__).parent, persist=False, enforce_iam=True)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def owner(enforcing: EmulatorProcess) -> Callable[[str], Any]:
    return lambda service: boto3.client(service, **enforcing.client_arguments())


@pytest.fixture
def user(enforcing: EmulatorProcess, owner: Any) -> Callable[..., Callable[[str], Any]]:
    """Makes a user with these statements; gives a maker of its clients."""

    def make(*statements: dict[str, Any]) -> Callable[[str], Any]:
        name, iam = f"u-{uuid.uuid4().hex[:12]}", owner("iam")
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return lambda service: boto3.client(service, **{**enforcing.client_arguments(), **own})

    return make


def allow(actions: str | list[str], resources: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": {"StringEquals": condition}} if condition else statement


def template(owner: Any, **data: Any) -> str:
    data = {"ImageId": "ami-0c2023a1b2c3d4e5f", "InstanceType": "c7i.large", **data}
    name = f"t-{uuid.uuid4().hex[:12]}"
    made = owner("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def launch(client: Any, template_id: str, **arguments: Any) -> str:
    asked = {"LaunchTemplateId": template_id}
    answer = client.run_instances(LaunchTemplate=asked, MinCount=1, MaxCount=1, **arguments)
    return str(answer["Instances"][0]["InstanceId"])


def test_a_launch_is_allowed_from_the_launch_template_that_the_policy_names_and_from_no_other(
    owner: Any, user: Any
) -> None:
    named, other = template(owner), template(owner)
    image = "arn:aws:ec2:us-east-1::image/*"
    condition = {"ec2:LaunchTemplate": f"{EC2}:launch-template/{named}"}
    mine = user(
        allow("ec2:RunInstances", f"{EC2}:instance/*", **condition),
        allow("ec2:RunInstances", [*REST_OF_A_LAUNCH, image]),
    )("ec2")
    assert launch(mine, named)
    with pytest.raises(ClientError, match=r"ec2:RunInstances on resource: .*:instance/\*"):
        launch(mine, other)


def test_a_launch_with_tags_needs_the_right_to_create_them_at_launch(owner: Any, user: Any) -> None:
    asked = [{"ResourceType": "instance", "Tags": [{"Key": "role", "Value": "worker"}]}]
    run = allow("ec2:RunInstances")
    tagging = allow("ec2:CreateTags", f"{EC2}:instance/*", **{"ec2:CreateAction": "RunInstances"})
    assert launch(user(run, tagging)("ec2"), template(owner), TagSpecifications=asked)
    with pytest.raises(ClientError, match="ec2:CreateTags"):
        launch(user(run)("ec2"), template(owner), TagSpecifications=asked)


def test_a_launch_with_a_profile_needs_the_right_to_pass_its_role(owner: Any, user: Any) -> None:
    iam, name = owner("iam"), f"r-{uuid.uuid4().hex[:12]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    profile = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    made = template(owner, IamInstanceProfile={"Arn": profile})
    run, role = allow("ec2:RunInstances"), f"arn:aws:iam::111122223333:role/{name}"
    passing = allow("iam:PassRole", role, **{"iam:PassedToService": "ec2.amazonaws.com"})
    assert launch(user(run, passing)("ec2"), made)
    with pytest.raises(ClientError, match="iam:PassRole"):
        launch(user(run)("ec2"), made)


def test_only_instances_with_the_tag_that_the_policy_names_can_be_terminated(owner: Any, user: Any) -> None:
    def tagged(role: str) -> str:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "role", "Value": role}]}]
        return launch(owner("ec2"), template(owner), TagSpecifications=tags)

    worker, master = tagged("worker"), tagged("master")
    mine = user(allow("ec2:TerminateInstances", "*", **{"aws:ResourceTag/role": "worker"}))("ec2")
    with pytest.raises(ClientError, match=f"ec2:TerminateInstances on resource: .*{master}"):
        mine.terminate_instances(InstanceIds=[worker, master])
    assert mine.terminate_instances(InstanceIds=[worker])["TerminatingInstances"]


def test_a_batch_of_messages_needs_the_right_to_the_single_one(owner: Any, user: Any) -> None:
    url = owner("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    mine = user(allow("sqs:SendMessage"))("sqs")
    sent = mine.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    assert len(sent["Successful"]) == 1


def test_a_right_to_all_streams_of_a_group_is_a_right_to_create_and_write_one(owner: Any, user: Any) -> None:
    group = f"/g/{uuid.uuid4().hex}"
    owner("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:111122223333:log-group:{group}:*"  # what CloudFormation gives as a group's Arn
    mine = user(allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn))("logs")
    mine.create_log_stream(logGroupName=group, logStreamName="s")
    entry = {"timestamp": 1_000_000_000_000, "message": "x"}
    assert mine.put_log_events(logGroupName=group, logStreamName="s", logEvents=[entry])
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.create_log_stream(logGroupName="/another", logStreamName="s")


def test_a_right_to_items_of_one_partition_is_none_to_another(owner: Any, user: Any) -> None:
    name = f"t-{uuid.uuid4().hex[:12]}"
    key = [{"AttributeName": "pk", "KeyType": "HASH"}]
    types = [{"AttributeName": "pk", "AttributeType": "S"}]
    owner("dynamodb").create_table(
        TableName=name, KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
    )
    statement = allow(["dynamodb:PutItem", "dynamodb:GetItem"])
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "MINE#*"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    mine = user({**statement, "Condition": condition})("dynamodb")
    mine.put_item(TableName=name, Item={"pk": {"S": "MINE#1"}})
    assert "Item" in mine.get_item(TableName=name, Key={"pk": {"S": "MINE#1"}})
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.put_item(TableName=name, Item={"pk": {"S": "YOURS#1"}})


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (
            "aws-kms-key-id",
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:111122223333:key/k"},
        ),
        ("customer-algorithm", {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}),
    ],
)
def test_a_policy_sees_under_which_key_an_upload_asks_to_be_kept(
    owner: Any, user: Any, header: str, named: dict[str, str]
) -> None:
    bucket = f"b-{uuid.uuid4().hex[:12]}"
    owner("s3").create_bucket(Bucket=bucket)
    asked = {"Null": {f"s3:x-amz-server-side-encryption-{header}": "false"}}
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": asked}
    mine = user(allow("s3:PutObject"), deny)("s3")
    mine.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.put_object(Bucket=bucket, Key="k", Body=b"x", **named)


def test_what_is_refused_over_plain_http_is_not_refused_on_loopback(owner: Any, user: Any) -> None:
    tls_only = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert "QueueUrl" in user(allow("sqs:*"), tls_only)("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")
