"""Section I.A and I.B: conventions of the classification and general guidelines."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from chartcoder.coding.assertions import class_of
from chartcoder.coding.coreference import general_codes
from chartcoder.coding.guidelines.draft import Draft
from chartcoder.coding.terminology import lies_in

AT_DISCHARGE = frozenset(
    {"assessment", "diagnoses", "postoperative_diagnosis", "hospital_course", "observation_and_plan"}
)
"""Sections that say how a stay ended."""
INTEGRAL = Path(__file__).with_name("integral_symptoms.tsv")


def code_uncertain_diagnoses_of_inpatients(draft: Draft) -> None:
    """II.H and III.C: at discharge from a hospital, an uncertain diagnosis is coded as if it existed; IV.H: never
    otherwise."""
    for place, finding in enumerate(draft.findings):
        uncertain = finding.assertion == "possible" and finding.section in AT_DISCHARGE
        if uncertain and finding.code and draft.setting == "inpatient":
            draft.bill(finding.code, [place], f"II.H uncertain diagnosis ('{finding.cue}')")


def code_what_resolved_during_the_stay(draft: Draft) -> None:
    """III: what was treated during a stay is coded though it is over at discharge ("acute kidney injury, resolved");
    IV.J: a visit codes it as history."""
    for place, finding in enumerate(draft.findings):
        over = finding.assertion == "historical" and finding.section in AT_DISCHARGE
        resolved = over and finding.cue and "resolved" in finding.cue.lower()
        if resolved and finding.code and draft.setting == "inpatient":
            draft.bill(finding.code, [place], "III treated during the stay, resolved at discharge")


def drop_integral_symptoms(draft: Draft) -> None:
    """I.B.5: signs and symptoms that are part of a confirmed disease are not coded beside it."""
    symptoms = [code for code in draft.candidates if "symptom" in class_of(code)]
    if not symptoms:
        return
    diseases = [code for code in draft.candidates if "symptom" not in class_of(code)]
    for symptom in symptoms:
        integral_to = (code for code in diseases if code.startswith(_diseases_of(symptom)))
        cause = next((code for code in integral_to if not _asks_for(code, symptom, draft)), None)
        if cause:
            draft.reject(symptom, f"symptom of {cause} (I.B.5)")


def _asks_for(code: str, symptom: str, draft: Draft) -> bool:
    """Whether a code asks for its symptoms as additional codes (N40.1), and so does not take them in."""
    return lies_in(symptom, draft.terminology.use_additional(code))


@cache
def _integral() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    rows = []
    for line in INTEGRAL.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            symptoms, diseases = line.split("\t")
            rows.append((tuple(symptoms.split()), tuple(diseases.split())))
    return tuple(rows)


@lru_cache(maxsize=20_000)
def _diseases_of(symptom: str) -> tuple[str, ...]:
    """Beginnings of the codes of diseases that a symptom's code is routinely part of (`integral_symptoms.tsv`)."""
    return tuple(disease for symptoms, diseases in _integral() if symptom.startswith(symptoms) for disease in diseases)


def keep_the_more_specific(draft: Draft) -> None:
    """I.B.2: to the highest level of detail: an unspecified code gives way to a specific one of its category."""
    if len({code[:3] for code in draft.candidates}) == len(draft.candidates):
        return  # each is alone in its category
    for code in list(draft.candidates):
        title = draft.terminology.description(code)
        if code[0] == "C" or not (_says(title, "unspecified") or _says(title, "not specified")):
            continue
        specific = next(
            (
                other
                for other in draft.matching(code[:3])
                if other != code and not _says(draft.terminology.description(other), "unspecified")
            ),
            None,
        )
        if specific:
            draft.reject(code, f"less specific than {specific} (I.B.2)")


def drop_general_words(draft: Draft) -> None:
    """I.B.2: a word as general as "pain" or "infection" is not billed beside what it means (`general_words.tsv`)."""
    for general, prefixes in general_codes("billing").items():
        if general in draft.candidates:
            specific = next((code for code in draft.matching(*prefixes) if code != general), None)
            if specific:
                draft.reject(general, f"less specific than {specific} (I.B.2)")


def join_both_sides(draft: Draft) -> None:
    """I.B.13: where a bilateral code exists, left and right are one code; otherwise both are coded."""
    for code in list(draft.candidates):
        if code not in draft.candidates:
            continue
        sides = _sides_of(code, draft)
        if not sides:
            continue
        left, right, bilateral = sides
        if bilateral and left in draft.candidates and right in draft.candidates:
            evidence = draft.candidates[left].evidence + draft.candidates[right].evidence
            rank = min(draft.candidates[left].rank, draft.candidates[right].rank)
            draft.bill(bilateral, evidence, "I.B.13 laterality", rank=rank)
            for side in (left, right):
                draft.reject(side, f"joined into {bilateral} (I.B.13)")


def _sides_of(code: str, draft: Draft) -> tuple[str, str, str | None] | None:
    """The left, right and bilateral forms of a code whose description says right or left."""
    title = draft.terminology.description(code)
    if not _says(title, " right") and not _says(title, " left"):
        return None
    description = title.lower()
    stem = code[:-1]
    forms: dict[str, str] = {}
    plain = _without_side(description)
    for digit in "0123456789":
        other = draft.terminology.description(stem + digit).lower()
        if other and _without_side(other) == plain:
            side = next((side for side in ("bilateral", "right", "left") if side in other), None)
            if side:
                forms.setdefault(side, stem + digit)
    if "left" in forms and "right" in forms:
        return forms["left"], forms["right"], forms.get("bilateral")
    return None


@lru_cache(maxsize=100_000)
def _says(title: str, words: str) -> bool:
    return words in title.lower()


@lru_cache(maxsize=20_000)
def _without_side(description: str) -> str:
    words = [word.strip(",") for word in description.split()]
    return " ".join(
        word.rstrip("s") for word in words if word not in {"right", "left", "bilateral", "unilateral", "unspecified"}
    )


def drop_excluded(draft: Draft) -> None:
    """I.A.12.a Excludes1: two codes that may never be together; the one assessed first stays, a disease before a
    symptom."""
    order = sorted(
        draft.candidates.values(), key=lambda candidate: ("symptom" in class_of(candidate.code), candidate.rank)
    )
    kept: list[str] = []
    for candidate in order:
        code = candidate.code
        conflict = next(
            (other for other in kept if draft.terminology.exclude_each_other(code, other)),
            None,
        )
        if conflict and not _allowed_together(code, conflict):
            draft.reject(code, f"Excludes1 with {conflict} (I.A.12.a)")
        else:
            kept.append(code)


def _allowed_together(code: str, other: str) -> bool:
    """I.A.12.a: conditions that are unrelated to each other may be coded together; history and status codes are."""
    return code[0] in "ZVWXY" or other[0] in "ZVWXY" or code[:3] == other[:3]


def keep_billable(draft: Draft) -> None:
    """I.B.2: only complete codes are billed."""
    for code in list(draft.candidates):
        if not draft.terminology.is_billable(code):
            draft.reject(code, "not a complete code (I.B.2)")


def sequence(draft: Draft) -> None:
    """II, IV.G and I.A.13: the reason for the visit first; an underlying disease before its manifestation;
    circumstances last."""
    for candidate in draft.candidates.values():
        code = candidate.code
        if code[0] in "VWXY":
            candidate.rank += 1_000_000
        elif code[0] == "Z" and candidate.rank > 0:
            candidate.rank += 10_000
    for code, candidate in draft.candidates.items():
        first = draft.terminology.code_first(code)
        if not first:  # as with most codes
            continue
        causes = [other for other in draft.candidates if other != code and lies_in(other, first)]
        if causes:
            cause = min(causes, key=lambda other: draft.candidates[other].rank)
            if draft.candidates[cause].rank > candidate.rank:
                draft.candidates[cause].rank = candidate.rank - 1
                draft.candidates[cause].rules.append(f"I.A.13 code first, before {code}")
