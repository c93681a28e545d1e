"""Which charts bill a code: noted in twenty-fives, and again where DynamoDB leaves some."""

import pytest
from botocore.exceptions import ClientError

from chartcoder.cloud.codes import TRIES, CodeIndex

ENTRIES = [(f"A{number:02d}", "b1/c1") for number in range(60)]


class Short:
    """A table that leaves as many items of each request as it is told, so many times."""

    def __init__(self, table, *, leaves: int, times: int) -> None:
        self._client, self._leaves, self._times = table.meta.client, leaves, times
        self.name, self.meta = table.name, self
        self.client = self
        self.sent: list[int] = []

    def batch_write_item(self, *, RequestItems):  # noqa: N803 -- boto3's name
        requests = RequestItems[self.name]
        self.sent.append(len(requests))
        left = []
        if self._times:
            self._times -= 1
            requests, left = requests[self._leaves :], requests[: self._leaves]
        if requests:
            self._client.batch_write_item(RequestItems={self.name: requests})
        return {"UnprocessedItems": {self.name: left} if left else {}}


def noted(table) -> set[str]:
    return {item["pk"] for item in table.scan()["Items"]}


def test_items_are_written_in_twenty_fives_each_once_and_can_be_taken_off(aws):
    table = Short(aws.results_table, leaves=0, times=0)
    index = CodeIndex(table)

    index.add(ENTRIES + ENTRIES)

    assert table.sent == [25, 25, 10]
    assert len(noted(aws.results_table)) == 60
    index.remove(ENTRIES[1:])
    assert noted(aws.results_table) == {"CODE#A00"}


def test_what_dynamodb_leaves_is_written_later_and_nothing_is_lost(aws):
    pauses = []
    table = Short(aws.results_table, leaves=20, times=3)

    CodeIndex(table, sleep=pauses.append).add(ENTRIES)

    assert len(noted(aws.results_table)) == 60
    assert len(pauses) == 3
    assert pauses == sorted(pauses), "longer and longer"


def test_a_table_that_takes_nothing_is_not_asked_for_ever(aws):
    pauses = []

    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        CodeIndex(Short(aws.results_table, leaves=25, times=10**6), sleep=pauses.append).add(ENTRIES)
    assert len(pauses) == TRIES - 1
    assert sum(pauses) < 40, "messages in hand must not lapse meanwhile"
