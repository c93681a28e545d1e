"""Rich Text Format."""

from __future__ import annotations

from striprtf.striprtf import rtf_to_text

from chartcoder.chart import Chart
from chartcoder.errors import UnreadableChart
from chartcoder.readers.text import decode


def read_rtf(data: bytes, *, chart_id: str) -> Chart:
    """A chart of an RTF document's text: a line a paragraph, a bar between a table's cells; without headers, footers,
    pictures and fields' instructions.

    Raises:
        UnreadableChart: its codes cannot be followed.
    """
    try:
        text = rtf_to_text(decode(data), errors="replace")
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UnreadableChart(f"the RTF is damaged ({type(error).__name__}); save it anew, or as text") from None
    return Chart(chart_id, _with_pairs_joined(text), format="rtf")


def _with_pairs_joined(text: str) -> str:
    """RTF says a character beyond the basic plane as two halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
