"""ConText's rules: medspaCy's own and the project's (`context.tsv`).

ConText (Harkema, Dowling, Thornblade, Chapman: "ConText: an algorithm for determining negation, experiencer, and temporal status
from clinical reports", 2009) decides by trigger words, their direction and where their scope ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

RULES = Path(__file__).with_name("context.tsv")


def own_rules() -> Iterator[tuple[str, str, str]]:
    """The project's rules as (category, direction, literal)."""
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            category, direction, literals = line.split("\t")
            for literal in literals.split(" | "):
                yield category, direction, literal.strip()
