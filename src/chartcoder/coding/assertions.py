"""What a chart asserts of a term: from ConText's cues, the section, and what kind of code it is.

Cues alone mislead: "history of hypertension" means that the patient has it, "family history of breast cancer" is a
term of its own, a nephrectomy is a status only where it is over. The classes of codes are in `code_classes.tsv`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import ahocorasick_rs

from chartcoder.chart import Assertion, Finding
from chartcoder.coding.engine import (
    FAMILY,
    HISTORICAL,
    HYPOTHETICAL,
    NEGATED,
    OTHER_PERSON,
    POSSIBLE,
    RESOLVED,
    Context,
)
from chartcoder.coding.inner.surroundings import Glance, Signals
from chartcoder.coding.templates import ANSWERING, BLANKS, BOX_ENDS

CLASSES = Path(__file__).with_name("code_classes.tsv")
NEIGHBOURS = Path(__file__).with_name("neighbours.tsv")
LEAD, TAIL = 40, 60  # characters before and behind a term that may say how it is asserted
LASTING_LEAD = 30  # characters before a treatment that may say that it goes on

FAMILY_SECTIONS = frozenset({"family_history"})
HISTORY_SECTIONS = frozenset({"past_medical_history", "past_surgical_history"})
INSTRUCTION_SECTIONS = frozenset({"patient_instructions", "education", "patient_education"})
UNCERTAIN_SECTIONS = frozenset({"differential_diagnosis"})
ALLERGY_SECTIONS = frozenset({"allergies", "allergy"})
TELLING_SECTIONS = FAMILY_SECTIONS | HISTORY_SECTIONS | INSTRUCTION_SECTIONS | UNCERTAIN_SECTIONS | ALLERGY_SECTIONS
"""Sections that say how what stands in them is asserted."""
TELLING_CLASSES = frozenset({"family_history", "personal_history", "treatment", "needs_history"})
"""Classes of codes that do."""

LASTING_SECTIONS = HISTORY_SECTIONS | {"medications", "problem_list"}
LASTING = re.compile(
    r"\b(?:on|taking|takes|continues?|chronic(?:ally)?|long[- ]term|maintenance|daily|home|dependen(?:t|ce)|status"
    r"|lifelong|(?:encounter|admi(?:ssion|tted)|here|presents?) for"
    r"|current|currently|regular(?:ly)?|use of|treated with|controlled with|managed with|maintained)\b",
    re.I,
)
"""Words that say that a treatment goes on."""
DURATION_CUES = frozenset({"history of", "history", "hx of", "h/o"})

LASTED = re.compile(r"(?:hour|day|week|month|year)s?'?[\s-]+(?:long )?history of\b[^.;\n]*$", re.I)
"""How long the patient has had it: "a 2-month history of a testicular mass"."""

PROCEDURE = re.compile(
    r"(?:ectom|otom|ostom|plast|amputat|resection|transplant|graft|bypass|arthrodesis|fusion"
    r"|surger|removal|extraction|emulsification|section|stent|implant|operation|repair|ligation|sterilization|enucleation"
    r"|orrhaph|\bTURP\b|\bTURBT\b|\bphaco\b|roux|anastomos|restoration)",
    re.I,
)

PLACING = re.compile(
    r"\b(?:placement|implantation|insertion|positioning|placing|implanting|inserting|place|implant|insert)\s+(?:of\s+)?"
    r"(?:(?:an?|the|his|her)\s+)?(?:[\w-]+\s+){0,2}$",
    re.I,
)
PLACED = re.compile(
    r"\s+(?:(?:was|were|is|are|being|to\s+be|will\s+be)\s+)?"
    r"(?:placed|implanted|inserted|deployed|placement|implantation|insertion)\b(?!.*\b(?:ago|(?:19|20)\d\d)\b)",
    re.I,
)
"""A device that is being put in, before and behind its name: what the stay does is no status of the patient yet."""

PREFIX = re.compile(r"\bnon-$", re.I)
"""A prefix directly before a term, and no part of it: "non-ischemic"."""
NEW_CLAUSE = re.compile(r",\s+(?:(?:the|her|his|their|a|an)\s+)?$", re.I)
SAY_OVER = ("childhood ", "resolved ")
"""Words that say so too as the first of a term's own: "childhood asthma"."""
TAKEN_FOR_OTHERS = "\u0131\u0130\u017f\u212a"
"""Letters that a pattern takes for an i, an s or a k whatever their case is, while they are none in lower case."""
SAY_SO_THEMSELVES = frozenset({"status", "needs_history"})
"""Classes of codes that are about the past or last whatever happened."""

EXPOSURES = ("expos", "contact", "close contact", "in contact", "sick contact", "around", "was around")
COMMUNICABLE = ("A", "B", "J0", "J1", "J20", "J21", "U07", "G00", "G03", "H10", "P35", "Z")
"""Codes of what one person catches from another, as far as their beginning tells."""


class Neighbour(NamedTuple):
    """A row of `neighbours.tsv`."""

    said: str  # an assertion, or "over", "asserted"
    words: tuple[str, ...]  # lower case; where the pattern fits, there is one of them
    pattern: re.Pattern[str]


@cache
def _neighbours(side: str) -> tuple[Neighbour, ...]:
    """What may stand "before" a term or "after" it: of those behind it the first that fits counts; of those before
    it, which differ in their last words, only one does."""
    rows = [row for row in _rows(NEIGHBOURS) if row[0] == side]
    return tuple(Neighbour(said, tuple(words.split()), re.compile(pattern, re.I)) for _, said, words, pattern in rows)


@cache
def _words_before() -> tuple[str, ...]:
    return tuple(word for neighbour in _neighbours("before") for word in neighbour.words)


@cache
def _signals() -> Signals:
    signs, answers = "".join(BOX_ENDS) + "-", "".join(ANSWERING - {"."})
    return Signals(_words_before(), signs, SAY_OVER, answers, BLANKS, TAIL)


@cache
def _search_behind() -> tuple[Callable[..., list[tuple[int, int, int]]], tuple[int, ...]]:
    """What finds the words of the neighbours behind a term in a text in lower case, and the row that each is of."""
    words = [(word, row) for row, neighbour in enumerate(_neighbours("after")) for word in neighbour.words]
    find = ahocorasick_rs.AhoCorasick([word for word, _ in words]).find_matches_as_indexes
    return find, tuple(row for _, row in words)


def _rows(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


NOTHING: Mapping[str, str] = MappingProxyType({})


def _never(_start: int, _end: int) -> bool:
    return False


class Surroundings:
    """What stands around the terms of one chart.

    Few terms have a neighbour that says anything. So a pattern is tried only where one of its words is
    (`neighbours.tsv`): directly before a term, anywhere behind it. Those behind are found in one search of the chart.
    """

    def __init__(self, text: str, low: str) -> None:
        """Of a chart's text, and the same in lower case."""
        self.text = text
        self._low = low
        self._words_before = _words_before()
        self._is_plain = text.isascii() or not any(letter in text for letter in TAKEN_FOR_OTHERS)
        find, rows = _search_behind()
        found = (
            sorted([(start, rows[word]) for word, start, _ in find(low, overlapping=True)]) if self._is_plain else []
        )
        self._starts_behind = [start for start, _ in found]
        self._rows_behind = [row for _, row in found]
        glance = Glance(low, self._starts_behind, _signals())
        self.say_nothing: Callable[[int, int], bool] = glance.finds_nothing if self._is_plain else _never
        """(start, end) -> whether it is seen at a glance that nothing beside the term there says anything of it, not
        even as `templates` reads it. Terms asked for must not go back."""

    def said(self, words: Words) -> Mapping[str, str]:
        """What the neighbours of a term say: assertion (or "over", "asserted") -> the words that say it."""
        before, behind = self._may_be_before(words.start, words.end), self._may_be_behind(words.end)
        if not before and not behind:  # as with most
            return NOTHING
        said = {}
        lead, tail = words.lead, words.tail
        if self._low.startswith(SAY_OVER, words.start, words.end):
            lead += words.text.partition(" ")[0] + " "
        for neighbour in before:
            if found := neighbour.pattern.search(lead):
                said[neighbour.said] = found[0].strip()
                break
        for neighbour in behind:
            if found := neighbour.pattern.match(tail):
                said[neighbour.said] = found[0].strip()
                break
        return said

    def _may_be_before(self, start: int, end: int) -> Sequence[Neighbour]:
        if not self._is_plain or self._low.startswith(SAY_OVER, start, end):
            return _neighbours("before")
        lead = self._low[max(0, start - LEAD) : start].rstrip()
        if not lead.endswith(self._words_before):
            return ()
        return [neighbour for neighbour in _neighbours("before") if lead.endswith(neighbour.words)]

    def _may_be_behind(self, end: int) -> Sequence[Neighbour]:
        if not self._is_plain:
            return _neighbours("after")
        following = bisect_left(self._starts_behind, end)
        rows = self._rows_behind[following : bisect_left(self._starts_behind, end + TAIL, following)]
        neighbours = _neighbours("after")
        return [neighbours[row] for row in sorted(set(rows))]


class Words:
    """A term as the chart has it, and what stands before and behind it in its line."""

    __slots__ = ("_around", "end", "start", "text")

    def __init__(self, around: Surroundings, start: int, end: int) -> None:
        """The term at [start, end) of a chart."""
        self._around = around
        self.start, self.end = start, end
        self.text = around.text[start:end]

    @property
    def lead(self) -> str:
        """What stands before it in its line."""
        lead = self._around.text[max(0, self.start - LEAD) : self.start]
        return lead[lead.rfind("\n") + 1 :]

    @property
    def tail(self) -> str:
        """What stands behind it in its line."""
        return self._around.text[self.end : self.end + TAIL].partition("\n")[0]

    @property
    def is_prefixed(self) -> bool:
        """Whether a hyphen joins it to what stands before it."""
        return self._around.text.endswith("-", 0, self.start)

    def said(self) -> Mapping[str, str]:
        """What the neighbours say, as `Surroundings.said` gives it."""
        return self._around.said(self)


@cache
def class_of(code: str) -> frozenset[str]:
    """The classes of a code by its longest listed prefixes: "chronic", "status", "needs_history", "symptom", ..."""
    return frozenset(name for name, prefixes in _classes().items() if code.startswith(prefixes))


@cache
def _classes() -> dict[str, tuple[str, ...]]:
    classes: dict[str, tuple[str, ...]] = {}
    for name, prefixes in _rows(CLASSES):
        classes[name] = classes.get(name, ()) + tuple(prefixes.split())
    return classes


def holds_of_patient(finding: Finding) -> bool:
    """Whether a finding's code holds of the patient now: it is present, or says itself that something is over or runs
    in the family (Z87.01, Z80.3)."""
    if finding.assertion == "present":
        return True
    if finding.code is None or finding.assertion not in {"historical", "family"}:
        return False
    said = {"historical": "personal_history", "family": "family_history"}[finding.assertion]
    return said in class_of(finding.code)


def assertion_of(
    code: str | None, words: Words, context: Context, said: Mapping[str, str]
) -> tuple[Assertion, str | None]:
    """How a term that implies `code` is asserted, and the cue or the section that says so.

    Who it is said of comes before what is said, and that before when: a denial, another person, the family, what has
    not happened, what is uncertain, what is over.

    Args:
        code: the code the term implies.
        words: the term and its neighbours.
        context: its section and ConText cues.
        said: what its neighbours say, as `Words.said` gives it.
    """
    cues, section = context.cues, context.section
    classes = class_of(code) if code else frozenset[str]()
    if not said and not cues and _goes_without_saying(classes, words, section):
        return "present", None
    denial = _denial(words, said, cues)
    if denial and "absence" not in classes:
        return "negated", denial
    somebody = _somebody_else(code, classes, context)
    if somebody:
        return somebody
    unreal = said.get("hypothetical") or cues.get(HYPOTHETICAL)
    if unreal or section in INSTRUCTION_SECTIONS:
        return "hypothetical", unreal or _heading(section)
    uncertain = said.get("possible") or cues.get(POSSIBLE)
    if uncertain or section in UNCERTAIN_SECTIONS:
        return "possible", uncertain or _heading(section)
    if "personal_history" in classes:
        return "historical", cues.get(HISTORICAL)
    over = said.get("over") or cues.get(RESOLVED)
    if over and not classes & SAY_SO_THEMSELVES:
        return "historical", over
    return _in_time(classes, words, said.get("historical"), context)


def _goes_without_saying(classes: frozenset[str], words: Words, section: str | None) -> bool:
    """Whether a term of which nothing is said is present: neither its section nor its kind of code has it otherwise.

    So it is with most terms, which then need no further question.
    """
    return section not in TELLING_SECTIONS and classes.isdisjoint(TELLING_CLASSES) and not words.is_prefixed


def _denial(words: Words, said: Mapping[str, str], cues: Mapping[str, str]) -> str | None:
    """The words that deny a term; none where the chart says behind the comma that it is there ("although there is no
    swelling, ankle pain persists")."""
    prefix = PREFIX.search(words.lead) if words.is_prefixed else None
    if prefix:
        return prefix[0]
    if "negated" in said or "present" in said:
        return said.get("negated")
    if "asserted" in said and NEW_CLAUSE.search(words.lead):
        return None
    return cues.get(NEGATED)


def _somebody_else(code: str | None, classes: frozenset[str], context: Context) -> tuple[Assertion, str | None] | None:
    """Another person, or the family; a code that says itself that it is about them stays with the patient."""
    cues, section = context.cues, context.section
    other = cues.get(OTHER_PERSON)
    about_patient = "status" in classes and classes.isdisjoint({"family_history", "personal_history"})
    if other and not about_patient and _can_be_caught(code, other):
        return "other_person", other
    if "family_history" in classes:
        return "family", cues.get(FAMILY)
    if FAMILY in cues:
        return "family", cues[FAMILY]
    return ("family", _heading(section)) if section in FAMILY_SECTIONS else None


def _can_be_caught(code: str | None, cue: str) -> bool:
    """Whether what one is exposed to is another's disease: "exposure to chlorine" and its cough are the patient's."""
    return not cue.startswith(EXPOSURES) or (code is not None and code.startswith(COMMUNICABLE))


def _in_time(
    classes: frozenset[str], words: Words, dated: str | None, context: Context
) -> tuple[Assertion, str | None]:
    """Present or historical. What is chronic lasts; what is a status says so itself, unless it names a procedure."""
    cue, section = dated or context.cues.get(HISTORICAL), context.section
    lasts = "symptom" in classes or LASTED.search(words.lead[-LASTING_LEAD:])
    if cue in DURATION_CUES and lasts and section not in HISTORY_SECTIONS:
        cue = None  # "a three-day history of fever": how long the patient has had it
    over = cue or (_heading(section) if section in HISTORY_SECTIONS else None)
    if (
        "treatment" in classes
        and section not in LASTING_SECTIONS
        and not LASTING.search(words.lead[-LASTING_LEAD:] + words.text)
    ):
        return "hypothetical", "a treatment, not said to be lasting"
    if "needs_history" in classes and (
        PROCEDURE.search(words.text) or PLACING.search(words.lead) or PLACED.match(words.tail)
    ):
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
