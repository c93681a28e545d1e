"""Everything that is kept is encrypted with the stack's own key, versioned or recoverable, and outlives the stack."""

import pytest

from tests.unit.template.cloudformation import Stack, as_list

KEY = "${Key.Arn}"
KEEPS_DATA = ("S3::Bucket", "DynamoDB::Table", "KMS::Key", "SQS::Queue", "Logs::LogGroup", "Backup::BackupVault")


def allowing(key: dict) -> list[dict]:
    return [statement for statement in key["KeyPolicy"]["Statement"] if statement["Effect"] == "Allow"]


def test_the_key_rotates_and_can_be_called_back_for_a_month(stack: Stack) -> None:
    (key,) = stack.of("KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30


def test_a_service_may_use_the_key_only_for_this_account(stack: Stack) -> None:
    (key,) = stack.of("KMS::Key").values()
    for statement in allowing(key):
        assert statement["Principal"] != "*"
        assert "*" not in statement["Principal"].values()
        if "Service" in statement["Principal"]:
            narrowed = {name for operator in statement["Condition"].values() for name in operator}
            assert narrowed & {"aws:SourceArn", "kms:EncryptionContext:aws:logs:arn"}, statement["Sid"]
            assert "123456789012" in str(statement["Condition"]), statement["Sid"]


def test_only_the_account_itself_may_do_everything_with_the_key(stack: Stack) -> None:
    (key,) = stack.of("KMS::Key").values()
    unlimited = [s for s in allowing(key) if "*" in str(s["Action"])]
    assert [s["Principal"] for s in unlimited] == [{"AWS": "arn:aws:iam::123456789012:root"}]


def test_the_key_is_lent_to_services_alone_whatever_a_policy_allows(stack: Stack) -> None:
    (key,) = stack.of("KMS::Key").values()
    (denial,) = [s for s in key["KeyPolicy"]["Statement"] if s["Effect"] == "Deny"]
    assert (denial["Principal"], denial["Action"], denial["Resource"]) == ({"AWS": "*"}, "kms:CreateGrant", "*")
    neither = {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}
    assert denial["Condition"] == {"BoolIfExists": neither}


def test_spot_has_the_key_only_where_spot_is_used(stack: Stack) -> None:
    (key,) = stack.of("KMS::Key").values()
    named = "spot.amazonaws.com" in str(key["KeyPolicy"])
    assert named == (stack.parameter("SpotShare") != "0")


def test_every_bucket_is_encrypted_with_the_key_but_the_one_that_takes_access_logs(stack: Stack) -> None:
    for name, bucket in stack.of("S3::Bucket").items():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if name == "AccessLogBucket":  # S3 delivers access logs to no other kind
            assert default == {"SSEAlgorithm": "AES256"}
        else:
            assert default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, name
            assert rule["BucketKeyEnabled"] is True, name


@pytest.mark.parametrize("bucket", ["ChartsBucket", "ResultsBucket"])
def test_nothing_is_put_into_a_bucket_of_charts_or_results_under_another_key(stack: Stack, bucket: str) -> None:
    document = stack.of("S3::BucketPolicy")[f"{bucket}Policy"]["PolicyDocument"]
    key, kind = "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption"
    denied = [
        {"StringNotEquals": {key: KEY}, "Null": {key: "false"}},
        {"StringNotEquals": {kind: "aws:kms"}, "Null": {kind: "false"}},
        {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
    ]
    for condition in denied:
        (denial,) = [s for s in document["Statement"] if s["Effect"] == "Deny" and s["Condition"] == condition]
        assert (denial["Principal"], denial["Action"]) == ("*", "s3:PutObject")
        assert denial["Resource"] == f"${{{bucket}.Arn}}/*"


def test_every_bucket_is_closed_owned_and_versioned(stack: Stack) -> None:
    for name, bucket in stack.of("S3::Bucket").items():
        closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(closed, True), name
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}], name
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, name


def test_every_bucket_forgets_old_versions_and_abandoned_uploads(stack: Stack) -> None:
    for name, bucket in stack.of("S3::Bucket").items():
        rules = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule["Status"] == "Enabled"]
        assert any("NoncurrentVersionExpiration" in rule for rule in rules), name
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), name


def test_charts_and_results_are_kept_until_told_otherwise(stack: Stack) -> None:
    for name in ("ChartsBucket", "ResultsBucket"):
        rules = stack.of("S3::Bucket")[name]["LifecycleConfiguration"]["Rules"]
        expiry = [str(rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule]
        days = stack.parameter("ChartRetentionDays")
        assert expiry == ([] if days == "0" else [days]), name


def test_every_bucket_logs_who_reads_and_writes(stack: Stack) -> None:
    for name, bucket in stack.of("S3::Bucket").items():
        if name != "AccessLogBucket":
            assert bucket["LoggingConfiguration"]["DestinationBucketName"] == "${AccessLogBucket}", name


def test_s3_delivers_access_logs_only_for_this_stacks_buckets(stack: Stack) -> None:
    policy = stack.of("S3::BucketPolicy")["AccessLogBucketPolicy"]["PolicyDocument"]
    (allow,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert set(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == {
        "arn:aws:s3:::chartcoder-charts-123456789012",
        "arn:aws:s3:::chartcoder-results-123456789012",
        "arn:aws:s3:::chartcoder-trail-123456789012",
    }


def test_every_queue_is_encrypted_with_the_key(stack: Stack) -> None:
    for name, queue in stack.of("SQS::Queue").items():
        assert queue["KmsMasterKeyId"] == KEY, name


def test_every_table_is_encrypted_with_the_key_recoverable_and_protected(stack: Stack) -> None:
    tables = stack.of("DynamoDB::Table")
    assert set(tables) == {"ResultsTable", "FleetTable"}
    for name, table in tables.items():
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}, name
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, name
        assert table["DeletionProtectionEnabled"] is True, name
        assert table["TimeToLiveSpecification"] == {"AttributeName": "forget_at", "Enabled": True}, name


def test_every_log_group_is_encrypted_with_the_key_and_kept_as_long_as_asked(stack: Stack) -> None:
    for name, group in stack.of("Logs::LogGroup").items():
        assert group["KmsKeyId"] == KEY, name
        assert group["RetentionInDays"] == stack.parameter("LogRetentionDays"), name
        assert group["LogGroupName"].startswith("/chartcoder/chartcoder/"), "the key's policy names this path"


def test_logs_are_kept_ten_years_unless_told_otherwise(stack: Stack) -> None:
    assert int(stack.parameter("LogRetentionDays")) >= 6 * 365


def test_every_volume_is_encrypted_with_the_key_and_ends_with_its_instance(stack: Stack) -> None:
    for name, template in stack.of("EC2::LaunchTemplate").items():
        for device in template["LaunchTemplateData"]["BlockDeviceMappings"]:
            assert device["Ebs"]["Encrypted"] is True, name
            assert device["Ebs"]["KmsKeyId"] == KEY, name
            assert device["Ebs"]["DeleteOnTermination"] is True, name


def test_every_functions_environment_is_encrypted_with_the_key(stack: Stack) -> None:
    for name, function in stack.of("Lambda::Function").items():
        assert function["KmsKeyArn"] == KEY, name


def test_notifications_are_encrypted_with_the_key(stack: Stack) -> None:
    for name, topic in stack.of("SNS::Topic").items():
        assert topic["KmsMasterKeyId"] == KEY, name


@pytest.mark.parametrize("attribute", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_what_keeps_data_outlives_the_stack(stack: Stack, attribute: str) -> None:
    for name, resource in stack.resources.items():
        if resource["Type"].removeprefix("AWS::") in KEEPS_DATA:
            assert resource.get(attribute) == "Retain", name


def test_no_queue_sends_its_dead_letters_where_nobody_named_them(stack: Stack) -> None:
    queues = stack.of("SQS::Queue")
    assert queues["DeadLetterQueue"]["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:us-east-1:123456789012:chartcoder-charts"],
    }
    assert queues["ChartsQueue"]["QueueName"] == "chartcoder-charts"
    assert queues["FailedEventsQueue"]["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_a_chart_is_tried_a_few_times_and_its_dead_letter_outlives_the_queue(stack: Stack) -> None:
    queues = stack.of("SQS::Queue")
    source, dead = queues["ChartsQueue"], queues["DeadLetterQueue"]
    assert source["RedrivePolicy"]["deadLetterTargetArn"] == "${DeadLetterQueue.Arn}"
    assert 2 <= int(source["RedrivePolicy"]["maxReceiveCount"]) <= 10
    assert source["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_s3_alone_may_announce_charts_and_only_this_bucket_of_this_account(stack: Stack) -> None:
    policy = stack.of("SQS::QueuePolicy")["QueuePolicy"]["PolicyDocument"]
    (allow,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
    assert as_list(allow["Action"]) == ["sqs:SendMessage"]
    assert allow["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{stack.of('S3::Bucket')['ChartsBucket']['BucketName']}"},
    }
