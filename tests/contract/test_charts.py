import json

import pytest

from chartcoder.cloud.charts import ChartReference, ChartStore, as_event, references
from chartcoder.errors import BadRequest, ChartGone, ChartTooLarge


@pytest.fixture
def store(aws):
    return ChartStore(aws.s3, "charts", max_bytes=1000)


def refs(message):
    return references(message, bucket="charts")


def event(key, *, name="ObjectCreated:Put", sequencer="0055AED6DCD90281E5"):
    """What S3 sends, reduced to the fields that matter; the key form-encoded as S3 does it."""
    body = {"key": key, "size": 5, "versionId": "v1", "sequencer": sequencer}
    return json.dumps({"Records": [{"eventName": name, "s3": {"bucket": {"name": "charts"}, "object": body}}]})


def test_a_chart_is_read_back_as_it_was_put(store):
    key = store.put("b1/c1", b"text")

    assert key == "charts/b1/c1.txt"
    assert store.get(ChartReference(key, None, None, "")) == b"text"


def test_the_version_that_the_event_named_is_read_even_after_a_later_upload(store, aws):
    key = store.put("b1/c1", b"first")
    version = aws.s3.head_object(Bucket="charts", Key=key)["VersionId"]
    store.put("b1/c1", b"second")

    assert store.get(ChartReference(key, version, None, "")) == b"first"


def test_a_deleted_chart_is_gone(store):
    with pytest.raises(ChartGone, match="upload the chart again"):
        store.get(ChartReference("charts/b1/none.txt", None, None, ""))


def test_a_chart_over_the_limit_is_refused_at_submission_and_at_reading(store, aws):
    with pytest.raises(ChartTooLarge, match=r"1,001 bytes; expected at most 1,000"):
        store.put("b1/c1", b"x" * 1001)
    aws.s3.put_object(Bucket="charts", Key="charts/b1/c2.txt", Body=b"x" * 1001)
    with pytest.raises(ChartTooLarge):
        store.get(ChartReference("charts/b1/c2.txt", None, None, ""))


@pytest.mark.parametrize("chart_id", ["b1", "b1/", "/c1", "b1/c 1", "b1/c1/d", "b1/" + "x" * 129, "b1/jose\u0301"])
def test_an_id_of_other_letters_is_refused(store, chart_id):
    with pytest.raises(BadRequest, match="1 to 128"):
        store.put(chart_id, b"text")


def test_the_charts_of_a_batch_are_counted_and_known(store):
    for number in range(3):
        store.put(f"b1/c{number}", b"text")
    store.put("b10/c0", b"text")

    assert store.count("b1") == (3, True)
    assert store.count("b1", at_most=2) == (2, False)
    assert store.exists("b1/c0")
    assert not store.exists("b1/c")


def test_an_event_names_the_chart():
    (reference,) = refs(event("charts/b1/c1.txt"))

    assert (reference.id, reference.extension, reference.version, reference.fault) == ("b1/c1", ".txt", "v1", None)


@pytest.mark.parametrize(
    ("key", "batch"),
    [
        ("charts/b1/has+blanks+and+a+plus%2B.txt", "b1"),
        ("charts/b1/deep/er.txt", "b1"),
        ("charts/no-batch.txt", "unfiled"),
        ("charts/b+1/c1.txt", "unfiled"),
        ("elsewhere/b1/c1.txt", "unfiled"),
        ("charts/b1/", "b1"),
        ("charts/..%2F../c1.txt", "unfiled"),
        ("charts/b1/%0d%0aX.txt", "b1"),
    ],
)
def test_a_key_of_another_form_is_a_fault_that_does_not_repeat_the_key(key, batch):
    (reference,) = refs(event(key))

    assert reference.batch == batch
    assert reference.chart.startswith("key-")
    assert "charts/<batch>/<chart>.<ext>" in str(reference.fault)
    assert "blanks" not in str(reference.fault) + repr(reference) + reference.id


def test_the_test_event_and_deletions_name_no_chart():
    assert refs(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "charts"})) == []
    assert refs(event("charts/b1/c1.txt", name="ObjectRemoved:Delete")) == []


@pytest.mark.parametrize("message", ["", "no json", "[]", "null", "{}", '{"Records": [{}]}', '{"Records": 5}'])
def test_a_message_that_is_no_s3_event_is_refused(message):
    with pytest.raises(BadRequest, match="not an S3 event"):
        refs(message)


def test_later_uploads_of_a_key_have_larger_sequencers_whatever_their_length():
    (earlier,) = refs(event("charts/b1/c1.txt", sequencer="0055AED6DCD90281E5"))
    (later,) = refs(event("charts/b1/c1.txt", sequencer="0055AED6DCD9028A"))

    assert earlier.sequencer < later.sequencer


@pytest.mark.parametrize("key", ["charts/b1/c1.txt", "charts/b1/has blanks + plus ü.txt"])
def test_the_event_of_a_redrive_names_the_same_chart(key):
    reference = ChartReference(key, "v1", 5, "00".ljust(32, "0"))

    assert refs(as_event(reference, "charts")) == [reference]
