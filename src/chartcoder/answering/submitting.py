"""Charts in: one or many, as text, as documents of any format the readers know, or as uploads of their owner's."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from chartcoder.answering.asked import members, opaque
from chartcoder.answering.shapes import Accepted, AcceptedBatch, Upload
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import BadRequest
from chartcoder.readers import split_documents
from chartcoder.readers.detection import detect
from chartcoder.untrusted import is_text

MOST_CHARTS = 1_000
"""Charts or uploads in one request: with sixteen connections S3 takes them in some seconds."""
CONNECTIONS = 16
EXTENSIONS = {
    "text": ".txt", "json": ".json", "xml": ".xml", "html": ".html", "hl7v2": ".hl7", "pdf": ".pdf", "rtf": ".rtf",
    "docx": ".docx",
}  # fmt: skip
EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")
NO_TEXT = "the chart has no text; expected its text as a non-empty string"

Named = tuple[str, bytes]
"""A chart's id within its batch, and its bytes."""


class Submitting:
    """Takes charts in."""

    def __init__(self, charts: ChartStore, results: ResultsStore) -> None:
        self._charts, self._results = charts, results

    def text(self, body: Any) -> Accepted:
        """One chart as `{"batch", "chart"?, "text"}`; without an id of its own it gets one.

        Raises:
            BadRequest: text or ids are not what they must be.
            ChartTooLarge: the chart is longer than a chart may be.
        """
        asked = members(body, "batch", "chart", "text")
        return self._one(_text(asked.get("text")), batch=asked.get("batch"), chart=asked.get("chart"))

    def document(self, data: bytes, *, batch: Any, chart: Any = None) -> Accepted:
        """One chart in whatever format; what is wrong with the document itself is found when it is coded.

        Raises:
            BadRequest: there is none, there are several, or an id is not what it must be.
            UnreadableChart: it is no document: a picture, an archive.
            ChartTooLarge: it is longer than a chart may be.
        """
        if not data.strip():
            raise BadRequest("the body is empty; expected a document")
        if len(list(islice(split_documents(data), 2))) > 1:
            raise BadRequest("the body holds several documents; expected one. POST /batches makes a chart of each")
        return self._one(data, batch=batch, chart=chart)

    def several(self, body: Any) -> AcceptedBatch:
        """A batch as `{"batch"?, "charts": [...]}`, or `{"batch"?, "uploads": [...]}` for the addresses to upload to.

        Raises:
            BadRequest: it is not of that shape; nothing of it was taken in.
            ChartTooLarge: a chart is longer than a chart may be; nothing was taken in.
        """
        asked = members(body, "batch", "charts", "uploads")
        batch = uuid.uuid4().hex if asked.get("batch") is None else opaque(asked["batch"], "batch")
        if ("charts" in asked) == ("uploads" in asked):
            raise BadRequest("expected either charts or uploads")
        which = "charts" if "charts" in asked else "uploads"
        wanted = asked[which]
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_CHARTS:
            raise BadRequest(f"{which} is not a list of 1 to {MOST_CHARTS:,}; submit more in further requests")
        if which == "uploads":
            return self._uploads(batch, wanted)
        return self._store(batch, [_chart_of_list(chart, f"charts[{number}]") for number, chart in enumerate(wanted)])

    def documents(self, data: bytes, *, batch: Any = None) -> AcceptedBatch:
        """A batch of the documents that one body holds: NDJSON's lines, a Bundle's documents, an HL7 batch's messages.

        The answer has their ids in the order in which they stand: new ones, for a document's own might tell of a
        patient.

        Raises:
            BadRequest: there are none, or too many, or the batch's id is not what it must be.
            UnreadableChart: it is no document: a picture, an archive.
            ChartTooLarge: one is longer than a chart may be; nothing was taken in.
        """
        batch = uuid.uuid4().hex if batch is None else opaque(batch, "batch")
        if not data.strip():
            raise BadRequest("the body is empty; expected documents")
        detect(data)
        parts = list(islice(split_documents(data), MOST_CHARTS + 1))
        if len(parts) > MOST_CHARTS:
            raise BadRequest(f"the body holds more than {MOST_CHARTS:,} documents; submit them in several requests")
        return self._store(batch, [(uuid.uuid4().hex, part.data) for part in parts])

    def _one(self, data: bytes, *, batch: Any, chart: Any) -> Accepted:
        opaque(batch, "batch")
        chart = uuid.uuid4().hex if chart is None else opaque(chart, "chart")
        self._put(batch, chart, data)
        self._results.know_batch(batch)
        return {"batch": batch, "chart": chart, "state": "waiting"}

    def _store(self, batch: str, charts: list[Named]) -> AcceptedBatch:
        if len({chart for chart, _ in charts}) != len(charts):
            raise BadRequest("two charts of the list have the same id; expected one id a chart")
        for _, data in charts:
            self._charts.check_size(len(data))
            detect(data)
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="put") as pool:
            list(pool.map(lambda chart: self._put(batch, *chart), charts))
        self._results.know_batch(batch)
        return {"batch": batch, "charts": [chart for chart, _ in charts]}

    def _put(self, batch: str, chart: str, data: bytes) -> None:
        self._charts.put(f"{batch}/{chart}", data, extension=EXTENSIONS[detect(data)])

    def _uploads(self, batch: str, wanted: list[Any]) -> AcceptedBatch:
        asked = [_asked_upload(one, f"uploads[{number}]") for number, one in enumerate(wanted)]
        if len({chart for chart, _ in asked}) != len(asked):
            raise BadRequest("two uploads of the list have the same id; expected one id a chart")
        uploads: list[Upload] = []
        for chart, extension in asked:
            url, expires_at = self._charts.upload_url(f"{batch}/{chart}", extension=extension)
            uploads.append({"chart": chart, "method": "PUT", "url": url, "headers": {}, "expires_at": expires_at})
        self._results.know_batch(batch)
        return {"batch": batch, "uploads": uploads}


def _text(value: Any) -> bytes:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(NO_TEXT)
    if not is_text(value):
        raise BadRequest("the text holds half of a surrogate pair; expected Unicode text")
    return value.encode()


def _chart_of_list(value: Any, place: str) -> Named:
    try:
        asked = members(value, "chart", "text", "document")
        chart = uuid.uuid4().hex if asked.get("chart") is None else opaque(asked["chart"], "chart")
        if ("text" in asked) == ("document" in asked):
            raise BadRequest("expected either text or document")
        return chart, _text(asked["text"]) if "text" in asked else _decoded(asked["document"])
    except BadRequest as error:
        raise BadRequest(f"{place}: {error}") from None


def _decoded(value: Any) -> bytes:
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data.strip():
        raise BadRequest("document is not base64 of a document; expected its bytes so encoded")
    return data


def _asked_upload(value: Any, place: str) -> tuple[str, str]:
    try:
        asked = members(value, "chart", "extension")
        chart = uuid.uuid4().hex if asked.get("chart") is None else opaque(asked["chart"], "chart")
        extension = asked.get("extension", ".txt")
        if not isinstance(extension, str) or not EXTENSION.fullmatch(extension):
            raise BadRequest('extension is none; expected a dot and 1 to 16 letters and digits, such as ".pdf"')
    except BadRequest as error:
        raise BadRequest(f"{place}: {error}") from None
    return chart, extension
