"""Charts in, in any form; and the same request twice."""

import base64
import json

import pytest

from tests.contract.test_api import call, results, store
from tests.contract.test_api_decisions import coded

__all__ = ["call", "results"]

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
FHIR = {
    "resourceType": "DocumentReference", "status": "current", "id": "d1",
    "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Gout.").decode()}}],
}  # fmt: skip


def keys(aws):
    return sorted(item["Key"] for item in aws.s3.list_objects_v2(Bucket="charts").get("Contents", []))


def body_of(aws, key):
    return aws.s3.get_object(Bucket="charts", Key=key)["Body"].read()


@pytest.mark.parametrize(
    ("media_type", "body", "key"),
    [
        ("text/plain; charset=utf-8", b"Assessment: asthma", "charts/b1/c1.txt"),
        ("application/pdf", PDF, "charts/b1/c1.pdf"),
        ("application/octet-stream", PDF, "charts/b1/c1.pdf"),
        ("application/fhir+json", json.dumps(FHIR), "charts/b1/c1.json"),
        ("application/hl7-v2", b"MSH|^~\\&|A|B|C|D|20260105||MDM^T02|1|P|2.5\rOBX|1|TX|1||Gout.", "charts/b1/c1.hl7"),
    ],
)
def test_a_document_of_any_format_is_a_chart_as_it_came(call, aws, media_type, body, key):
    query, headers = {"batch": "b1", "chart": "c1"}, {"Content-Type": media_type}
    status, answered, _ = call("POST", "/charts", body, query=query, headers=headers)

    assert (status, answered["Location"]) == (202, "/batches/b1/charts/c1")
    assert body_of(aws, key) == (body if isinstance(body, bytes) else body.encode())


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"\x89PNG\r\n\x1a\n0000", 415), (b"\x1f\x8b0000", 415)],
    ids=["none", "PNG", "gzip"],
)
def test_what_is_no_document_is_refused_at_once(call, aws, body, status):
    headers = {"Content-Type": "application/octet-stream"}
    answered = call("POST", "/charts", body, query={"batch": "b1"}, headers=headers)

    assert (answered[0], "expected" in answered[2]["detail"], keys(aws)) == (status, True, [])


@pytest.mark.parametrize("query", [{"batch": ""}, {"chart": ""}, {"batch": "../b1"}])
def test_an_id_in_the_query_that_is_none_is_refused_though_the_body_is_json(call, aws, query):
    status, _, told = call("POST", "/charts", {"batch": "b1", "text": "Assessment: asthma."}, query=query)

    assert (status, "is not an id" in told["detail"], keys(aws)) == (400, True, [])


def test_several_documents_are_no_chart_but_a_batch(call, aws):
    lines = "\n".join(json.dumps(FHIR | {"id": f"d{number}"}) for number in range(3)).encode()
    headers = {"Content-Type": "application/octet-stream"}
    assert call("POST", "/charts", lines, query={"batch": "b1"}, headers=headers)[0] == 400

    status, _, answer = call(
        "POST", "/batches", lines, query={"batch": "b1"}, headers={"Content-Type": "application/x-ndjson"}
    )

    assert (status, len(answer["charts"])) == (202, 3)
    assert keys(aws) == sorted(f"charts/b1/{chart}.json" for chart in answer["charts"])


def test_a_batch_is_a_list_of_charts(call, aws):
    charts = [{"chart": "c1", "text": "Gout."}, {"document": base64.b64encode(PDF).decode()}]

    status, headers, answer = call("POST", "/batches", {"batch": "b1", "charts": charts})

    assert (status, headers["Location"], answer["charts"][0]) == (202, "/batches/b1", "c1")
    assert set(keys(aws)) == {"charts/b1/c1.txt", f"charts/b1/{answer['charts'][1]}.pdf"}
    assert [batch["batch"] for batch in call("GET", "/batches")[2]["batches"]] == ["b1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"charts": []},
        {"charts": [{"text": "x"}], "uploads": [{}]},
        {"charts": [{"chart": "c1", "text": "x"}, {"chart": "c1", "text": "y"}]},
        {"charts": [{"text": "x"}, {"chart": "../c", "text": "x"}]},
        {"charts": [{"text": "x"}, {"text": "x", "document": "eA=="}]},
        {"charts": [{"text": "x"}, {"document": "no base64"}]},
        {"charts": [{"text": "x"}, {"txt": "x"}]},
        {"charts": [{"text": "x"}] * 1_001},
        {"uploads": [{"extension": "pdf"}]},
    ],
)
def test_of_a_malformed_batch_nothing_is_taken_in(call, aws, body):
    status, _, problem = call("POST", "/batches", {"batch": "b1"} | body)

    assert (status, keys(aws)) == (400, [])
    assert "expected" in problem["detail"] or "more in further requests" in problem["detail"]


def test_an_address_to_upload_to_takes_one_chart(call):
    status, _, answer = call("POST", "/batches", {"uploads": [{"chart": "c1", "extension": ".pdf"}, {}]})

    first, second = answer["uploads"]
    assert (status, first["method"]) == (202, "PUT")
    assert f"/charts/{answer['batch']}/c1.pdf?" in first["url"]
    assert "X-Amz-Signature=" in first["url"]
    assert first["chart"] != second["chart"]


def test_the_same_request_with_the_same_key_is_done_once(call, aws):
    body, headers = {"batch": "b1", "text": "Gout."}, {"Idempotency-Key": "made-up-1"}

    first, second = (call("POST", "/charts", body, headers=headers) for _ in range(2))

    assert (first[0], first[2]) == (202, second[2])
    assert first[1]["Location"] == second[1]["Location"]
    assert len(keys(aws)) == 1


def test_a_key_that_was_used_for_another_request_is_refused(call, aws):
    headers = {"Idempotency-Key": "made-up-1"}
    call("POST", "/charts", {"batch": "b1", "text": "Gout."}, headers=headers)

    assert call("POST", "/charts", {"batch": "b1", "text": "Asthma."}, headers=headers)[0] == 422
    assert len(keys(aws)) == 1


def test_a_key_does_not_stand_in_for_the_state_that_is_decided_on(call, results):
    store(results, coded("I10"))
    path, body, key = "/batches/b1/charts/c1/decisions", {"code": "I10", "decision": "accept"}, {"Idempotency-Key": "k"}
    tag = call("GET", path)[1]["ETag"]
    assert call("POST", path, body, headers=key | {"If-Match": tag})[0] == 200

    assert call("POST", path, body, headers=key)[0] == 422


def test_a_key_is_each_callers_own(call, aws):
    for caller in ("arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:user/b"):
        headers = {"Idempotency-Key": "made-up-1"}
        assert call("POST", "/charts", {"batch": "b1", "text": caller[-1]}, headers=headers, caller=caller)[0] == 202
    assert len(keys(aws)) == 2


@pytest.mark.parametrize("key", ["", "a b", "\u00f6", "a\tb", "x" * 256])
def test_a_key_that_is_none_is_refused_before_anything_is_done(call, aws, key):
    assert call("POST", "/charts", {"batch": "b1", "text": "Gout."}, headers={"Idempotency-Key": key})[0] == 400
    assert not keys(aws)


def test_a_request_that_was_refused_may_come_again_with_its_key(call):
    headers = {"Idempotency-Key": "made-up-1"}
    assert call("POST", "/charts", {"batch": "b1", "text": " "}, headers=headers)[0] == 400

    assert call("POST", "/charts", {"batch": "b1", "text": "Gout."}, headers=headers)[0] == 202


def test_what_is_at_hand_is_not_sent_again(call):
    call("POST", "/charts", {"batch": "b1", "chart": "c1", "text": "Gout."})
    _, headers, _ = call("GET", "/batches/b1")

    assert call("GET", "/batches/b1", headers={"If-None-Match": headers["ETag"]})[::2] == (304, None)
    call("POST", "/charts", {"batch": "b1", "chart": "c2", "text": "Gout."})
    assert call("GET", "/batches/b1", headers={"If-None-Match": headers["ETag"]})[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "line"),
    [
        ("/charts", {"batch": "b1", "chart": "c1", "text": "Gout."}, {"batch": "b1", "chart": "b1/c1", "charts": 1}),
        ("/batches", {"batch": "b1", "charts": [{"text": "Gout."}, {"text": "Asthma."}]}, {"batch": "b1", "charts": 2}),
        ("/batches", {"batch": "b1", "uploads": [{"chart": "c1"}]}, {"batch": "b1", "charts": 1}),
    ],
)
def test_what_is_taken_in_is_one_line_of_the_log_with_its_ids_and_no_word_of_it(call, caplog, path, body, line):
    caplog.set_level("INFO")
    status, _, _ = call("POST", path, body)

    assert status == 202
    (record,) = [one for one in caplog.records if one.getMessage() == "accepted"]
    told = {name: value for name in ("batch", "chart", "charts") if (value := getattr(record, name)) is not None}
    assert told == line


def test_what_is_refused_is_not_said_to_be_taken_in(call, caplog):
    caplog.set_level("INFO")
    assert call("POST", "/charts", {"batch": "b1", "text": ""})[0] == 400
    assert "accepted" not in [record.getMessage() for record in caplog.records]
