"""A user's own files as charts of one batch: from a folder, a file, or JSON Lines of {"id", "text"}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from chartcoder.cloud.charts import ChartStore
from chartcoder.errors import BadRequest
from chartcoder.inputs import JSON_LINES, documents

TEXT = ".txt"
CONNECTIONS = 4  # uploads under way at once


@dataclass(frozen=True, slots=True)
class Upload:
    """One chart on its way into the bucket."""

    name: str
    extension: str
    data: bytes = field(repr=False)


def uploads(path: Path) -> Iterator[Upload]:
    """The charts under `path`, each under a name of its own that is a valid id.

    Raises:
        BadRequest: there is no such path, or a JSON line that is no document; names the file and the line.
    """
    if not path.exists():
        raise BadRequest(f"{path}: no such file or folder")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    taken: set[str] = set()
    for file in files:
        relative = Path(file.name) if path.is_file() else file.relative_to(path)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if file.suffix in JSON_LINES:
            for document in documents([file]):
                if document.error:
                    raise BadRequest(f"{document.id}: {document.error}")
                yield Upload(_unique(document.id, taken), TEXT, document.data)
        else:
            yield Upload(_unique(relative.with_suffix("").as_posix(), taken), file.suffix or TEXT, file.read_bytes())


def _unique(name: str, taken: set[str]) -> str:
    """An id made of a file's name: opaque letters only, and no two alike."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")[:120] or "chart"
    numbered = (f"{plain}-{number}" for number in count(2))
    chosen = next(candidate for candidate in chain([plain], numbered) if candidate not in taken)
    taken.add(chosen)
    return chosen


def submit(path: Path, store: ChartStore, batch: str) -> int:
    """Put every chart under `path` into the bucket; returns how many.

    Raises:
        BadRequest: as `uploads`, or where there is no chart at all.
        ChartTooLarge: a chart is longer than a chart may be.
    """

    def put(upload: Upload) -> None:
        store.put(f"{batch}/{upload.name}", upload.data, extension=upload.extension)

    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="upload") as pool:
        submitted = sum(1 for _ in pool.map(put, uploads(path)))
    if not submitted:
        raise BadRequest(f"{path} holds no chart: expected text, FHIR, C-CDA, HL7 or PDF files, or JSON Lines")
    return submitted
