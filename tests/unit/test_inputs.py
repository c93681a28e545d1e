import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from chartcoder.errors import BadRequest, UnreadableChart
from chartcoder.inputs import STANDARD_INPUT, documents, total_bytes


def test_a_folder_gives_every_file_below_it_in_order_without_the_hidden_ones(tmp_path):
    for name in ("b.txt", "a.txt", "deep/c.txt", ".hidden", ".git/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    found = list(documents([tmp_path]))

    assert [document.id for document in found] == ["a", "b", "deep/c"]
    assert total_bytes([tmp_path]) == sum(document.size for document in found)


def test_json_lines_give_a_document_a_line_and_a_bad_line_says_which_it_is(tmp_path):
    file = tmp_path / "notes.jsonl"
    file.write_text('{"id": "n1", "text": "asthma"}\n\n{"id": "n2"}\nnonsense\n{"id": 7, "text": "gout"}\n')

    found = list(documents([file]))

    assert [(document.id, document.data) for document in found if document.error is None] == [
        ("n1", b"asthma"),
        ("7", b"gout"),
    ]
    assert [document.id for document in found if isinstance(document.error, UnreadableChart)] == ["notes:3", "notes:4"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Assessment: asthma\nPlan: rest\n", [("stdin", b"Assessment: asthma\nPlan: rest\n")]),
        (b'{"id": "n1", "text": "asthma"}\n{"id": "n2", "text": "gout"}\n', [("n1", b"asthma"), ("n2", b"gout")]),
        (b"", [("stdin", b"")]),
    ],
)
def test_standard_input_is_one_document_or_json_lines(monkeypatch, data, expected):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    assert [(document.id, document.data) for document in documents([STANDARD_INPUT])] == expected
    assert total_bytes([STANDARD_INPUT]) is None


def test_a_path_that_is_not_there_is_named():
    with pytest.raises(BadRequest, match="nowhere: no such file or folder"):
        total_bytes([Path("nowhere")])


def test_a_file_of_many_documents_gives_each_of_them_and_bulk_fhir_one_a_line(tmp_path):
    reference = '{"resourceType": "DocumentReference", "id": "d%d"}'
    message = "MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.5\rOBX|1|TX|x||Gout\r"
    (tmp_path / "batch.hl7").write_text(message * 2)
    (tmp_path / "bulk.ndjson").write_text("\n".join(reference % number for number in range(2)))

    found = list(documents([tmp_path]))

    assert [document.id for document in found] == ["batch/1", "batch/2", "d0", "d1"]
    assert all(document.error is None and document.data for document in found)
