"""A user's own files as charts of a batch: each document once, under an id that says nothing of a patient.

Which file became which chart is written into a map, a private file of the user's own machine. It is what a submission
that was broken off goes on from, and nothing else ties a chart's id to a name.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from chartcoder.cloud.charts import EXTENSION, ChartStore
from chartcoder.errors import BadRequest, ChartTooLarge
from chartcoder.inputs import JSON_LINES, documents, files_under
from chartcoder.readers import split_documents
from chartcoder.untrusted import NotJson, parse_json

TEXT = ".txt"
CONNECTIONS = 8  # uploads under way at once
NOT_YET = ""  # the digest of what is on its way
AHEAD = 4  # documents read ahead for each of them


@dataclass(frozen=True, slots=True)
class Source:
    """One document on this machine. `place` is where it stands; `name` what it might be called; `size` in bytes."""

    place: str = field(repr=False)
    name: str = field(repr=False)
    extension: str
    data: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(slots=True)
class Submitted:
    """What became of the documents: uploaded, already there, or refused as too large (the places, with why)."""

    uploaded: int = 0
    there: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def charts(self) -> int:
        return self.uploaded + self.there


class ChartMap:
    """Place -> chart's id and the digest of what was uploaded; kept in a file where a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises BadRequest where the file is no such map, naming its line."""
        self._path = path
        self._known: dict[str, tuple[str, str]] = {}
        self._by_digest: dict[str, str] = {}
        if path is not None and path.exists():
            for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                self._read(line, f"{path}:{number}")

    def _read(self, line: bytes, place: str) -> None:
        try:
            value = parse_json(line)
            self._keep(str(value["file"]), str(value["chart"]), str(value["sha256"]))
        except (NotJson, KeyError, TypeError):
            raise BadRequest(f"{place}: not a line of a map of charts; expected the file that submit wrote") from None

    def _keep(self, place: str, chart: str, digest: str) -> None:
        self._known[place] = chart, digest
        if digest != NOT_YET:
            self._by_digest[digest] = chart

    def of(self, place: str) -> tuple[str, str] | None:
        """(chart, digest) of a place, where it was submitted."""
        return self._known.get(place)

    def with_digest(self, digest: str) -> str | None:
        """The chart that holds the same bytes."""
        return self._by_digest.get(digest)

    @property
    def charts(self) -> set[str]:
        return {chart for chart, _ in self._known.values()}

    def plan(self, place: str, chart: str, digest: str) -> None:
        """Before an upload: one that is broken off is done again, under the same id."""
        self._write(place, chart, NOT_YET)
        self._by_digest.setdefault(digest, chart)

    def note(self, place: str, chart: str, digest: str) -> None:
        """After it."""
        self._write(place, chart, digest)

    def _write(self, place: str, chart: str, digest: str) -> None:
        if self._known.get(place) == (chart, digest):
            return
        self._keep(place, chart, digest)
        if self._path is None:
            return
        if not self._path.exists():
            self._path.touch(mode=0o600)  # the names of files may tell of patients
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"chart": chart, "file": place, "sha256": digest}) + "\n")


def sources(paths: list[Path]) -> Iterator[Source]:
    """The documents under `paths`, read one by one: files, those of folders, and those that one file holds.

    Raises:
        BadRequest: there is no such path, or a JSON line that is no document; names the file and the line.
    """
    for path in paths:
        if not path.exists():
            raise BadRequest(f"{path}: no such file or folder")
        for name, file in files_under(path):
            yield from _of_json_lines(file) if file.suffix in JSON_LINES else _of_file(name, file)


def _of_json_lines(file: Path) -> Iterator[Source]:
    for document in documents([file]):
        if document.error:
            raise BadRequest(f"{document.id}: {document.error}")
        yield Source(f"{file.resolve()}#{document.id}", document.id, TEXT, document.data)


def _of_file(name: str, file: Path) -> Iterator[Source]:
    extension = file.suffix if file.suffix and EXTENSION.fullmatch(file.suffix) else TEXT
    data = file.read_bytes()
    parts = list(split_documents(data))
    if len(parts) == 1:
        yield Source(str(file.resolve()), name, extension, data)
        return
    for number, part in enumerate(parts, start=1):
        yield Source(f"{file.resolve()}#{number}", f"{name}-{part.id or number}", extension, part.data)


def submit(
    paths: list[Path],
    store: ChartStore,
    batch: str,
    *,
    known: ChartMap | None = None,
    keep_names: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Submitted:
    """Puts every document under `paths` into the bucket that is not there yet.

    Args:
        known: what was submitted to this batch before; a new map where None.
        keep_names: ids are made of the files' names, instead of new ones that say nothing.
        advance: hears how many bytes were dealt with.

    Raises:
        BadRequest: as `sources`; or the batch's id is none; or there is no document at all.
    """
    known = ChartMap() if known is None else known
    present, taken = store.ids(batch), known.charts
    done = Submitted()
    under_way: deque[tuple[Source, str, Future[str]]] = deque()

    def finish() -> None:
        source, chart, pending = under_way.popleft()
        try:
            pending.result()
            known.note(source.place, chart, source.digest)
            done.uploaded += 1
        except ChartTooLarge as error:
            done.refused.append((source.place, str(error)))
        advance(len(source.data))

    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="upload") as pool:
        for source in sources(paths):
            chart = _chart_for(source, known, taken=taken, keep_names=keep_names)
            before = known.of(source.place)
            if chart in present and (before is None or before[1] == source.digest):
                known.note(source.place, chart, source.digest)
                done.there += 1
                advance(len(source.data))
                continue
            known.plan(source.place, chart, source.digest)
            present.add(chart)
            upload = pool.submit(store.put, f"{batch}/{chart}", source.data, extension=source.extension)
            under_way.append((source, chart, upload))
            if len(under_way) >= CONNECTIONS * AHEAD:
                finish()
        while under_way:
            finish()
    if not done.charts and not done.refused:
        raise BadRequest(f"{', '.join(map(str, paths))} holds no chart: expected text, FHIR, C-CDA, HL7 or PDF files")
    return done


def _chart_for(source: Source, known: ChartMap, *, taken: set[str], keep_names: bool) -> str:
    """The id that a document has, or gets. The same bytes under another name are the same chart."""
    if before := known.of(source.place):
        return before[0]
    if keep_names:
        return _unique(source.name, taken)
    return known.with_digest(source.digest) or uuid.uuid4().hex


def _unique(name: str, taken: set[str]) -> str:
    """An id made of a file's name: letters that an id may have, and no two alike."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:120] or "chart"
    numbered = (f"{plain}-{number}" for number in count(2))
    chosen = next(candidate for candidate in chain([plain], numbered) if candidate not in taken)
    taken.add(chosen)
    return chosen
