"""What an engine is: it says where in the chart each term stands and what the chart asserts of it.

Two engines answer alike. `engine_compiled` is the fast one; `engine_medspacy` runs medspaCy's own components and is the
oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chartcoder.coding.sections import Sections

NEGATED, POSSIBLE, HISTORICAL, HYPOTHETICAL, FAMILY = (
    "NEGATED_EXISTENCE",
    "POSSIBLE_EXISTENCE",
    "HISTORICAL",
    "HYPOTHETICAL",
    "FAMILY",
)
OTHER_PERSON, RESOLVED = "OTHER_PERSON", "RESOLVED"
CATEGORIES = (NEGATED, POSSIBLE, HISTORICAL, HYPOTHETICAL, FAMILY, OTHER_PERSON, RESOLVED)
"""ConText's categories (Harkema et al., 2009), by medspaCy's names, and two of our own: people who are no relatives,
and what is over for good."""


class Context(msgspec.Struct, frozen=True):
    """Where a term stands. `cues` maps each ConText category that reaches it to the words that brought it."""

    section: str | None
    cues: dict[str, str]


class Engine(Protocol):
    """Reads the context of terms."""

    def read(self, text: str, spans: Sequence[tuple[int, int]], sections: Sections) -> list[Context]:
        """The context of each span (offsets in characters, in order, not overlapping).

        `sections` are the chart's by the project's own headings; an engine may read its own instead.
        """
        ...
