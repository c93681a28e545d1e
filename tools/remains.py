"""What of a stack is left in the account: proof that it is gone, or the list of what keeps it from being gone.

    python -m tools.remains STACK

Looks by the names and tags that template.yaml gives, in the account and region of the environment, and changes nothing.
Prints one line each with the command that deletes it. Status 0 when nothing is left but what ends by itself, else 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that is still there."""

    kind: str
    name: str
    delete: str
    """The command, or why there is none."""
    by_itself: bool = False
    """It ends without anybody's doing, at the moment that `delete` names."""


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tools.remains STACK", file=sys.stderr)
        return 2
    left = list(remains(sys.argv[1], lambda service: boto3.client(service)))  # type: ignore[call-overload]
    for one in left:
        print(f"{one.kind:<18} {one.name}\n{'':<18} {one.delete}")
    blocking = [one for one in left if not one.by_itself]
    print(f"{len(blocking)} left of {sys.argv[1]}, {len(left) - len(blocking)} ending by themselves")
    return 1 if blocking else 0


def remains(stack: str, client: Clients) -> Iterator[Left]:
    """Everything that carries the stack's name or tag, whatever made it."""
    for look in (_stacks, _compute, _stores, _queues, _records, _keys, _backups, _images, _permissions, _telling):
        yield from look(stack, client)


def _stacks(stack: str, client: Clients) -> Iterator[Left]:
    for page in client("cloudformation").get_paginator("describe_stacks").paginate():
        for one in page["Stacks"]:
            name = one["StackName"]
            companion = name.startswith(f"{stack}-") and name.endswith("-CompanionStack")
            if (name == stack or companion) and one["StackStatus"] != "DELETE_COMPLETE":
                yield Left("stack", name, f"sam delete --stack-name {stack}")


def _compute(stack: str, client: Clients) -> Iterator[Left]:
    tag = [{"Name": "tag:chartcoder:stack", "Values": [stack]}]
    ec2 = client("ec2")
    for page in ec2.get_paginator("describe_instances").paginate(Filters=tag):
        for one in (instance for group in page["Reservations"] for instance in group["Instances"]):
            if one["State"]["Name"] != "terminated":
                end = f"aws ec2 terminate-instances --instance-ids {one['InstanceId']}"
                yield Left("instance", one["InstanceId"], end)
    for page in ec2.get_paginator("describe_volumes").paginate(Filters=tag):
        for one in page["Volumes"]:
            yield Left("volume", one["VolumeId"], f"aws ec2 delete-volume --volume-id {one['VolumeId']}")
    for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=tag):
        for one in page["Snapshots"]:
            yield Left("snapshot", one["SnapshotId"], f"aws ec2 delete-snapshot --snapshot-id {one['SnapshotId']}")
    for page in client("lambda").get_paginator("list_functions").paginate():
        for one in page["Functions"]:
            if one["FunctionName"].startswith(f"{stack}-"):
                name = one["FunctionName"]
                yield Left("function", name, f"aws lambda delete-function --function-name {name}")


def _stores(stack: str, client: Clients) -> Iterator[Left]:
    account = client("sts").get_caller_identity()["Account"]
    ours = {f"{stack}-{use}-{account}" for use in ("charts", "results", "access-logs", "trail")}
    for one in client("s3").list_buckets()["Buckets"]:
        if one["Name"] in ours:
            # every version has to go first: docs/operations.md, "Retiring"
            yield Left("bucket", one["Name"], f"aws s3api delete-bucket --bucket {one['Name']}   # once it is empty")
    for page in client("dynamodb").get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(f"{stack}-"):
                yield Left("table", name, f"aws dynamodb delete-table --table-name {name}   # protection off first")


def _queues(stack: str, client: Clients) -> Iterator[Left]:
    for page in client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix=f"{stack}-"):
        for url in page.get("QueueUrls", []):
            yield Left("queue", url.rpartition("/")[2], f"aws sqs delete-queue --queue-url {url}")


def _records(stack: str, client: Clients) -> Iterator[Left]:
    for page in (
        client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/chartcoder/{stack}/")
    ):
        for one in page["logGroups"]:
            name = one["logGroupName"]
            yield Left("log group", name, f"aws logs delete-log-group --log-group-name {name}")
    for one in client("cloudtrail").describe_trails(includeShadowTrails=False)["trailList"]:
        if one["Name"] == stack:
            yield Left("trail", stack, f"aws cloudtrail delete-trail --name {stack}")


def _keys(stack: str, client: Clients) -> Iterator[Left]:
    kms = client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for listed in page["Keys"]:
            one = kms.describe_key(KeyId=listed["KeyId"])["KeyMetadata"]
            if not one["Description"].startswith(f"{stack}: "):  # template.yaml's
                continue
            if one["KeyState"] == "PendingDeletion":
                yield Left("key", one["KeyId"], f"deleted on {one['DeletionDate']:%Y-%m-%d}", by_itself=True)
            else:
                end = f"aws kms schedule-key-deletion --key-id {one['KeyId']} --pending-window-in-days 30"
                yield Left("key", one["KeyId"], f"{end}   # last of all")


def _backups(stack: str, client: Clients) -> Iterator[Left]:
    backup = client("backup")
    for page in backup.get_paginator("list_backup_vaults").paginate():
        if not any(vault["BackupVaultName"] == stack for vault in page["BackupVaultList"]):
            continue
        for points in backup.get_paginator("list_recovery_points_by_backup_vault").paginate(BackupVaultName=stack):
            for one in points["RecoveryPoints"]:
                arn = one["RecoveryPointArn"]
                end = f"aws backup delete-recovery-point --backup-vault-name {stack} --recovery-point-arn {arn}"
                yield Left("recovery point", arn, end)
        yield Left("vault", stack, f"aws backup delete-backup-vault --backup-vault-name {stack}")


def _images(stack: str, client: Clients) -> Iterator[Left]:
    ecr = client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for one in page["repositories"]:
            tags = {t["Key"]: t["Value"] for t in ecr.list_tags_for_resource(resourceArn=one["repositoryArn"])["tags"]}
            if tags.get("AwsSamCliCompanionStack", "").startswith(f"{stack}-") or tags.get("chartcoder:stack") == stack:
                name = one["repositoryName"]
                yield Left("repository", name, f"aws ecr delete-repository --repository-name {name} --force")


def _permissions(stack: str, client: Clients) -> Iterator[Left]:
    for page in client("iam").get_paginator("list_roles").paginate():
        for one in page["Roles"]:
            name = one["RoleName"]
            if name.startswith(f"{stack}-ApiGatewayLogWriter-"):
                yield Left("role", name, "the account's: keep it where another API logs under it", by_itself=True)
            elif name.startswith(f"{stack}-"):
                yield Left("role", name, f"aws iam delete-role --role-name {name}   # its policies first")


def _telling(stack: str, client: Clients) -> Iterator[Left]:
    for page in client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack}-"):
        for one in page["MetricAlarms"]:
            name = one["AlarmName"]
            yield Left("alarm", name, f"aws cloudwatch delete-alarms --alarm-names {name}")
    for page in client("sns").get_paginator("list_topics").paginate():
        for one in page["Topics"]:
            if one["TopicArn"].rpartition(":")[2].startswith(f"{stack}-"):
                yield Left("topic", one["TopicArn"], f"aws sns delete-topic --topic-arn {one['TopicArn']}")


if __name__ == "__main__":
    sys.exit(main())
