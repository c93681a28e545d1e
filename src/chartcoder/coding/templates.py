"""Answers of templates: "fever: none", "[x] asthma", "Snoring: [ ] Yes [x] No", "(-) fever (+) cough".

A template's answer says more than any trigger word near it, so it is read first.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from chartcoder.chart import Assertion

ANSWER = re.compile(
    r"[ \t]*(?::|-{1,2}|=|\?|\.{2,}|\u2026)[ \t]*"
    r"(?:(?P<no>no|none|denie[sd]|negative|neg|absent|not present|never|n)|(?P<yes>yes|positive|present|pos|y|\+))"
    r"[ \t]*(?=$|[.,;\n]|[ \t]{2}|\t)",
    re.I,
)
"""An answer behind a term: "HTN: yes", "Diabetes? N"."""
# blanks stand in one place of each pattern: in two beside each other they could be shared out in as many ways as there
# are blanks, and a line of a million of them would take an hour
BOX = r"(?:\[[ \t]*(?:[xX\u2713][ \t]*)?\]|\([ \t]*(?:[xX][ \t]*)?\)|[\u2610-\u2612])"
BOX_BEFORE = re.compile(rf"{BOX}[ \t]*$")
BOXES_BEHIND = re.compile(
    rf"[ \t]*(?:[:?][ \t]*)?(?P<first>{BOX})[ \t]*(?P<answer>yes|no|y|n)\b[ \t,/|]*"
    rf"(?P<second>{BOX})[ \t]*(?:yes|no|y|n)\b",
    re.I,
)
"""Two boxes behind a term, one for yes and one for no."""
TICKS = frozenset("xX\u2713\u2611\u2612")
BOX_ENDS = frozenset("])\u2610\u2611\u2612")
SIGN = re.compile(r"\((?P<sign>\+{1,3}|-{1,2}|\u2212|neg|pos)\)", re.I)
LONGEST_LINE = 400  # characters looked at to either side of a term
BLANKS = 20  # characters behind a term among which the first that is no blank is looked for
ANSWERING = frozenset([*":-=?.\u2026[(\u2610\u2611\u2612", ""])
"""What an answer or a box behind a term begins with; nothing where only blanks are seen. Periods come in rows."""
SENTENCE_ENDS = frozenset({". ", ".\n"})


class Answers:
    """What the template answers, check boxes and signs of one chart say of its terms."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._signs = list(SIGN.finditer(text))
        self._starts = [sign.start() for sign in self._signs]
        self._ends = [sign.end() for sign in self._signs]

    @property
    def has_signs(self) -> bool:
        """Whether the chart has any sign, which may stand far from its term."""
        return bool(self._signs)

    def of(self, start: int, end: int) -> tuple[Assertion, str] | None:
        """What is said of the term at [start, end), and the words that say it; None where nothing is."""
        text = self._text
        behind = text[end : end + BLANKS].lstrip(" \t")
        if behind[:1] in ANSWERING and behind[:2] not in SENTENCE_ENDS:
            answer = ANSWER.match(text, end)
            if answer:
                return ("negated" if answer["no"] else "present"), answer[0].strip()
            boxes = BOXES_BEHIND.match(text, end)
            if boxes:
                return _chosen(boxes)
        if text[max(0, start - 2) : start].rstrip()[-1:] in BOX_ENDS:
            box = BOX_BEFORE.search(text, max(0, start - 8), start)
            if box:
                return ("present" if _is_ticked(box[0]) else "negated"), box[0].strip()
        return self._signed(start, end) if self._signs else None

    def _signed(self, start: int, end: int) -> tuple[Assertion, str] | None:
        """The sign of a term: before it where its line begins with one ("(-) fever, chills (+) cough"), else behind
        it."""
        text = self._text
        low, high = max(0, start - LONGEST_LINE), end + LONGEST_LINE
        line_start = max(low, text.rfind("\n", low, start) + 1)
        line_end = text.find("\n", end, high)
        first = bisect_left(self._starts, line_start)
        if first == len(self._signs) or self._ends[first] > (high if line_end < 0 else line_end):
            return None
        before = text[line_start : self._starts[first]].rstrip()
        if not before or before[-1] in ":.-*\u2022":
            leading = bisect_right(self._ends, start) - 1
            return _of_sign(self._signs[leading]) if leading >= first else None
        behind = SIGN.match(text, end) or SIGN.match(text, end + 1)
        return _of_sign(behind) if behind else None


def _is_ticked(box: str) -> bool:
    return not TICKS.isdisjoint(box)


def _chosen(boxes: re.Match[str]) -> tuple[Assertion, str] | None:
    """The box that is ticked of a pair; None where both are, or none."""
    first, second = _is_ticked(boxes["first"]), _is_ticked(boxes["second"])
    if first == second:
        return None
    says_yes = boxes["answer"].lower().startswith("y") == first
    return ("present" if says_yes else "negated"), boxes[0].strip()


def _of_sign(sign: re.Match[str]) -> tuple[Assertion, str]:
    return ("present" if sign["sign"].lower().startswith(("+", "p")) else "negated"), sign[0]
