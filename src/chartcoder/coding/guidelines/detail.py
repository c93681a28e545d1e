"""Section I.A.17 and I.B.2: what the rest of the chart adds to the codes that were assessed."""

from __future__ import annotations

import re
from functools import lru_cache

from chartcoder.coding.assertions import class_of
from chartcoder.coding.guidelines.draft import Draft
from chartcoder.coding.guidelines.selection import NOT_ASSESSED
from chartcoder.coding.lexicon.normalise import singular
from chartcoder.coding.terminology import lies_in

OPEN = re.compile(r"\bunspecified\b|\bnot specified\b", re.I)
SAYS_NOTHING = frozenset(
    {"unspecified", "not", "specified", "as", "part", "site", "side", "of", "the", "or", "and", "in", "with", "without",
     "uncomplicated", "type", "nos", "eye", "ear"}
)  # fmt: skip
TOBACCO = ("F17", "O99.33", "P04", "P96.81", "Z57.31", "Z71.6", "Z72.0", "Z77.22", "Z87.891")
LEFT_TO_THE_STAY = (*TOBACCO, "Z79.84", "Z79.85")
"""What nearly every category of circulation and breathing asks for, and pills for diabetes: on a visit's list where
they were assessed themselves (IV.J), as visits are coded in practice; on a hospital stay's list for the note alone."""
TOLD = frozenset({"history_of_present_illness", "past_medical_history", "past_surgical_history", "chief_complaint"})
LEFT_OUT = NOT_ASSESSED | TOLD
MEASURED = ("Z68", "R29.7", "Z17", "B95", "B96", "B97")


def specify_from_elsewhere(draft: Draft) -> None:
    """I.B.2: to the highest level of detail that the chart gives, wherever it gives it: CKD that was assessed is of the
    stage that the history names.

    Only where the chart names one such code, and its title says all that the open one's says.
    """
    unbilled = {finding.code for _, finding in draft.present() if finding.code and finding.code not in draft.candidates}
    if not unbilled:
        return
    for code in list(draft.candidates):
        if code[0] in "ZVWXY" or not _is_open(draft.terminology.description(code)):
            continue
        if any(other != code and other[:3] == code[:3] for other in draft.candidates):
            continue
        closer = [other for other in unbilled if other[:3] == code[:3] and _says_more(draft, other, code)]
        if len(closer) == 1:
            places = [place for place, finding in draft.present() if finding.code == closer[0]]
            draft.replace(code, closer[0], "I.B.2 the detail that the chart gives elsewhere")
            draft.bill(closer[0], places)


def _says_more(draft: Draft, code: str, than: str) -> bool:
    specific, general = draft.terminology.description(code), draft.terminology.description(than)
    return not _is_open(specific) and _content(general) <= _content(specific)


@lru_cache(maxsize=20_000)
def _is_open(title: str) -> bool:
    return OPEN.search(title) is not None


@lru_cache(maxsize=20_000)
def _content(title: str) -> frozenset[str]:
    return frozenset(map(singular, re.findall(r"[a-z]+", title.lower()))) - SAYS_NOTHING


def use_additional_codes(draft: Draft) -> None:
    """I.A.17: what a billed code asks to be added ("use additional code to identify ...") is, where the problem was
    assessed or planned for, or a number was measured; a drug that only the list of medications names is not (IV.J)."""
    asked = {code: ranges for code in draft.candidates if (ranges := draft.terminology.use_additional(code))}
    if not asked:
        return
    for place, finding in draft.present():
        added = finding.code
        if not added or added in draft.candidates or not _may_be_added(added):
            continue
        if added.startswith(LEFT_TO_THE_STAY) and draft.setting == "outpatient":
            continue
        if finding.section in LEFT_OUT and not added.startswith(MEASURED):
            continue
        code = next((code for code, ranges in asked.items() if lies_in(added, ranges)), None)
        if code:
            draft.bill(added, [place], f"I.A.17 use additional code with {code}", rank=place + BEHIND)


@lru_cache(maxsize=20_000)
def _may_be_added(code: str) -> bool:
    """A code of circumstances, of an organism or of a symptom; another disease is billed where it was assessed."""
    return code.startswith(("B95", "B96", "B97")) or bool({"circumstance", "status", "symptom"} & class_of(code))


BEHIND = 200_000
"""Added to the rank of what is added: behind all that was assessed."""
