"""Who read or wrote which chart is recorded where nobody can change it; what is kept can be restored."""

from tests.unit.template.cloudformation import Stack


def test_the_stack_records_readings_and_writings_where_no_other_trail_does(stack: Stack) -> None:
    trails = stack.of("CloudTrail::Trail")
    assert bool(trails) == (stack.parameter("AuditTrail") == "stack")
    for trail in trails.values():
        recorded = [
            target
            for selector in trail["AdvancedEventSelectors"]
            for field in selector["FieldSelectors"]
            if field["Field"] == "resources.ARN"
            for target in field.get("StartsWith", []) + field.get("Equals", [])
        ]
        assert recorded == [
            "${ChartsBucket.Arn}/",
            "${ResultsBucket.Arn}/",
            "${ResultsTable.Arn}",
            "${FleetTable.Arn}",
        ]


def test_a_trail_is_encrypted_signed_and_cannot_be_deleted_before_its_time(stack: Stack) -> None:
    for trail in stack.of("CloudTrail::Trail").values():
        assert trail["IsLogging"] is True
        assert trail["EnableLogFileValidation"] is True
        assert trail["KMSKeyId"] == "${Key.Arn}"
        bucket = stack.of("S3::Bucket")["TrailBucket"]
        assert bucket["ObjectLockEnabled"] is True
        retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        assert retention == {"Mode": "GOVERNANCE", "Days": stack.parameter("LogRetentionDays")}


def test_only_this_trail_writes_to_its_bucket(stack: Stack) -> None:
    policy = stack.of("S3::BucketPolicy").get("TrailBucketPolicy", {"PolicyDocument": {"Statement": []}})
    for statement in policy["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
            trail = "arn:aws:cloudtrail:us-east-1:123456789012:trail/chartcoder"
            assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": trail}}


def test_no_role_of_the_stack_may_pass_over_an_object_lock(stack: Stack) -> None:
    assert "BypassGovernanceRetention" not in str(stack.resources)


def test_both_tables_are_backed_up_daily_where_that_is_asked_for(stack: Stack) -> None:
    days = stack.parameter("BackupDays")
    selections = [s["BackupSelection"] for s in stack.of("Backup::BackupSelection").values()]
    assert [s["Resources"] for s in selections] == (
        [["${ResultsTable.Arn}", "${FleetTable.Arn}"]] if days != "0" else []
    )
    for plan in stack.of("Backup::BackupPlan").values():
        (rule,) = plan["BackupPlan"]["BackupPlanRule"]
        assert rule["Lifecycle"] == {"DeleteAfterDays": days}
        assert rule["TargetBackupVault"] == "${BackupVault}"
    for vault in stack.of("Backup::BackupVault").values():
        assert vault["EncryptionKeyArn"] == "${Key.Arn}"
