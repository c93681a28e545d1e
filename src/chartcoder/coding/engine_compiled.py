"""The fast engine: the same rules as medspaCy's ConText, compiled; sentences only where a term stands; no spaCy.

For a chart: one pass finds the triggers, one the headings; then, sentence by sentence with a term in it, scopes are
set and read.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

from chartcoder.coding.context import (
    BACKWARD,
    BIDIRECTIONAL,
    Found,
    Modifier,
    Trigger,
    TriggerFinder,
    cues_of,
    in_scope,
)
from chartcoder.coding.engine import Context
from chartcoder.coding.sections import Sections
from chartcoder.coding.splitting import Sentences

PLAIN = {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "\xa0": " "}
ACT_BACKWARD = frozenset({BACKWARD, BIDIRECTIONAL})


class CompiledEngine:
    """ConText over given spans. Holds no state between charts."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the artefact's."""
        triggers = json.loads((folder / "triggers.json").read_text(encoding="utf-8"))
        self._finder = TriggerFinder({string: Trigger(*trigger) for string, trigger in triggers.items()})

    def read(self, text: str, spans: Sequence[tuple[int, int]], sections: Sections) -> list[Context]:
        """The context of each span (in order, not overlapping)."""
        if not spans:
            return []
        return [
            Context(sections.at(start), cues)
            for (start, _), cues in zip(spans, self.cues(text, spans, Sentences(text).around), strict=True)
        ]

    def cues(
        self,
        text: str,
        spans: Sequence[tuple[int, int]],
        sentence_around: Callable[[int], tuple[int, int]],
        *,
        own_words_act: bool = False,
    ) -> list[dict[str, str]]:
        """The cues that reach each span, with sentences from whoever splits them; `own_words_act` as in `cues_of`."""
        low = lower_in_place(text)
        found = self._finder.find(low)
        if not own_words_act:
            found = _outside(spans, found)
        starts = [trigger.start for trigger in found]
        cues: list[dict[str, str]] = []
        sentence_end, modifiers = -1, list[Modifier]()
        for start, end in spans:
            if start >= sentence_end:
                sentence_start, sentence_end = sentence_around(start)
                first = bisect_left(starts, sentence_start)
                last = bisect_left(starts, sentence_end, first)
                modifiers = in_scope(found[first:last], sentence_start, sentence_end) if first < last else []
            cues.append(cues_of(modifiers, start, end, low, own_words_act=own_words_act) if modifiers else {})
        return cues


def _outside(spans: Sequence[tuple[int, int]], found: list[Found]) -> list[Found]:
    """The triggers but those that a term ends with: "PR negative" denies no cancer before it, while "nausea without
    vomiting" goes on to what follows, and "positive for influenza" ends a denial."""
    starts = [start for start, _ in spans]
    outside = []
    for one in found:
        if one.trigger.direction in ACT_BACKWARD:
            before = bisect_right(starts, one.start) - 1
            if before >= 0 and one.end <= spans[before][1]:
                continue
        outside.append(one)
    return outside


def lower_in_place(text: str) -> str:
    """The text in lower case with every character at its offset (some capitals have two lower-case letters)."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(lower if len(lower := character.lower()) == 1 else character for character in text)
    if not low.isascii():
        for character, plain in PLAIN.items():
            low = low.replace(character, plain)
        low = low.encode(errors="replace").decode()  # half a surrogate pair is no text to an automaton
    return low
