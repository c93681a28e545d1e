"""Section I.A and I.B: conventions of the classification and general guidelines."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from chartcoder.coding.assertions import class_of
from chartcoder.coding.coreference import general_codes
from chartcoder.coding.guidelines.chapters import DIABETES
from chartcoder.coding.guidelines.draft import Draft, only_with
from chartcoder.coding.terminology import lies_in

AT_DISCHARGE = frozenset(
    {"assessment", "diagnoses", "postoperative_diagnosis", "hospital_course", "observation_and_plan"}
)
"""Sections that say how a stay ended."""
ONLY_CONFIRMED = ("B20", "Z21", "U07.1", "J12.82", "A92.5", "J09")
"""HIV, COVID-19, Zika, avian and other novel influenza: never coded while uncertain (I.C.1.a.1, I.C.1.f, I.C.1.g.1.a,
I.C.10.c)."""
INTEGRAL = Path(__file__).with_name("integral_symptoms.tsv")


def code_uncertain_diagnoses_of_inpatients(draft: Draft) -> None:
    """II.H and III.C: at discharge from a hospital, an uncertain diagnosis is coded as if it existed; IV.H: never
    otherwise; what is coded only where it is confirmed, never."""
    for place, finding in draft.asserted("possible"):
        if finding.section not in AT_DISCHARGE or not finding.code or draft.setting != "inpatient":
            continue
        if not finding.code.startswith(ONLY_CONFIRMED):
            draft.bill(finding.code, [place], f"II.H uncertain diagnosis ('{finding.cue}')")


def code_what_resolved_during_the_stay(draft: Draft) -> None:
    """III: what was treated during a stay is coded though it is over at discharge ("acute kidney injury, resolved");
    IV.J: a visit codes it as history."""
    for place, finding in draft.asserted("historical"):
        resolved = finding.section in AT_DISCHARGE and finding.cue and "resolved" in finding.cue.lower()
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
        if specific and not (code.startswith(DIABETES) and specific[:5] != code[:5]):
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
    _put_first(draft)
    for code, candidate in draft.candidates.items():
        first = draft.terminology.code_first(code)
        if not first:  # as with most codes
            continue
        causes = [
            other
            for other in draft.candidates
            if other != code and lies_in(other, first) and not _is_adverse_effect(other)
        ]
        if causes:
            cause = min(causes, key=lambda other: draft.candidates[other].rank)
            if draft.candidates[cause].rank > candidate.rank:
                draft.candidates[cause].rank = candidate.rank - 1
                draft.candidates[cause].rules.append(f"I.A.13 code first, before {code}")


def _is_adverse_effect(code: str) -> bool:
    """I.C.19.e.5.a: what a drug did that was taken rightly comes behind its effect, wherever the note "code first" has
    the poisonings by that drug."""
    return code[0] == "T" and code[6:7] == "5" and code.startswith(POISONINGS)


POISONINGS = ("T36", "T37", "T38", "T39", "T4", "T50")


@only_with("A40", "A41", *POISONINGS, "Z51")
def _put_first(draft: Draft) -> None:
    """What the chapters put before all else: a poisoning before what it does (I.C.19.e.5.b), sepsis before the
    infection that it came from and its severity behind it (I.C.1.d.4), treatment of a neoplasm that was the reason to
    come (I.C.2.e.2)."""
    rank = min((candidate.rank for candidate in draft.candidates.values()), default=0)
    infected = len(draft.matching(*INFECTIONS)) > 0
    poisonings = [code for code in draft.matching(*POISONINGS) if code[6:7] in set("1234")]
    groups = (
        draft.matching("R65.2") if draft.matching("A40", "A41") else [],
        draft.matching("A40", "A41") if infected or draft.matching("R65.2") else [],
        poisonings,
        draft.matching("Z51.0", "Z51.1"),
    )
    for group in groups:
        for code in reversed(group):
            rank -= 1
            draft.candidates[code].rank = rank


INFECTIONS = ("A0", "G00", "I33", "J", "K57", "K65", "K81", "K83.0", "L03", "M00", "N1", "N30", "N39.0")
"""What sepsis may come from."""
