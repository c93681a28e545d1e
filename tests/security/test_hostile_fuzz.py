"""Whatever JSON or bytes come: a value, or a refusal of ours that repeats nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chartcoder.cloud import pages
from chartcoder.cloud.charts import ChartReference, as_event, references
from chartcoder.errors import BadRequest
from chartcoder.inputs import documents
from chartcoder.protected import ProtectedText, reveal
from chartcoder.untrusted import NotJson, parse_json

ANY_TEXT = st.text(st.characters(codec=None))  # half surrogate pairs, too
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def like(shape: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a shape, of which any value may be anything else, and any name may be missing."""
    values = {
        name: (like(value) if isinstance(value, dict) else st.lists(like(value[0]), max_size=3))
        if isinstance(value, dict | list)
        else st.just(value)
        for name, value in shape.items()
    }
    return st.fixed_dictionaries({}, optional={name: value | ANY_JSON for name, value in values.items()})


EVENT = like(
    {
        "Records": [
            {
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": "charts"},
                    "object": {"key": "charts/b1/c1.txt", "versionId": "v1", "size": 5, "sequencer": "0055"},
                },
            }
        ]
    }
)


@given(EVENT | ANY_JSON)
def test_any_message_names_charts_under_names_of_plain_letters_or_is_refused(event):
    try:
        found = references(json.dumps(event), bucket="charts")
    except BadRequest as refusal:
        assert refusal.__suppress_context__
        return
    for reference in found:
        assert reference.id.isascii()
        assert reference.id.count("/") == 1
        assert not set(reference.id) & set(" \\\r\n\0%")
        assert reference.key.encode()


@given(ANY_TEXT)
def test_any_key_that_s3_can_hold_comes_back_from_a_redrive(key):
    try:
        written = key.encode()
    except UnicodeEncodeError:
        return
    reference = ChartReference(key, "v1", 5, "0" * 32)
    if 1 <= len(written) <= 1024:
        assert references(as_event(reference, "charts"), bucket="charts") == [reference]


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_not(data):
    try:
        value = parse_json(data)
    except NotJson as refusal:
        assert str(refusal).startswith(("not JSON", "ambiguous JSON", "JSON nested"))
        return
    assert value == json.loads(data)


class Table:
    """Answers no query: a token that is refused never comes so far."""

    def query(self, **request: Any) -> dict[str, Any]:
        key = request.get("ExclusiveStartKey")
        assert key is None or (key["pk"], key["sk"][:6]) == ("BATCH#b1", "CHART#")
        return {"Items": []}


@given(
    ANY_TEXT
    | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode())
    | (like({"pk": "BATCH#b1", "sk": "CHART#c1"}) | ANY_JSON).map(
        lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    )
)
def test_any_token_goes_on_in_the_list_asked_for_or_is_refused(token):
    values = {":pk": "BATCH#b1", ":prefix": "CHART#"}
    try:
        pages.query(Table(), "pk = :pk AND begins_with(sk, :prefix)", values, limit=10, token=token)
    except BadRequest as refusal:
        assert "begin again without it" in str(refusal)


@given(st.lists(like({"id": "1", "text": "asthma"}) | ANY_JSON, min_size=1, max_size=3))
def test_any_lines_of_json_are_documents_or_fail_alone(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("lines") / "charts.jsonl"
    path.write_text("\n".join(map(json.dumps, values)))
    found = list(documents([path]))
    assert len(found) >= len(values)
    for document in found:
        assert document.id.encode().decode() == document.id


@given(ANY_TEXT)
def test_any_text_can_be_written_and_keeps_its_length(text):
    kept = reveal(ProtectedText(text))
    assert len(kept) == len(text)
    assert kept.encode().decode() == kept
