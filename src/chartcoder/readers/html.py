"""A page of HTML, as attachments and portals give it."""

from __future__ import annotations

from chartcoder.chart import Chart
from chartcoder.readers.rendering import html_as_text
from chartcoder.readers.text import decode


def read_html(data: bytes, *, chart_id: str) -> Chart:
    """A chart of what a browser would show: a line a block, a bar between a table's cells."""
    return Chart(chart_id, html_as_text(decode(data)), format="html")
