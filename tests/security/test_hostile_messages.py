"""Forged and malformed S3 events, and keys full of tricks: refused without their words, and the worker works on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chartcoder.cloud.charts import ChartStore, references
from chartcoder.errors import BadRequest, ChartGone, UnreadableChart
from tests.contract.test_worker import Bench, event

SECRET = "Quarrelwort"
DEEP = 100_000


def record(**about: Any) -> dict[str, Any]:
    """A sound record, but for `about`."""
    thing = {"key": "charts/b1/c1.txt", "size": 5, "versionId": "v1", "sequencer": "0055AED6"} | about.pop("object", {})
    s3 = {"bucket": {"name": "charts"}, "object": thing} | about.pop("s3", {})
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3} | about


def message(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


MESSAGES = {
    "nothing": "",
    "no JSON": SECRET,
    "a string": json.dumps(SECRET),
    "a number": "7",
    "nothing at all": "null",
    "a list": json.dumps([record()]),
    "nested without end": '{"Records":' + "[" * DEEP,
    "a name twice": '{"Records": [], "Records": [' + json.dumps(record()) + "]}",
    "a number without end": '{"Records": ' + "9" * 10_000 + "}",
    "not a number": '{"Records": NaN}',
    "records that are none": json.dumps({"Records": {"0": record()}}),
    "a record that is none": message(SECRET),
    "an empty record": message({}),
    "a record without an object": message({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "charts"}}}),
    "a record of nothing": message(None),
    "a thousand records": message(*[record()] * 1000),
    "another bucket": message(record(s3={"bucket": {"name": SECRET}})),
    "a bucket that is none": message(record(s3={"bucket": [SECRET]})),
    "no bucket": message(record(s3={"bucket": {}})),
    "another service": message({"eventSource": "aws:ses", "eventName": 5, "ses": {"mail": SECRET}}),
    "one sound record and one forged": message(record(), record(s3={"bucket": {"name": SECRET}})),
    "a key that is a number": message(record(object={"key": 5})),
    "a key that is a list": message(record(object={"key": [SECRET]})),
    "no key": message(record(object={"key": ""})),
    "a key over S3's limit": message(record(object={"key": f"charts/b1/{SECRET * 100}.txt"})),
    "half a surrogate pair in a key": message(record(object={"key": f"charts/b1/{SECRET}\ud800.txt"})),
    "a version that is an object": message(record(object={"versionId": {"a": SECRET}})),
    "a version with a line end": message(record(object={"versionId": f"v1\r\nX-{SECRET}: 1"})),
    "a version without end": message(record(object={"versionId": "v" * 5000})),
    "a size below nothing": message(record(object={"size": -1})),
    "a size that is a word": message(record(object={"size": SECRET})),
    "a size that is a truth": message(record(object={"size": True})),
    "a sequencer that wins always": message(record(object={"sequencer": "z" * 32})),
    "a sequencer with a path": message(record(object={"sequencer": "../../" + SECRET})),
    "a sequencer without end": message(record(object={"sequencer": "F" * 33})),
    "a sequencer that is a number": message(record(object={"sequencer": 5})),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_s3_did_not_send_is_refused_in_words_of_ours(name):
    with pytest.raises(BadRequest, match="not an S3 event") as refusal:
        references(MESSAGES[name], bucket="charts")
    assert "expected what S3 itself sends" in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_sound_event_is_none_of_them():
    assert [reference.id for reference in references(message(record()), bucket="charts")] == ["b1/c1"]


def test_among_all_of_them_the_good_charts_are_coded_and_the_messages_are_left_to_the_dead_letters(aws, capsys):
    bench = Bench(aws)
    hostile = [body for body in MESSAGES.values() if body and len(body) < 20_000]  # SQS takes no others here
    bench.queue.send(hostile[: len(hostile) // 2])
    bench.submit("b1/good1")
    bench.queue.send(hostile[len(hostile) // 2 :])
    bench.submit("b1/good2")

    bench.work_until(lambda: bench.queue.depth().waiting == 0 and bench.queue.depth().in_flight == len(hostile))

    assert bench.results.tally("b1") == {"coded": 2, "failed": 0}
    log = capsys.readouterr().out
    assert log.count("message refused") == len(hostile)
    assert SECRET not in log


def test_a_message_of_many_charts_on_its_last_try_is_stored_in_parts(aws):
    bench = Bench(aws)
    bodies = [message(*(record(object={"key": f"charts/b1/m{m}-{n}.txt"}) for n in range(10))) for m in range(10)]
    bench.queue.send(bodies)
    for _ in range(2):
        bench.queue.release(bench.queue.receive(wait_seconds=0))

    bench.work_until(lambda: bench.queue.depth().total == 0)

    assert bench.results.tally("b1") == {"coded": 0, "failed": 100}


KEYS = {
    "upwards": "charts/../../etc/passwd",
    "upwards within": "charts/b1/../c1.txt",
    "a batch upwards": "charts/../c1.txt",
    "a batch of dots": "charts/.../c1.txt",
    "a chart of dots": "charts/b1/..",
    "two slashes": "charts//c1.txt",
    "a slash more": "charts/b1//c1.txt",
    "no prefix": "c1.txt",
    "another prefix": "results/b1/c1.txt",
    "the prefix in capitals": "Charts/b1/c1.txt",
    "an absolute path": "/charts/b1/c1.txt",
    "a backslash": "charts\\b1\\c1.txt",
    "NUL": f"charts/b1/{SECRET}%00.txt",
    "a line end": f"charts/b1/c1%0d%0aX-{SECRET}: 1.txt",
    "a blank": f"charts/b1/Jane+{SECRET}.txt",
    "encoded twice": "charts/b1/%252e%252e%252fc1.txt",
    "an encoded slash": "charts/b1%2Fb2/c1.txt",
    "bytes that are no UTF-8": "charts/b1/%ff%fe.txt",
    "a letter that looks like another": "charts/b1/\u0441hart.txt",
    "a full-width dot": "charts/\uff0e\uff0e/c1.txt",
    "digits of another script": "charts/b1/\u0661\u0662.txt",
    "a slash of another kind": "charts/b1\u2215c1.txt",
    "a bidirectional mark": "charts/b1/\u202etxt.1c",
    "zero width": "charts/b1/c\u200b1.txt",
    "a name in the extension": f"charts/b1/c1.Jane {SECRET} 1956",
    "an extension without end": f"charts/b1/c1.{'x' * 200}",
    "a name of 129 letters": f"charts/b1/{'c' * 129}.txt",
    "HTML": f"charts/b1/<script>{SECRET}</script>.txt",
    "a formula": "charts/b1/=1+1.txt",
    "a shell's command": "charts/b1/$(id)`id`;id.txt",
    "a template's": "charts/b1/{{7*7}}.txt",
    "nothing but the prefix": "charts/",
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_full_of_tricks_is_a_fault_under_a_name_that_holds_none(name):
    (reference,) = references(message(record(object={"key": KEYS[name]})), bucket="charts")
    assert reference.chart.startswith("key-")
    assert reference.batch in ("b1", "unfiled")
    assert set(reference.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-/")
    assert "charts/<batch>/<chart>.<ext>" in str(reference.fault)
    assert SECRET not in str(reference.fault) + repr(reference)


def test_among_such_keys_the_good_chart_is_coded_and_each_of_them_is_a_failure(aws, capsys):
    bench = Bench(aws)
    bench.queue.send(event(key) for key in KEYS.values())
    bench.submit("b1/good")

    bench.work_until(lambda: bench.queue.depth().total == 0)

    failures, _ = bench.results.failures()
    assert len(failures) == len(KEYS)
    assert {failure["reason"] for failure in failures} == {"bad_key"}
    assert bench.results.chart("b1", "good")["state"] == "coded"
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("NoSuchVersion", ChartGone),
        ("InvalidArgument", ChartGone),  # a version id that S3 never gave
        ("AccessDenied", UnreadableChart),  # another account's key; or deleted, to a reader that may not list
        ("InvalidRequest", UnreadableChart),  # encrypted with a key that its sender kept
        ("InvalidObjectState", UnreadableChart),  # archived
    ],
)
def test_an_object_that_s3_gives_to_nobody_fails_alone(aws, code, error):
    from botocore.stub import Stubber

    (reference,) = references(message(record()), bucket="charts")
    store = ChartStore(aws.s3, "charts", max_bytes=1000)
    with Stubber(aws.s3) as s3:
        s3.add_client_error("get_object", service_error_code=code, service_message=SECRET, http_status_code=400)
        with pytest.raises(error, match="upload the chart again") as refusal:
            store.get(reference)
    assert SECRET not in str(refusal.value)
