"""How large a document may become when it is unpacked, so that a small file cannot take a worker down.

The size of the object itself is limited by the setting `max_chart_bytes`, the time by `chart_seconds`.
"""

from __future__ import annotations

from chartcoder.errors import ChartTooLarge

MOST_CHARACTERS = 10_000_000  # of a chart's text
MOST_INFLATED = 200_000_000  # bytes that a compressed document may unpack to, pictures and all
MOST_INFLATED_XML = 50_000_000  # bytes of the parts of it that are parsed: a tree is several times as large
MOST_PAGES = 2_000
MOST_XML_DEPTH = 100
MOST_XML_ELEMENTS = 1_000_000
MOST_DOCUMENTS_DEEP = 4  # a Bundle's DocumentReference may hold a C-CDA that holds a PDF

SPLIT = "`chartcoder submit` and POST /batches make a chart of each"
"""What to do with an object of several documents."""


def check_size(text: str) -> None:
    """Raises ChartTooLarge where a text is longer than a chart may be."""
    if len(text) > MOST_CHARACTERS:
        raise ChartTooLarge(
            f"the document unpacks to {len(text):,} characters of text; a chart has at most {MOST_CHARACTERS:,}. "
            "Split it into its documents"
        )
