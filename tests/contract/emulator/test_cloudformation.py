"""Resource types that the emulator lacks are taken without effect; a mistake in a template still shows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from embedded.patches.without_effect import WITHOUT_EFFECT
from embedded.stack import StackFailed, deploy_stack


@pytest.fixture
def create(client: Any) -> Any:
    """Creates a stack of these resources and gives its outputs."""

    def make(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, str]:
        template = {"Resources": resources, "Outputs": outputs or {}}
        return deploy_stack(client("cloudformation"), client("s3"), f"s-{uuid.uuid4().hex[:12]}", template, {})

    return make


@pytest.mark.parametrize("kind", sorted(WITHOUT_EFFECT))
def test_a_type_without_effect_can_be_created_and_referred_to(create: Any, kind: str) -> None:
    assert create({"Thing": {"Type": kind, "Properties": {}}}, {"Id": {"Value": {"Ref": "Thing"}}})["Id"]


def test_a_type_that_nobody_knows_fails_the_stack(client: Any, create: Any) -> None:
    with pytest.raises(client("cloudformation").exceptions.ClientError, match="Unrecognized resource types"):
        create({"Thing": {"Type": "AWS::EC2::FlowLogg", "Properties": {}}})


def test_a_resource_that_cannot_be_made_fails_the_stack_with_its_reason(create: Any) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": {"maxReceiveCount": "many"}}}
    with pytest.raises(StackFailed, match=r"Queue \(AWS::SQS::Queue\): Invalid value for the parameter RedrivePolicy"):
        create({"Queue": queue})


def test_a_buckets_encryption_is_the_templates(client: Any, create: Any) -> None:
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:111122223333:key/k"}
    rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_default}
    encryption = {"ServerSideEncryptionConfiguration": [rule]}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketEncryption": encryption}}
    name = create({"Bucket": bucket}, {"Name": {"Value": {"Ref": "Bucket"}}})["Name"]
    [found] = client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found["ApplyServerSideEncryptionByDefault"] == by_default
    assert found["BucketKeyEnabled"] is True


def test_a_tables_expiry_recovery_and_encryption_are_the_templates(client: Any, create: Any) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/k"
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "forget_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    }
    table = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    name = create({"Table": table}, {"Name": {"Value": {"Ref": "Table"}}})["Name"]
    dynamodb = client("dynamodb")
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "forget_at")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["KMSMasterKeyArn"] == key
