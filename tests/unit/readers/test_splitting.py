import json

from chartcoder.readers import read_chart, split_documents
from tests.unit.readers.documents import NOTE, attachment, bundle, document_reference, kept

ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "IMP"}}


def parts(data):
    return list(split_documents(data))


def test_bulk_ndjson_gives_a_document_a_line_with_its_own_id():
    lines = [json.dumps(document_reference(id=f"d{number}")) for number in range(3)]

    found = parts("\n".join(lines).encode() + b"\n\n")

    assert [part.id for part in found] == ["d0", "d1", "d2"]
    assert all(read_chart(part.data, chart_id="c").text == NOTE for part in found)


def test_a_bundle_gives_its_documents_each_with_what_it_refers_to():
    about = {"context": {"encounter": [{"reference": "urn:uuid:2"}]}}
    whole = bundle(document_reference(id="a", **about), document_reference(attachment(b"Gout.")), ENCOUNTER)

    first, second = parts(json.dumps(whole).encode())

    assert (first.id, second.id) == ("a", None)
    assert read_chart(first.data, chart_id="c").setting == "inpatient"
    assert read_chart(second.data, chart_id="c").setting is None
    assert read_chart(second.data, chart_id="c").text == "Gout."


def test_an_hl7_batch_gives_its_messages():
    one = kept("results.oru.hl7")
    batch = b"FHS|^~\\&|A\nBHS|^~\\&|A\n" + one + one + b"BTS|2\nFTS|1\n"

    found = parts(batch)

    assert len(found) == 2
    assert {read_chart(part.data, chart_id="c").text for part in found} == {read_chart(one, chart_id="c").text}


def test_an_id_that_may_be_no_charts_id_is_not_taken():
    assert [part.id for part in parts(json.dumps({"id": "Jane Doe 1950", "text": "x"}).encode())] == [None]


def test_anything_else_is_one_document_as_it_is():
    for data in (b"Gout.", kept("visit.ccda.xml"), b"\x89PNG", b'{"a": 1', kept("discharge.mdm.hl7")):
        assert [part.data for part in parts(data)] == [data]
