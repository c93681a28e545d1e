"""Answers of templates: "fever: none", "[x] asthma", "Snoring: [ ] Yes [x] No", "(-) fever (+) cough".

A template's answer says more than any trigger word near it, so it is read first.
"""

from __future__ import annotations

import re

from chartcoder.chart import Assertion

ANSWER = re.compile(
    r"[ \t]*(?::|-{1,2}|=|\?|\.{2,}|\u2026)[ \t]*"
    r"(?:(?P<no>no|none|denie[sd]|negative|neg|absent|not present|n)|(?P<yes>yes|positive|present|pos|y|\+))"
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
SIGNS = ("(+", "(-", "(\u2212", "(neg", "(NEG", "(Neg", "(pos", "(POS", "(Pos")
LONGEST_LINE = 400  # characters looked at before a term


def template_answer(text: str, start: int, end: int) -> tuple[Assertion, str] | None:
    """What a template's answer, check box or sign says of the term at [start, end); None where there is none."""
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
    return _signed(text, start, end)


def _is_ticked(box: str) -> bool:
    return not TICKS.isdisjoint(box)


def _chosen(boxes: re.Match[str]) -> tuple[Assertion, str] | None:
    """The box that is ticked of a pair; None where both are, or none."""
    first, second = _is_ticked(boxes["first"]), _is_ticked(boxes["second"])
    if first == second:
        return None
    says_yes = boxes["answer"].lower().startswith("y") == first
    return ("present" if says_yes else "negated"), boxes[0].strip()


def _signed(text: str, start: int, end: int) -> tuple[Assertion, str] | None:
    """The sign of a term: before it where its line begins with one ("(-) fever, chills (+) cough"), else behind it."""
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    line_start = max(text.rfind("\n", 0, start) + 1, start - LONGEST_LINE)
    line = text[line_start : min(line_end, end + LONGEST_LINE)]
    if not any(sign in line for sign in SIGNS):
        return None
    signs = list(SIGN.finditer(line))
    if not signs:
        return None
    before = line[: signs[0].start()].rstrip()
    if not before or before[-1] in ":.-*\u2022":
        leading = [sign for sign in signs if sign.end() <= start - line_start]
        return _of_sign(leading[-1]) if leading else None
    behind = SIGN.match(text, end) or SIGN.match(text, end + 1)
    return _of_sign(behind) if behind else None


def _of_sign(sign: re.Match[str]) -> tuple[Assertion, str]:
    return ("present" if sign["sign"].lower().startswith(("+", "p")) else "negated"), sign[0]
