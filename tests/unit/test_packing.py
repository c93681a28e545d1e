"""How a result is stored: compact, and for ever readable."""

import json
import zlib
from pathlib import Path

import pytest

from chartcoder import Chart, Coder
from chartcoder.cloud.packing import DICTIONARY, deflate, for_anyone, inflate
from chartcoder.cloud.results import pack, unpack

SAMPLES = sorted((Path(__file__).parents[2] / "samples" / "charts").glob("*.txt"))
CHECKSUM = 0x0FE8A1A3


def test_the_dictionary_never_changes_for_every_stored_result_needs_it():
    assert zlib.adler32(DICTIONARY.read_bytes()) == CHECKSUM


@pytest.mark.parametrize("data", [b"", b"{}", b'{"id":"b1/c1","codes":[]}', "naïve — ünïcode".encode(), bytes(300_000)])
def test_what_is_packed_is_had_back(data):
    assert inflate(deflate(data)) == data


def test_a_stream_without_a_dictionary_is_read_too_and_anyone_reads_one_without():
    assert inflate(zlib.compress(b"stored by an earlier version")) == b"stored by an earlier version"
    assert zlib.decompress(for_anyone(deflate(b"a long result"))) == b"a long result"


def test_a_damaged_stream_is_an_error():
    whole = deflate(b"what was found " * 100)

    for damaged in (whole[:-9] + b"123456789", whole[:-9], b""):
        with pytest.raises(zlib.error):
            inflate(damaged)


def test_results_are_a_quarter_smaller_than_deflate_alone_makes_them():
    coder = Coder()
    results = [coder.code(Chart(id=path.stem, text=path.read_text())).as_dict() for path in SAMPLES[:20]]

    packed = [pack(result) for result in results]

    assert [unpack(one) for one in packed] == [json.loads(json.dumps(result)) for result in results]
    alone = [zlib.compress(json.dumps(one, separators=(",", ":"), ensure_ascii=False).encode()) for one in results]
    assert sum(map(len, packed)) < 0.75 * sum(map(len, alone))
