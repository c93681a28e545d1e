"""The fast engine: the same rules as medspaCy's ConText, compiled; sentences only where a term stands; no spaCy.

For a chart: one pass finds the triggers, one the headings; then, sentence by sentence with a term in it, scopes are
set and read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import ahocorasick_rs

from chartcoder.coding.engine import Context
from chartcoder.coding.scoping import Trigger, bounded, cues_of_terms, found_in
from chartcoder.coding.sections import Sections
from chartcoder.coding.splitting import Sentences

PLAIN = {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "\xa0": " "}


class CompiledEngine:
    """ConText over given spans. Holds no state between charts."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the artefact's."""
        triggers = json.loads((folder / "triggers.json").read_text(encoding="utf-8"))
        self._automaton = ahocorasick_rs.AhoCorasick(list(triggers), matchkind=ahocorasick_rs.MatchKind.Standard)
        self._triggers = [bounded(string, Trigger(*trigger)) for string, trigger in triggers.items()]

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
        """The cues that reach each span, with sentences from whoever splits them; see `cues_of_terms`."""
        low = lower_in_place(text)
        matches = self._automaton.find_matches_as_indexes(low, overlapping=True)
        if own_words_act:
            matches = [match for match in matches if not self._is_glued(low, match)]
        return cues_of_terms(found_in(low, matches, self._triggers), spans, low, sentence_around, own_words_act)

    def _is_glued(self, low: str, match: tuple[int, int, int]) -> bool:
        """Whether medspaCy does not see a trigger because its last word is one token with the number of a footnote
        behind its period ("already present.18"): spaCy parts words there before a capital only."""
        number, _, end = match
        return self._triggers[number].closes and low[end : end + 1] == "." and low[end + 1 : end + 2].isdigit()


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
