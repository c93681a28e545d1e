import os

import pytest

from chartcoder.errors import UnreadableChart
from chartcoder.readers import read_chart

TEXT = "Assessment: Sjögren syndrome, fever 38.5 °C.\r\nPlan: follow up.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_text_is_read_in_whatever_encoding_it_came(encoding):
    assert read_chart(TEXT.encode(encoding), chart_id="c1").text == TEXT


def test_line_ends_stay_as_they_are_so_that_offsets_stay_true():
    assert read_chart(b"a\r\nb\rc\n", chart_id="c1").text == "a\r\nb\rc\n"


def test_a_stray_byte_in_utf8_does_not_turn_the_rest_into_another_encoding():
    data = ("Sjögren, 38.5 °C. " * 20).encode() + b"\xff end"

    text = read_chart(data, chart_id="c1").text

    assert text.count("Sjögren, 38.5 °C.") == 20
    assert text.endswith("end")


@pytest.mark.parametrize("data", [b"", b"  \n\t ", b"\xef\xbb\xbf"])
def test_a_document_without_text_is_refused(data):
    with pytest.raises(UnreadableChart, match="has no text"):
        read_chart(data, chart_id="c1")


@pytest.mark.parametrize("data", [os.urandom(4000), bytes(range(256)) * 9, b"\x00" * 5000])
def test_binary_junk_is_refused_with_what_to_do(data):
    with pytest.raises(UnreadableChart, match=r"not text.*Send the chart as plain text"):
        read_chart(data, chart_id="c1")
