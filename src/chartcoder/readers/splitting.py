"""One object that holds many documents, as the documents it holds.

In the pipeline a chart is an object and an object is a chart: so a batch's progress is exact, each chart has one
result, and one bad document fails alone. So what comes many to a file is split where it is submitted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from chartcoder.chart import ID_PATTERN
from chartcoder.errors import UnreadableChart
from chartcoder.readers.detection import detect
from chartcoder.readers.fhir import bundle_entries, documents_of, entry_at, places_of
from chartcoder.readers.json_documents import json_lines
from chartcoder.readers.text import decode
from chartcoder.untrusted import parse_json

BESIDE_A_DOCUMENT = ("Encounter", "Binary", "PractitionerRole")
MESSAGE_START = re.compile(rb"^MSH(?=[^\w\s])", re.M)
BATCH_SEGMENTS = re.compile(rb"^(?:FHS|BHS|BTS|FTS)[^\w\s].*$", re.M)


class Part(NamedTuple):
    """One document: the id it has of its own, where that may be a chart's id, and its bytes."""

    id: str | None
    data: bytes


def split_documents(data: bytes) -> Iterator[Part]:
    """The documents that `data` holds, in order: the lines of NDJSON, the documents of a Bundle that is none itself
    (each with the Encounter, Binary and PractitionerRole it refers to), the messages of an HL7 batch. Anything else
    is one document, as it is; what is wrong with a document is found when it is read.
    """
    try:
        format_ = detect(data)
    except UnreadableChart:
        format_ = "text"  # its reader says what it is
    if format_ == "json":
        yield from _of_json(data)
    elif format_ == "hl7v2":
        yield from _of_messages(data)
    else:
        yield Part(None, data)


def _of_json(data: bytes) -> Iterator[Part]:
    try:
        lines = json_lines(decode(data).removeprefix("\ufeff"))
    except UnreadableChart:
        yield Part(None, data)
        return
    if len(lines) == 1:
        yield from _of_value(data, lines[0])
        return
    for line in lines:
        yield from _of_value(line.encode(errors="replace"), line)


def _of_value(data: bytes, text: str) -> Iterator[Part]:
    value = parse_json(text)
    if not isinstance(value, dict):
        yield Part(None, data)
        return
    try:
        documents = documents_of(value) if value.get("resourceType") == "Bundle" else []
    except UnreadableChart:
        documents = []
    if len(documents) < 2:
        yield Part(_id(value), data)
        return
    places = places_of(bundle_entries(value))
    for document in documents:
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [document, *_beside(document, places)]}
        yield Part(_id(document["resource"]), json.dumps(bundle).encode())


def _beside(document: dict[str, Any], places: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What a document refers to, of the kinds that its reader looks at."""
    found = {id(entry): entry for address in _addresses(document) if (entry := entry_at(address, places))}
    return (one for one in found.values() if one["resource"].get("resourceType") in BESIDE_A_DOCUMENT)


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[name] for name in ("reference", "url") if isinstance(value.get(name), str))
        for held in value.values():
            yield from _addresses(held)
    elif isinstance(value, list):
        for held in value:
            yield from _addresses(held)


def _of_messages(data: bytes) -> Iterator[Part]:
    lines = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r").replace(b"\r", b"\n")
    starts = [start.start() for start in MESSAGE_START.finditer(lines)]
    if len(starts) < 2:
        yield Part(None, data)
        return
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        message = BATCH_SEGMENTS.sub(b"", lines[start:end]).strip(b"\n\x0b\x1c")
        yield Part(None, message.replace(b"\n", b"\r"))


def _id(value: dict[str, Any]) -> str | None:
    own = value.get("id")
    return own if isinstance(own, str) and ID_PATTERN.fullmatch(own) else None
