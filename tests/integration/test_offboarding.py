"""A stack is deleted, then what it keeps on purpose, and nothing is left; and a table comes back as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cloud import EmbeddedCloud
from tools.remains import Left, remains
from tools.restore import Restored, try_restore

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as started:
        yield started


def test_a_table_is_restored_to_a_moment_counted_and_deleted_again(cloud: EmbeddedCloud) -> None:
    dynamodb, table = cloud.client("dynamodb"), cloud.settings.results_table
    for number in range(30):
        item = {"pk": {"S": "BATCH#b1"}, "sk": {"S": f"CHART#c{number}"}}
        dynamodb.put_item(TableName=table, Item=item)
    restored = try_restore(dynamodb, table, poll_seconds=0.1)
    assert isinstance(restored, Restored)
    assert (restored.items_now, restored.items_restored) == (30, 30)
    assert restored.seconds > 0  # the emulator drops the key of a restore: tests/unit/test_restore.py has it
    assert dynamodb.list_tables()["TableNames"].count(restored.name) == 0


def test_what_is_left_is_found_and_once_it_is_deleted_nothing_is(cloud: EmbeddedCloud) -> None:
    stack, client = cloud.stack, cloud.client
    assert {"stack", "bucket", "table", "queue", "log group", "key", "function", "alarm", "role"} <= kinds(cloud)
    client("cloudformation").delete_stack(StackName=stack)
    client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    kept = {left for left in remains(stack, client) if not left.by_itself}
    assert {left.kind for left in kept} == {"bucket", "table", "queue", "log group", "key"}
    assert len([left for left in kept if left.kind == "bucket"]) == 3
    for left in sorted(kept, key=lambda left: left.kind == "key"):  # the key last: without it nothing can be read
        DELETE[left.kind](client, left)
    assert {left.kind for left in remains(stack, client)} <= {"key", "role"}
    assert all(left.by_itself for left in remains(stack, client))


def test_another_stack_of_a_longer_name_is_another_stack(cloud: EmbeddedCloud) -> None:
    cloud.client("s3").create_bucket(Bucket="somebody-elses-charts-111122223333")
    assert list(remains("somebody", cloud.client)) == []


def kinds(cloud: EmbeddedCloud) -> set[str]:
    return {left.kind for left in remains(cloud.stack, cloud.client)}


def delete_bucket(client: Callable[[str], Any], left: Left) -> None:
    """As docs/operations.md says: every version first."""
    s3 = client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=left.name):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=left.name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=left.name)


def delete_table(client: Callable[[str], Any], left: Left) -> None:
    client("dynamodb").update_table(TableName=left.name, DeletionProtectionEnabled=False)
    client("dynamodb").delete_table(TableName=left.name)


DELETE: dict[str, Callable[[Callable[[str], Any], Left], Any]] = {
    "bucket": delete_bucket,
    "table": delete_table,
    "queue": lambda client, left: client("sqs").delete_queue(QueueUrl=re.findall(r"http\S+", left.delete)[0]),
    "log group": lambda client, left: client("logs").delete_log_group(logGroupName=left.name),
    "key": lambda client, left: client("kms").schedule_key_deletion(KeyId=left.name, PendingWindowInDays=30),
}
