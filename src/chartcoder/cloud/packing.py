"""The compact form of a result: JSON, deflated with a dictionary of what results say again and again.

DynamoDB is paid by the kilobyte written, and twice in a transaction, so a quarter less is a quarter of a chart's price
of storing. The dictionary (`results.dictionary`, made by `python -m tools.result_dictionary`) is part of every result
that is stored: it must never change. A new one gets a name of its own; a stream names its dictionary by checksum
(RFC 1950, DICTID), and one that names none is read as well.
"""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

DICTIONARY = Path(__file__).with_name("results.dictionary")
LEVEL = 6


def deflate(data: bytes) -> bytes:
    """A zlib stream that names our dictionary."""
    packer = zlib.compressobj(LEVEL, zdict=_dictionary())
    return packer.compress(data) + packer.flush()


def inflate(packed: bytes) -> bytes:
    """The inverse of `deflate`; also of any zlib stream without a dictionary.

    Raises:
        zlib.error: the stream is damaged or not whole, or names another dictionary.
    """
    unpacker = zlib.decompressobj(zdict=_dictionary())
    data = unpacker.decompress(packed)
    if not unpacker.eof:
        raise zlib.error("the stream ends before its end")
    return data


def for_anyone(packed: bytes) -> bytes:
    """The same as a stream without our dictionary, which any HTTP client reads (`Content-Encoding: deflate`)."""
    return zlib.compress(inflate(packed), LEVEL)


@cache
def _dictionary() -> bytes:
    return DICTIONARY.read_bytes()
