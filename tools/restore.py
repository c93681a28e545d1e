"""The restore test: a table to a new name at the latest moment it can be had, counted, timed, and deleted again.

    python -m tools.restore TABLE

Needs a person's rights on the table (PITR restore, scan, delete); no role of the stack has them. Costs a restore by the
gigabyte and a scan of both. Status 0 when the restored table holds what was written before that moment,
under the same key.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True, slots=True)
class Restored:
    """How one restore went."""

    name: str
    items_now: int
    items_restored: int
    encrypted_with_the_same_key: bool
    seconds: float
    """From the asking to the table that answers: the recovery time for this much data."""


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tools.restore TABLE", file=sys.stderr)
        return 2
    done = try_restore(boto3.client("dynamodb"), sys.argv[1])
    print(f"{sys.argv[1]}: {done.items_now} items now, {done.items_restored} restored in {done.seconds:.0f} s")
    if not done.encrypted_with_the_same_key:
        print("the restored table is under another key: its readers could not read it")
    return 0 if done.encrypted_with_the_same_key and done.items_restored > 0 else 1


def try_restore(dynamodb: Any, table: str, *, poll_seconds: float = 15.0) -> Restored:
    """Restore `table` beside itself, look, and delete the copy whatever happens.

    Raises:
        botocore.exceptions.ClientError: DynamoDB refuses, for example since the table has no point-in-time recovery.
    """
    name = f"{table}-restore-test-{time.time():.0f}"
    key = _key_of(dynamodb, table)
    started = time.monotonic()
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table,
        TargetTableName=name,
        UseLatestRestorableTime=True,
        SSESpecificationOverride={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    try:
        while dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
            time.sleep(poll_seconds)
        seconds = time.monotonic() - started
        same_key = _key_of(dynamodb, name) == key
        return Restored(name, _count(dynamodb, table), _count(dynamodb, name), same_key, seconds)
    finally:
        dynamodb.delete_table(TableName=name)


def _key_of(dynamodb: Any, table: str) -> str:
    return str(dynamodb.describe_table(TableName=table)["Table"].get("SSEDescription", {}).get("KMSMasterKeyArn", ""))


def _count(dynamodb: Any, table: str) -> int:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
    return sum(page["Count"] for page in pages)


if __name__ == "__main__":
    sys.exit(main())
