"""The command line's inputs: files, folders, JSON Lines and standard input, one document at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from chartcoder.chart import Setting
from chartcoder.errors import BadRequest, ChartError, UnreadableChart
from chartcoder.protected import REPLACEMENT, SURROGATES
from chartcoder.readers import split_documents
from chartcoder.untrusted import NotJson, is_text, parse_json

STANDARD_INPUT = Path("-")
JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Document:
    """One document to code: its bytes, or why there are none. `size` counts the bytes of input it took; `setting` is
    None where the chart itself is to say it."""

    id: str
    data: bytes = field(repr=False)
    size: int
    error: ChartError | None = None
    setting: Setting | None = None


def total_bytes(paths: list[Path]) -> int | None:
    """How many bytes `documents` will read; None where that cannot be known beforehand.

    Raises:
        BadRequest: naming the first path that is not there.
    """
    total = 0
    for path in paths:
        if path == STANDARD_INPUT:
            return None
        if not path.exists():
            raise BadRequest(f"{path}: no such file or folder")
        total += sum(file.stat().st_size for _, file in files_under(path))
    return total


def documents(paths: list[Path]) -> Iterator[Document]:
    """The documents under `paths`, in order, read one by one.

    A folder gives every file below it that is not hidden; its documents are named by their path from the folder,
    without extension. A `.jsonl` or `.ndjson` file gives one document a line, `{"id", "text"}` or a FHIR resource; so
    does standard input where its first line is such an object. A FHIR Bundle and an HL7 batch give the documents they
    hold; anything else is one document.
    """
    for path in paths:
        if path == STANDARD_INPUT:
            yield from _of_standard_input(sys.stdin.buffer)
            continue
        for name, file in files_under(path):
            if file.suffix in JSON_LINES:
                with file.open("rb") as lines:
                    yield from _of_json_lines(lines, name)
            else:
                yield from _of_file(file.read_bytes(), name)


def files_under(path: Path) -> Iterator[tuple[str, Path]]:
    """The document files of a path, in order, by name: a file by its stem, a folder's by their path from it without
    extension; hidden ones are left out."""
    if path.is_file():
        yield _writable(path.stem), path
        return
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield _writable(relative.with_suffix("").as_posix()), file


def _writable(name: str) -> str:
    """A file's name as a result can hold it: bytes of it that are no UTF-8 become U+FFFD."""
    return SURROGATES.sub(REPLACEMENT, name)


def _of_standard_input(stream: BinaryIO) -> Iterator[Document]:
    first = stream.readline()
    if _is_json_document(first):
        yield _of_line(first, "stdin:1")
        yield from _of_json_lines(stream, "stdin", start=2)
        return
    yield from _of_file(first + stream.read(), "stdin")


def _of_file(data: bytes, name: str) -> Iterator[Document]:
    parts = list(split_documents(data))
    if len(parts) == 1:
        yield Document(name, data, len(data))
        return
    for number, part in enumerate(parts, start=1):
        yield Document(f"{name}/{part.id or number}", part.data, len(data) // len(parts))


def _of_json_lines(lines: BinaryIO, name: str, *, start: int = 1) -> Iterator[Document]:
    for number, line in enumerate(lines, start=start):
        if line.strip():
            yield _of_line(line, f"{name}:{number}")


def _of_line(line: bytes, place: str) -> Document:
    try:
        value = parse_json(line)
        if "resourceType" in value:
            return Document(_writable(str(value.get("id", place))), line, len(line))
        if not (is_text(value["text"]) and is_text(name := str(value["id"]))):
            raise TypeError
        return Document(name, value["text"].encode(), len(line))
    except (KeyError, TypeError, NotJson):
        return Document(
            place,
            b"",
            len(line),
            UnreadableChart('the line is neither a JSON object {"id": "...", "text": "..."} nor a FHIR resource'),
        )


def _is_json_document(line: bytes) -> bool:
    try:
        value = parse_json(line)
    except NotJson:
        return False
    return isinstance(value, dict) and ("resourceType" in value or "text" in value)
