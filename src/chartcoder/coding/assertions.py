"""What a chart asserts of a term: from ConText's cues, the section, and what kind of code it is.

Cues alone mislead: "history of hypertension" means that the patient has it, "family history of breast cancer" is a
term of its own, a nephrectomy is a status only where it is over. The classes of codes are in `code_classes.tsv`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from chartcoder.chart import Assertion
from chartcoder.coding.engine import FAMILY, HISTORICAL, HYPOTHETICAL, NEGATED, POSSIBLE, Context

CLASSES = Path(__file__).with_name("code_classes.tsv")

FAMILY_SECTIONS = frozenset({"family_history"})
HISTORY_SECTIONS = frozenset({"past_medical_history", "past_surgical_history"})
INSTRUCTION_SECTIONS = frozenset({"patient_instructions", "education", "patient_education"})
ALLERGY_SECTIONS = frozenset({"allergies", "allergy"})

LASTING_SECTIONS = HISTORY_SECTIONS | {"medications", "problem_list"}
LASTING = re.compile(
    r"\b(?:on|taking|takes|continues?|chronic(?:ally)?|long[- ]term|maintenance|daily|home|dependen(?:t|ce)|status"
    r"|lifelong|current|currently|regular(?:ly)?|use of|treated with|controlled with|managed with|maintained)\b",
    re.I,
)
"""Words that say that a treatment goes on."""
DURATION_CUES = frozenset({"history of", "history", "hx of", "h/o"})

PROCEDURE = re.compile(
    r"(?:ectom|otom|ostom|plast|amputat|resection|transplant|graft|bypass|arthrodesis|fusion"
    r"|surger|removal|extraction|emulsification|section|stent|implant|operation|repair|ligation|sterilization|enucleation)",
    re.I,
)


ANSWER = re.compile(
    r"[ \t]*(?::|-{1,2}|=)[ \t]*"
    r"(?:(?P<no>no|none|denie[sd]|negative|neg|absent|not present|n)|(?P<yes>yes|positive|present|pos|y|\+))"
    r"[ \t]*(?=$|[.,;\n])|[ \t]*\((?:(?P<minus>-{1,2}|\u2212)|(?P<plus>\+{1,3}))\)",
    re.I,
)
"""A template's answer behind a term: "fever: none", "HTN: yes"."""
BOX = re.compile(
    r"(?:\[(?P<square>[ xX\u2713]?)\]|\((?P<round>[ xX])\)|(?P<empty>\u2610)|(?P<ticked>[\u2611\u2612]))[ \t]*$"
)
"""A check box before a term."""
PREFIX = re.compile(r"\bnon-$", re.I)
"""A prefix directly before a term, and no part of it: "non-ischemic"."""
BOX_ENDS = frozenset("])\u2610\u2611\u2612")


def template_answer(text: str, start: int, end: int) -> tuple[Assertion, str] | None:
    """What a template's answer or check box says of the term at [start, end); None where there is none."""
    answer = ANSWER.match(text, end)
    if answer:
        return ("negated" if answer["no"] or answer["minus"] else "present"), answer[0].strip()
    if text[max(0, start - 2) : start].rstrip()[-1:] not in BOX_ENDS:
        return None
    box = BOX.search(text, max(0, start - 6), start)
    if box:
        mark = box["square"] if box["square"] is not None else box["round"]
        empty = box["empty"] is not None or (mark is not None and not mark.strip())
        return ("negated" if empty else "present"), box[0].strip()
    return None


@cache
def class_of(code: str) -> frozenset[str]:
    """The classes of a code by its longest listed prefixes: "chronic", "status", "needs_history", "symptom", ..."""
    return frozenset(name for name, prefixes in _classes().items() if code.startswith(prefixes))


@cache
def _classes() -> dict[str, tuple[str, ...]]:
    classes: dict[str, tuple[str, ...]] = {}
    for line in CLASSES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, prefixes = line.split("\t")
            classes[name] = classes.get(name, ()) + tuple(prefixes.split())
    return classes


def assertion_of(code: str | None, text: str, lead: str, context: Context) -> tuple[Assertion, str | None]:
    """How a term that implies `code` is asserted, and the cue or the section that says so.

    Args:
        code: the code the term implies.
        text: the term as the chart has it.
        lead: what stands before it, some thirty characters.
        context: its section and ConText cues.
    """
    cues, section = context.cues, context.section
    prefix = PREFIX.search(lead)
    if prefix:
        return "negated", prefix[0]
    classes = class_of(code) if code else frozenset[str]()
    about_family = "family_history" in classes
    if NEGATED in cues and "absence" not in classes:
        return "negated", cues[NEGATED]
    if not about_family:
        if FAMILY in cues:
            return "family", cues[FAMILY]
        if section in FAMILY_SECTIONS:
            return "family", _heading(section)
    if HYPOTHETICAL in cues:
        return "hypothetical", cues[HYPOTHETICAL]
    if section in INSTRUCTION_SECTIONS:
        return "hypothetical", _heading(section)
    if POSSIBLE in cues:
        return "possible", cues[POSSIBLE]
    if about_family:
        return "present", None
    return _in_time(classes, text, lead, context)


def _in_time(classes: frozenset[str], text: str, lead: str, context: Context) -> tuple[Assertion, str | None]:
    """Present or historical. What is chronic lasts; what is a status says so itself, unless it names a procedure."""
    cue, section = context.cues.get(HISTORICAL), context.section
    if cue in DURATION_CUES and "symptom" in classes and section not in HISTORY_SECTIONS:
        cue = None  # "a three-day history of fever": how long the patient has had it
    over = cue or (_heading(section) if section in HISTORY_SECTIONS else None)
    if "treatment" in classes and section not in LASTING_SECTIONS and not LASTING.search(lead + text):
        return "hypothetical", "a treatment, not said to be lasting"
    if "needs_history" in classes and PROCEDURE.search(text):
        if over is None:
            return "hypothetical", "a procedure, not said to be over"
        return "present", cue
    if "status" in classes or "chronic" in classes:
        return "present", None
    if section in ALLERGY_SECTIONS:
        return "historical", _heading(section)
    return ("historical", over) if over else ("present", None)


def _heading(section: str | None) -> str:
    return f"section {section}"
