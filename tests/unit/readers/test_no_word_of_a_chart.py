"""Whatever is wrong with a document, no error says a word of it."""

import json
import random
import traceback

import pytest

from chartcoder.chart import Chart
from chartcoder.errors import ChartError
from chartcoder.readers import read_chart, split_documents
from tests.unit.readers.documents import attachment, base64_of, document_reference, docx, kept, paragraph, pdf

SECRET = "Zebedee"
DOCUMENTS = {
    "text": SECRET.encode() * 20,
    "json": json.dumps({"text": SECRET, "setting": "inpatient"}).encode(),
    "fhir": json.dumps(document_reference(attachment(SECRET.encode()), description=SECRET)).encode(),
    "ccda": kept("visit.ccda.xml").replace(b"Gout", SECRET.encode()),
    "mdm": kept("discharge.mdm.hl7").replace(b"fever", SECRET.encode()),
    "oru": kept("results.oru.hl7").replace(b"Pneumonia", SECRET.encode()),
    "ed": b"MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.5\rOBX|1|ED|x||^a^pdf^Base64^" + base64_of(pdf(SECRET)).encode(),
    "pdf": pdf(SECRET),
    "docx": docx(paragraph(SECRET)),
    "rtf": rb"{\rtf1\ansi " + SECRET.encode() + rb"\par}",
    "html": b"<html><body>" + SECRET.encode() + b"</body></html>",
}


def damaged(data, seed):
    """The document with bytes changed, cut out or doubled."""
    chance = random.Random(seed)
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(data))
        piece = slice(start, start + chance.randint(1, 6))
        data[piece] = chance.choice(
            [b"", bytes([chance.randrange(256)]), bytes(data[piece]) * 2, b'"', b"<", b"|", b"\\"]
        )
    return bytes(data)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_damaged_document_is_read_or_refused_in_words_of_ours(name, caplog, capfd):
    outcomes = set()
    for seed in range(150):
        data = damaged(DOCUMENTS[name], seed)
        list(split_documents(data))
        try:
            outcomes.add(type(read_chart(data, chart_id="b/c1")))
        except ChartError as error:
            outcomes.add(type(error))
            said = "".join(traceback.format_exception(error))
            assert SECRET not in said
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None
    assert Chart in outcomes
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


def test_a_charts_own_traces_leave_its_text_out():
    assert SECRET not in repr(read_chart(DOCUMENTS["fhir"], chart_id="c"))
