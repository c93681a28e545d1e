"""The fast engine: the same rules as medspaCy's ConText, compiled; sentences only where a term stands; no spaCy.

For a chart: one pass finds the triggers, one the headings; then, sentence by sentence with a term in it, scopes are
set and read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chartcoder.coding.engine import Context
from chartcoder.coding.inner.scanning import StringTable
from chartcoder.coding.inner.scoping import Trigger, cues_of_terms, prune_overlapping
from chartcoder.coding.inner.splitting import Sentences
from chartcoder.coding.lexicon.step_files import read_steps, write_steps
from chartcoder.coding.lowering import lower_in_place
from chartcoder.coding.sections import Sections

TRIGGERS, STEPS = "triggers.json", "triggers.steps"
PLAIN = {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "\xa0": " "}


class CompiledEngine:
    """ConText over given spans. Holds no state between charts."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the artefact's."""
        triggers = [tuple(trigger) for trigger in json.loads((folder / TRIGGERS).read_text(encoding="utf-8"))]
        self._table = StringTable(read_steps(folder / STEPS), triggers)

    def read(self, text: str, spans: Sequence[tuple[int, int]], sections: Sections) -> list[Context]:
        """The context of each span (in order, not overlapping)."""
        if not spans:
            return []
        sections_of_each = sections.at_each([start for start, _ in spans])
        return list(map(Context, sections_of_each, self.cues(text, spans, Sentences(text).around)))

    def cues(
        self,
        text: str,
        spans: Sequence[tuple[int, int]],
        sentence_around: Callable[[int], tuple[int, int]],
        *,
        own_words_act: bool = False,
    ) -> list[dict[str, str]]:
        """The cues that reach each span, with sentences from whoever splits them; see `cues_of_terms`."""
        low = _plain(text)
        found = self._table.find(low)
        if own_words_act:
            found = [one for one in found if not _is_glued(low, one[1])]
        return cues_of_terms(prune_overlapping(found), spans, low, sentence_around, own_words_act)


def write_triggers(triggers: Mapping[str, Trigger], folder: Path) -> None:
    """Write the files that `CompiledEngine` maps in: strings that are triggers, and what each is."""
    kinds = list(dict.fromkeys(triggers.values()))
    (folder / TRIGGERS).write_text(json.dumps(kinds), encoding="utf-8")
    numbers = {kind: number for number, kind in enumerate(kinds)}
    write_steps(((map(ord, string), numbers[trigger]) for string, trigger in triggers.items()), folder / STEPS)


def _is_glued(low: str, end: int) -> bool:
    """Whether medspaCy does not see the trigger that ends at `end` because its last word is one token with the number
    of a footnote behind its period ("already present.18"): spaCy parts words there before a capital only."""
    return low[end - 1].isalnum() and low[end : end + 1] == "." and low[end + 1 : end + 2].isdigit()


def _plain(text: str) -> str:
    """The text in lower case, as triggers are written: each character at its place."""
    low = lower_in_place(text)
    if not low.isascii():
        for character, plain in PLAIN.items():
            low = low.replace(character, plain)
    return low
