"""From bytes to the reader of their format. Each reader's library is loaded when its first document comes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from chartcoder.chart import Chart
from chartcoder.errors import ChartTooLarge, UnreadableChart
from chartcoder.readers.detection import detect
from chartcoder.readers.limits import MOST_DOCUMENTS_DEEP, check_size

Inner = Callable[[bytes], Chart]
"""Reads a document that another one holds."""

READERS = {
    "text": ("text", "read_text"),
    "json": ("json_documents", "read_json"),
    "xml": ("ccda", "read_ccda"),
    "html": ("html", "read_html"),
    "hl7v2": ("hl7v2", "read_hl7v2"),
    "pdf": ("pdf", "read_pdf"),
    "rtf": ("rtf", "read_rtf"),
    "docx": ("docx", "read_docx"),
}
HOLD_OTHERS = frozenset({"json", "xml", "hl7v2"})


def read_chart(data: bytes, *, chart_id: str) -> Chart:
    """The chart that `data` holds, in whatever format; see docs/formats.md for what each one's text is made of.

    Offsets in results count characters of the chart's `text`; reading the same bytes again gives the same text.

    Raises:
        UnreadableChart: it is in no format that can be read, damaged, or has no text; the message says which.
        NoTextLayer: it is a scan.
        SeveralCharts: it holds several documents, which `split_documents` makes objects of.
        ChartTooLarge: it unpacks to more than a chart may be.
    """
    chart = _read(data, chart_id=chart_id, deep=1)
    check_size(chart.text)
    if not chart.text.strip():
        raise UnreadableChart(f"the {chart.format} document has no text to code ({len(data):,} bytes)")
    return chart


def _read(data: bytes, *, chart_id: str, deep: int) -> Chart:
    if deep > MOST_DOCUMENTS_DEEP:
        raise ChartTooLarge(f"documents lie more than {MOST_DOCUMENTS_DEEP} deep in one another; send the inner one")
    format_ = detect(data)
    arguments: dict[str, Any] = {"chart_id": chart_id}
    if format_ in HOLD_OTHERS:
        arguments["inner"] = lambda held: _read(held, chart_id=chart_id, deep=deep + 1)
    module, function = READERS[format_]
    try:
        reader: Callable[..., Chart] = getattr(import_module(f"chartcoder.readers.{module}"), function)
        return reader(data, **arguments)
    except ModuleNotFoundError as missing:
        raise UnreadableChart(
            f"reading {format_} needs {missing.name}, which is not installed: pip install 'chartcoder[formats]'"
        ) from None
