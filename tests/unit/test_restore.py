"""The restore test asks for a copy under the table's own key, and leaves no copy behind."""

from __future__ import annotations

from typing import Any

import pytest

from tools.restore import try_restore

KEY = "arn:aws:kms:us-east-1:123456789012:key/made-up"


class Tables:
    """DynamoDB as far as a restore asks of it; tables are encrypted as they are asked to be."""

    def __init__(self, *, fails: bool = False) -> None:
        self.keys = {"results": KEY}
        self.fails = fails

    def restore_table_to_point_in_time(self, *, TargetTableName: str, **asked: Any) -> None:  # noqa: N803
        self.keys[TargetTableName] = asked.get("SSESpecificationOverride", {}).get("KMSMasterKeyId", "")

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        return {"Table": {"TableStatus": "ACTIVE", "SSEDescription": {"KMSMasterKeyArn": self.keys[TableName]}}}

    def get_paginator(self, _: str) -> Any:
        if self.fails:
            raise RuntimeError("no scan")
        return self

    def paginate(self, **_: Any) -> list[dict[str, int]]:
        return [{"Count": 2}, {"Count": 1}]

    def delete_table(self, *, TableName: str) -> None:  # noqa: N803
        del self.keys[TableName]


def test_a_copy_is_made_under_the_tables_own_key_and_counted_page_by_page() -> None:
    restored = try_restore(Tables(), "results")
    assert restored.encrypted_with_the_same_key
    assert (restored.items_now, restored.items_restored) == (3, 3)


def test_a_copy_is_deleted_even_where_looking_at_it_fails() -> None:
    tables = Tables(fails=True)
    with pytest.raises(RuntimeError):
        try_restore(tables, "results")
    assert set(tables.keys) == {"results"}
