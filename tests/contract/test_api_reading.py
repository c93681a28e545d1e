"""Codes, texts, counts, long results and single redrives, through the API's function on moto."""

import json
import random
import zlib
from datetime import UTC, datetime

import boto3
import pytest
import requests

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.results import INLINE_BYTES, Outcome, pack
from chartcoder.errors import UnreadableChart
from tests.contract.test_api import call, results, store

__all__ = ["call", "results"]


def coded(batch, chart, *codes, sequencer="1", version="v1", result=None):
    whole = result or {"id": f"{batch}/{chart}", "codes": [], "findings": []}
    reference = ChartReference(f"charts/{batch}/{chart}.txt", version, None, sequencer)
    return Outcome(reference, "coded", codes, pack(whole))


def ids(answer):
    return [chart["id"] for chart in answer[2]["charts"]]


def test_a_code_leads_to_the_charts_that_bill_it(call, results):
    store(results, coded("b1", "c1", "I10", "E11.9"), coded("b1", "c2", "E11.9"), coded("b2", "c1", "I10"))

    assert ids(call("GET", "/codes/I10/charts")) == ["b1/c1", "b2/c1"]
    assert ids(call("GET", "/codes/I10/charts", query={"batch": "b2"})) == ["b2/c1"]
    assert ids(call("GET", "/codes/E11.9/charts")) == ["b1/c1", "b1/c2"]
    assert ids(call("GET", "/codes/J45.909/charts")) == []


def test_a_code_that_a_chart_bills_no_more_leads_there_no_more(call, results):
    store(results, coded("b1", "c1", "I10"))
    store(results, coded("b1", "c1", "E11.9", sequencer="2"))

    assert ids(call("GET", "/codes/I10/charts")) == []
    assert ids(call("GET", "/codes/E11.9/charts")) == ["b1/c1"]


def test_a_code_that_was_noted_by_a_worker_that_died_leads_nowhere(call, results):
    results.codes.add([("I10", "b1/c1")])

    assert ids(call("GET", "/codes/I10/charts")) == []


def test_the_charts_of_a_code_come_in_pages(call, results):
    for first in range(0, 120, 20):
        store(results, *(coded("b1", f"c{number:03}", "I10") for number in range(first, first + 20)))

    first = call("GET", "/codes/I10/charts")
    second = call("GET", "/codes/I10/charts", query={"next_token": first[2]["next_token"]})
    assert (len(ids(first)), len(ids(second)), second[2]["next_token"]) == (100, 20, None)
    assert call("GET", "/codes/E11.9/charts", query={"next_token": first[2]["next_token"]})[0] == 400


@pytest.mark.parametrize("code", ["hypertension", "I10.", "i10", "I1000000"])
def test_what_is_no_code_is_refused(call, code):
    status, _, problem = call("GET", f"/codes/{code}/charts")
    assert (status, "expected" in problem["detail"]) == (400, True)


def test_the_commonest_codes_of_a_batch_come_first(call, results):
    store(results, coded("b1", "c1", "I10", "E11.9"), coded("b1", "c2", "E11.9"), coded("b2", "c1", "J45.909"))

    assert call("GET", "/batches/b1/codes")[2] == {
        "batch": "b1", "charts": 2, "next_token": None,
        "codes": [{"code": "E11.9", "charts": 2}, {"code": "I10", "charts": 1}],
    }  # fmt: skip


def test_the_text_is_that_of_the_version_that_was_coded(call, results, aws):
    put = aws.s3.put_object(Bucket="charts", Key="charts/b1/c1.txt", Body="Gicht (Ö) — Gout.".encode())
    aws.s3.put_object(Bucket="charts", Key="charts/b1/c1.txt", Body=b"Something else.")
    store(results, coded("b1", "c1", "M10.9", version=put["VersionId"]))

    assert call("GET", "/batches/b1/charts/c1/text")[2] == {
        "id": "b1/c1", "format": "text", "text": "Gicht (Ö) — Gout.",
    }  # fmt: skip


def test_a_text_that_is_gone_is_told_so(call, results):
    store(results, coded("b1", "c1", "M10.9", version=None))

    assert call("GET", "/batches/b1/charts/c1/text")[0] == 410


def test_a_result_longer_than_an_answer_may_be_is_where_the_answer_says(call, results):
    noise = random.Random(1).randbytes(INLINE_BYTES).hex()
    result = {"id": "b1/c1", "codes": [], "findings": [{"text": noise + "x" * 6_000_000}]}
    store(results, coded("b1", "c1", "M10.9", result=result))

    status, headers, _ = call("GET", "/batches/b1/charts/c1")

    assert status == 303
    fetched = requests.get(headers["Location"], timeout=10)  # which takes off deflate, as every client does
    body = fetched.content if fetched.content.startswith(b"{") else zlib.decompress(fetched.content)
    assert json.loads(body) == result


def test_an_error_on_a_route_of_fhirs_is_an_operation_outcome(call):
    status, headers, outcome = call("GET", "/batches/b1/charts/c1/fhir")

    assert (status, headers["Content-Type"]) == (404, "application/fhir+json")
    assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", "not-found")


def test_one_failed_chart_is_tried_again(call, results, aws):
    failed = ChartReference("charts/b1/c1.txt", "v1", None, "1")
    store(results, Outcome.failed(failed, UnreadableChart("no text")), coded("b1", "c2", "I10"))

    status, headers, _ = call("POST", "/batches/b1/charts/c1/redrive")

    assert (status, headers["Location"]) == (202, "/batches/b1/charts/c1")
    assert call("GET", "/failures")[2]["failures"] == []
    assert call("GET", "/status")[2]["waiting"] == 1
    assert call("POST", "/batches/b1/charts/c2/redrive")[0] == 409
    assert call("POST", "/batches/b1/charts/c9/redrive")[0] == 404


def test_a_run_that_works_says_when_the_queue_will_be_empty(call, aws, results):
    fleet = FleetTable(aws.fleet_table)
    call("POST", "/charts", {"batch": "b1", "chart": "c1", "text": "Gout."})
    aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody="{}")
    assert call("GET", "/batches/b1")[2]["expected_end"] is None

    now = datetime.now(UTC)
    lease = fleet.take_lease("stack", seconds=600, now=now)
    fleet.open_run(lease.run, asked_by="operator", backlog=2, now=now)
    fleet.record_worker(lease.run, "i-1", coded=5, state="working")

    assert call("GET", "/batches/b1")[2]["expected_end"] >= now.isoformat(timespec="seconds")


def test_charts_that_wait_while_no_run_can_be_launched_are_told_with_the_reason(call, aws):
    fleet, now = FleetTable(aws.fleet_table), datetime.now(UTC)
    call("POST", "/failures/redrive")
    aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody="{}")
    lease = fleet.take_lease("stack", seconds=600, now=now)
    fleet.open_run(lease.run, asked_by="operator", backlog=1, now=now)
    said = "the master could not be launched: EC2 gave no master: VcpuLimitExceeded"
    fleet.close_run(lease.run, "failed", said, now=now)
    fleet.release_lease(lease.run)

    why = call("GET", "/status")[2]["why"][0]

    assert (why["cause"], said in why["detail"]) == ("quota", True)


def test_a_disabled_key_is_told_instead_of_an_error(call, aws):
    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    aws.sqs.set_queue_attributes(QueueUrl=aws.queue_url, Attributes={"KmsMasterKeyId": key})
    assert call("GET", "/status")[2]["why"] == []
    kms.disable_key(KeyId=key)

    assert [why["cause"] for why in call("GET", "/status")[2]["why"]] == ["key"]
