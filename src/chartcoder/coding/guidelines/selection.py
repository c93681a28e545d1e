"""Which findings are candidates: II and III (inpatient), IV.G to IV.J (outpatient).

A visit's list holds what was assessed: "code all documented conditions that coexist at the time of the encounter and
that require or affect patient care" (IV.J). Where a chart has an assessment with a line for each problem, those lines
name what was assessed; what only the history, the systems review or the examination mentions is a finding and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from chartcoder.chart import Finding
from chartcoder.coding.assertions import class_of, holds_of_patient
from chartcoder.coding.guidelines.draft import Draft

ASSESSED = frozenset({"assessment", "observation_and_plan", "postoperative_diagnosis", "diagnoses"})
LISTED = frozenset({"problem_list", "hospital_course"})
LISTED_IN = LISTED | {None}
"""Where a list of problems is the assessment of a chart that has none by name."""
PLANNED = frozenset({"plan"})
NOT_ASSESSED = frozenset(
    {
        "review_of_systems", "physical_exam", "family_history", "social_history", "medications", "allergies", "results",
        "imaging", "other", "procedure", "patient_instructions", "indication", "preoperative_diagnosis",
        "labs_and_studies",
    }
)  # fmt: skip

CIRCUMSTANCES = frozenset({"circumstance", "external"})
LONGEST_PROBLEM_LINE = 110
LONGEST_NUMBERED = 130  # characters: a list's item may say more of its problem
LONGEST_MARGIN = 1_000  # characters from a line's beginning to a finding: marker, label, and what stands before it
LONGEST_REST = 300  # characters behind a finding: more than a problem's first sentence may have
LABEL = re.compile(
    r"\s*(?:primary|principal|secondary|other|additional|also|chronic|acute|active|final|associated|deficits|comorbidit\w+)"
    r"(?: (?:diagnos[ei]s|problems?|conditions?))?:\s+",
    re.I,
)
"""What stands before a diagnosis and names its part in the list."""
MAY_BE_A_PROBLEM = ("R", "Z55", "Z56", "Z57", "Z59", "Z60", "Z62", "Z63", "Z64", "Z65", "Z66", "Z79.01", "Z79.02")
NUMBERED = re.compile(r"\s*(?:[#*•·-]+\s*|\(?\d{1,2}[.):]\s*|[A-Z][.)]\s)+")
MARKED_LINE = re.compile(r"\n[^\S\n]*(?:[#*•·-]|\(?\d{1,2}[.):]|[A-Z][.)]\s)")
"""A line that begins as `NUMBERED` asks, and the end of the line before it, from which a search goes to the next."""
NARRATIVE = re.compile(
    r"\b(?:patient|he|she|they|presents?|presented|is an?|we|i|i'm|we'll|will|was|were|has|had|have|reports?"
    r"|her|his|my)\b"
)
"""Words of a narrative, in lower case: to look for them whatever their case is takes three times as long."""
SENTENCE_END = re.compile(r"[.;](?<!\b[A-Z].)\s")
"""Not the point of "E. coli". Begun by the mark, so that a search skips to it."""
FIRST_SENTENCE_END = re.compile(r"[.:;](?:\s|$)| - ")


def select_candidates(draft: Draft) -> None:
    """IV.J, III: findings that were assessed; the others are turned down with the reason."""
    chosen: dict[str, list[int]] = {}
    for place in next((pool for pool in _pools(draft) if pool), []):
        code = draft.findings[place].code
        if code:
            chosen.setdefault(code, []).append(place)
    for code, places in chosen.items():
        draft.bill(code, places)
    _turn_down_the_rest(draft)


def _pools(draft: Draft) -> Iterator[list[int]]:
    """Sets of findings to bill, the most telling first: the first that is not empty is taken."""
    text = draft.view.text
    billable = [(place, finding) for place, finding in draft.present() if not _is_circumstance(text, finding)]
    assessed = [(place, finding) for place, finding in billable if finding.section in ASSESSED]
    yield [place for place, finding in assessed if is_problem_line(text, finding)]
    yield [place for place, _ in assessed]
    yield [place for place, finding in billable if finding.section in PLANNED and is_problem_line(text, finding)]
    if has_a_list(text):
        yield [place for place, finding in billable if finding.section in LISTED_IN and stands_in_a_list(text, finding)]
    sectioned = any(finding.section for finding in draft.findings)
    yield [place for place, finding in billable if not (sectioned and finding.section in NOT_ASSESSED)]
    yield [place for place, _ in billable]


def _is_circumstance(text: str, finding: Finding) -> bool:
    """A finding that makes no problem by itself. An abnormal result does where it is one of the problems assessed
    ("2. Elevated PSA"): then the provider says that it matters (III.B). So does a circumstance of life (I.C.21.c.17).
    """
    if finding.code is None or not _is_of_circumstances(finding.code):
        return False
    return not (
        finding.code.startswith(MAY_BE_A_PROBLEM) and finding.section in ASSESSED and is_problem_line(text, finding)
    )


@lru_cache(maxsize=20_000)
def _is_of_circumstances(code: str) -> bool:
    return not CIRCUMSTANCES.isdisjoint(class_of(code))


def _turn_down_the_rest(draft: Draft) -> None:
    candidates, rejected = draft.candidates, draft.rejected
    for place, finding in enumerate(draft.findings):
        code = finding.code
        if not code or code in candidates:
            continue
        held = rejected.get(code)
        if held is None:
            held = rejected[code] = ([], _why_not(finding))
        held[0].append(place)


def _why_not(finding: Finding) -> str:
    if holds_of_patient(finding):
        where = f" ({finding.section} only)" if finding.section else ""
        return f"not among the problems assessed{where}"
    cue = f" by '{finding.cue}'" if finding.cue else ""
    return f"{finding.assertion}{cue}"


def has_a_list(text: str) -> bool:
    """Whether any line of a text begins with a number or a bullet; few narratives have one."""
    return NUMBERED.match(text) is not None or MARKED_LINE.search(text) is not None


def stands_in_a_list(text: str, finding: Finding) -> bool:
    """Whether a finding is an item of a list of problems: a problem's line with a number or a bullet."""
    line_start = _line_start(text, finding)
    if line_start is None or NUMBERED.match(text, line_start, finding.start) is None:
        return False
    return is_problem_line(text, finding)


def _line_start(text: str, finding: Finding) -> int | None:
    """Where a finding's line begins; None where that is too far away for the finding to be at its head."""
    floor = max(0, finding.start - LONGEST_MARGIN)
    line_start = text.rfind("\n", floor, finding.start) + 1
    return line_start if line_start or not floor else None


def is_problem_line(text: str, finding: Finding) -> bool:
    """Whether a finding names a problem: it stands in a short line, or at the head of one, that is no narrative.

    "1. Type 2 diabetes.", "Hypertension: continue lisinopril", "- Knee pain, likely osteoarthritis" do; "Medical
    reasoning: the patient's knee pain ..." and "He has a history of ..." do not.
    """
    start = _line_start(text, finding)
    if start is None:
        return False
    end = text.find("\n", finding.end, finding.end + LONGEST_REST)
    line = text[start : end if end >= 0 else finding.end + LONGEST_REST]
    marker = NUMBERED.match(line)
    longest = LONGEST_NUMBERED if marker else LONGEST_PROBLEM_LINE
    body_start = marker.end() if marker else 0
    label = LABEL.match(line, body_start)
    body_start = label.end() if label else body_start
    before = line[body_start : finding.start - start]
    if before and (":" in before or len(before) > longest or SENTENCE_END.search(before) or _narrates(before)):
        return False
    first_sentence = FIRST_SENTENCE_END.split(line[body_start:], maxsplit=1)[0]
    return len(first_sentence) <= longest and not _narrates(first_sentence)


def _narrates(words: str) -> bool:
    return NARRATIVE.search(words.lower()) is not None
