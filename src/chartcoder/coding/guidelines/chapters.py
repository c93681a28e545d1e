"""Section I.C: chapter-specific guidelines."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from chartcoder.coding.assertions import class_of, holds_of_patient
from chartcoder.coding.guidelines.draft import Draft, only_with
from chartcoder.coding.inner.any_word import AnyWord
from chartcoder.coding.lowering import begun_by

HISTORY = Path(__file__).with_name("history_codes.tsv")
SUBSEQUENT = begun_by(
    r"follow[- ]?up (?:visit |appointment )?(?:for|of|after)\b", r"routine healing\b", r"healing (?:well|fracture)\b",
    r"cast (?:removal|change|check)\b", r"weeks? post[- ]?op\b", r"status post (?:orif|fixation)\b",
    r"s/p (?:orif|fixation)\b", r"subsequent encounter\b", r"post[- ]?operative visit\b", r"here for follow[- ]?up\b",
)  # fmt: skip
WITH_A_SEVENTH = ("S", "T", "V", "W", "X", "Y", "M")
"""Chapters of injuries, their causes, and fractures, whose seventh character is the encounter."""
WORDS_OF_AFTERCARE = AnyWord(
    [
        "up for", "up of", "up after", "up visit", "up appointment", "followup", "for follow*", "healing", "cast",
        "post-op*", "post op*", "postop*", "operative visit", "orif", "fixation", "subsequent encounter",
    ]
)  # fmt: skip
"""What the pattern cannot do without, quicker to look for."""
HISTORY_CODED_IN = frozenset({"assessment", "observation_and_plan", "problem_list"})
EXPOSED = re.compile(r"\b(?:expos(?:ed|ure)|contacts?|partner)\b[^.;\n]*$", re.I)
EXPOSURE_LEAD = 80  # characters
EXPOSED_IN = frozenset({None, "chief_complaint", "assessment", "observation_and_plan", "problem_list"})
SEPSIS = ("A40", "A41", "A02.1", "A22.7", "A26.7", "A32.7", "A42.7", "A54.86", "B37.7", "O85", "P36", "T81.44")
SEQUELA = begun_by(r"sequelae?\b", r"late effects?\b", r"old (?:fracture|injury)\b", r"residual\b")
WORDS_OF_A_SEQUELA = AnyWord(["sequela*", "late effect*", "old fracture", "old injury", "residual"])


@only_with("N18")
def join_diabetes_with_kidney_disease(draft: Draft) -> None:
    """I.C.4.a and I.A.15 "with": diabetes and chronic kidney disease are linked unless the chart says otherwise."""
    kidney = draft.matching("N18")
    for code in draft.matching("E08.9", "E09.9", "E10.9", "E11.9", "E13.9"):
        if kidney:
            new = code[:3] + ".22"
            draft.bill(new, draft.candidates[kidney[0]].evidence)
            draft.candidates[new].rank = draft.candidates[code].rank
            draft.replace(code, new, "I.A.15 'with': diabetes with chronic kidney disease")


DIABETES = ("E08", "E09", "E10", "E11", "E13")
"""As many codes of these as there are complications (I.C.4.a)."""
DIABETES_WITH = (
    (("G62.9", "G60.9", "G62.89"), "40", False),
    (("I73.9",), "51", False),
    (("K31.84",), "43", True),
    (("L97.3", "L97.4", "L97.5"), "621", True),
    (("M86",), "69", True),
    (("R73.9",), "65", False),
    (("E16.2",), "649", False),
    (("H35.00",), "319", False),
    (("I96",), "52", False),
)
"""What the index has under "Diabetes, with": the condition's codes, the digits behind the point, and whether the
condition is coded beside it."""
POLYNEUROPATHY = re.compile(r"poly|peripheral|feet|stocking", re.I)


@only_with(*DIABETES)
def join_diabetes_with_complications(draft: Draft) -> None:
    """I.A.15 "with" and I.C.4.a: diabetes and what the index lists under it are linked, and each gives its own code."""
    diabetes = next(iter(draft.matching(*DIABETES)), None)
    if diabetes is None:
        return
    for prefixes, digits, stays in DIABETES_WITH:
        for other in draft.matching(*prefixes):
            said = " ".join(draft.findings[place].text for place in draft.candidates[other].evidence)
            ending = "42" if digits == "40" and POLYNEUROPATHY.search(said) else digits
            new = f"{diabetes[:3]}.{ending}"
            if new not in draft.terminology:
                continue
            rule = f"I.A.15 'with': diabetes with {other}"
            if stays:
                draft.bill(new, draft.candidates[other].evidence, rule, rank=draft.candidates[other].rank - 1)
            else:
                draft.replace(other, new, rule)
    plain = f"{diabetes[:3]}.9"
    if plain in draft.candidates and len(draft.matching(diabetes[:3])) > 1:
        draft.reject(plain, "diabetes with a complication that is coded (I.C.4.a)")


@only_with("Z17")
def join_receptors(draft: Draft) -> None:
    """I.A.17 at C50: receptors of hormones and of HER2 that are both told have one code (Z17.41-, Z17.42-)."""
    hormone = draft.matching("Z17.0", "Z17.1", "Z17.2")
    growth_factor = draft.matching("Z17.3")
    if not hormone or len(growth_factor) != 1:
        return
    positive = any(code in {"Z17.0", "Z17.21"} for code in hormone)
    new = f"Z17.4{'1' if positive else '2'}{'0' if growth_factor[0] == 'Z17.31' else '1'}"
    for code in (*hormone, *growth_factor):
        draft.replace(code, new, "Z17 hormone receptors with HER2")


@only_with("I10")
def join_hypertension_with_heart_and_kidney(draft: Draft) -> None:
    """I.C.9.a: hypertension with heart failure is I11.0, with chronic kidney disease I12, with both I13."""
    if "I10" not in draft.candidates:
        return
    heart = draft.matching("I50", "I51.4", "I51.5", "I51.7", "I51.81", "I51.89", "I51.9")
    failure = draft.matching("I50")
    kidney = draft.matching("N18")
    late = any(code in {"N18.5", "N18.6"} for code in kidney)
    if heart and kidney:
        new = ("I13.2" if late else "I13.0") if failure else ("I13.11" if late else "I13.10")
    elif kidney:
        new = "I12.0" if late else "I12.9"
    elif failure:
        new = "I11.0"
    elif heart:
        new = "I11.9"
    else:
        return
    first = min(draft.candidates[code].rank for code in ("I10", *heart, *kidney))
    for code in (*heart, *kidney):
        draft.bill(new, draft.candidates[code].evidence)
    draft.replace("I10", new, "I.C.9.a hypertension with heart or kidney disease")
    draft.candidates[new].rank = first - 1


@only_with("E11")
def keep_one_type_of_diabetes(draft: Draft) -> None:
    """I.C.4.a.2: diabetes is type 2 where no type is given; a chart that says type 1 anywhere gives one."""
    untyped = draft.matching("E11")
    if not untyped:
        return
    types = {finding.code[:3] for _, finding in draft.present() if finding.code and finding.code[:3] in {"E10", "E13"}}
    if len(types) != 1:
        return
    said = types.pop()
    for code in untyped:
        new = said + code[3:]
        if new in draft.terminology:
            draft.replace(code, new, f"I.C.4.a.2 type of diabetes: the chart says {said}")


@cache
def _history_codes() -> tuple[tuple[tuple[str, ...], str, str], ...]:
    rows = []
    for line in HISTORY.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, prefixes, code = line.split("\t")
            rows.append((tuple(prefixes.split()), kind, code))
    return tuple(rows)


def history_code(code: str, kind: str) -> str | None:
    """The Z code that says that a condition is over ("personal") or runs in the family ("family"); None where there
    is none."""
    matching = [
        (max(len(prefix) for prefix in prefixes if code.startswith(prefix)), history)
        for prefixes, row_kind, history in _history_codes()
        if row_kind == kind and code.startswith(prefixes)
    ]
    return max(matching)[1] if matching else None


def code_history(draft: Draft) -> None:
    """I.C.21.c.4: what is over, or runs in the family, is coded as such where it was assessed; I.C.2.m for
    neoplasms."""
    for place, finding in draft.asserted("historical", "family"):
        kind = "family" if finding.assertion == "family" else "personal"
        if not finding.code or finding.section not in HISTORY_CODED_IN:
            continue
        if holds_of_patient(finding) or finding.code in draft.candidates:
            continue  # says so itself, or is coded as present
        remission = kind == "personal" and finding.cue == "in remission" and in_remission(finding.code, None, draft)
        code = remission or history_code(finding.code, kind)
        if remission:
            draft.bill(remission, [place], "I.C.2.n in remission")
        elif code:
            draft.bill(code, [place], f"I.C.21.c.4 {kind} history of {finding.code}")


REMISSION = re.compile(
    r"(?:,?\s*(?:mild|moderate|severe|single episode|recurrent|unspecified)){0,3},?\s*\(?(?:currently |now )?"
    r"in\s+(?:(early|sustained|full|partial|complete)\s+)?remission",
    re.I,
)
MAY_REMIT = ("F1", "F32", "F33", "C8", "C90", "C91", "C92", "C93", "C94", "C95")
HOW_FAR = {"partial": {"F32": "F32.4", "F33": "F33.41"}, "full": {"F32": "F32.5", "F33": "F33.42"}}


@only_with(*MAY_REMIT)
def specify_remission(draft: Draft) -> None:
    """I.C.5.b.1 and I.C.2.n: what is said to be in remission behind a diagnosis ("alcohol use disorder, moderate, in
    early remission") has a code of its own."""
    for code in draft.matching(*MAY_REMIT):
        for place in draft.candidates[code].evidence:
            end = draft.findings[place].end
            said = REMISSION.match(draft.view.text, end, end + 80)
            new = in_remission(code, said[1], draft) if said else None
            if new and code in draft.candidates:
                draft.replace(code, new, "I.C.5.b.1, I.C.2.n in remission")


def in_remission(code: str, how_far: str | None, draft: Draft) -> str | None:
    """The code for a disease in remission; None where it has none, or does not leave open what it is in."""
    far = "full" if how_far in {"full", "complete", "sustained"} else how_far
    if code.startswith(("F32", "F33")):
        return HOW_FAR.get(far or "", {}).get(code[:3])
    new = code[:-1] + ("A" if code[:2] == "C8" else "1")
    return new if "in remission" in draft.terminology.description(new) and new != code else None


def code_exposure(draft: Draft) -> None:
    """I.C.21.c.1: another person's disease is never the patient's; where the chart says that the patient was exposed,
    the contact is coded."""
    for place, finding in draft.asserted("other_person"):
        if not finding.code or finding.section not in EXPOSED_IN:
            continue
        before = draft.view.text[max(0, finding.start - EXPOSURE_LEAD) : finding.start]
        code = history_code(finding.code, "exposure") if EXPOSED.search(before) else None
        if code:
            draft.bill(code, [place], f"I.C.21.c.1 contact with {finding.code}")


@only_with("S", "T")
def code_external_causes(draft: Draft) -> None:
    """I.C.20: how an injury came about is coded with it; never first, never alone."""
    if not any(code[0] in "ST" for code in draft.candidates):
        return
    for place, finding in draft.present():
        if finding.code and "external" in class_of(finding.code):
            draft.bill(finding.code, [place], "I.C.20 external cause of the injury", rank=place + 500_000)


@only_with("R65")
def code_sepsis_beside_its_severity(draft: Draft) -> None:
    """I.C.1.d.1.b: severe sepsis and septic shock take two codes at least, first the systemic infection."""
    severity = draft.matching("R65.2")
    if severity and not draft.matching(*SEPSIS):
        held = draft.candidates[severity[0]]
        draft.bill("A41.9", held.evidence, f"I.C.1.d.1.b sepsis, with {severity[0]}", rank=held.rank)


@only_with("O")
def code_weeks_of_gestation(draft: Draft) -> None:
    """I.C.21.c.11 and chapter 15's own note: the weeks of gestation stand beside a code of the pregnancy, wherever the
    chart tells them; not where the pregnancy ended before its time (O00 to O08)."""
    if not any(code[0] == "O" and code[1:3] > "08" for code in draft.candidates):
        return
    for place, finding in draft.present():
        if finding.code and finding.code.startswith("Z3A") and not draft.matching("Z3A"):
            draft.bill(finding.code, [place], "I.C.21.c.11 weeks of gestation", rank=place + WEEKS_BEHIND)


WEEKS_BEHIND = 300_000
"""Added to the rank of the weeks of gestation: behind all that was assessed."""
TRIMESTER = re.compile(r"\b(first|second|third|1st|2nd|3rd)[ -]trimester\b", re.I)
TRIMESTERS = ("first", "second", "third")


@only_with("O")
def set_trimester(draft: Draft) -> None:
    """I.C.15.a.3 and chapter 15's own note: the first trimester ends before 14 weeks 0 days, the second before 28; the
    provider's word or number of weeks gives it."""
    unset = [code for code in draft.matching("O") if "unspecified trimester" in draft.terminology.description(code)]
    trimester = _trimester(draft) if unset else None
    if trimester is None:
        return
    for code in unset:
        wanted = draft.terminology.description(code).replace("unspecified trimester", f"{trimester} trimester")
        siblings = (code[:-1] + digit for digit in "12345")
        new = next((sibling for sibling in siblings if draft.terminology.description(sibling) == wanted), None)
        if new:
            draft.replace(code, new, f"I.C.15.a.3 {trimester} trimester")


def _trimester(draft: Draft) -> str | None:
    weeks = {int(f.code[4:6]) for _, f in draft.present() if f.code and re.fullmatch(r"Z3A\.[1-4]\d", f.code)}
    if len(weeks) == 1:
        return TRIMESTERS[(min(weeks) >= 14) + (min(weeks) >= 28)]
    said = {word[0].lower() for word in TRIMESTER.findall(draft.view.text[:20_000])}
    return TRIMESTERS["fst".index(said.pop().translate(str.maketrans("123", "fst")))] if len(said) == 1 else None


@only_with(*WITH_A_SEVENTH)
def set_seventh_character(draft: Draft) -> None:
    """I.C.19.a: A while treatment is active, D in aftercare and healing, S for what an injury left behind."""
    injuries = [code for code in draft.candidates if len(code) == 8 and code[7] in "AB" and code[0] in WITH_A_SEVENTH]
    if not injuries:
        return
    low = draft.view.lower[:20_000]
    wanted = (
        "D"
        if draft.view.says(WORDS_OF_AFTERCARE) and SUBSEQUENT.search(low)
        else "S"
        if draft.view.says(WORDS_OF_A_SEQUELA) and SEQUELA.search(low)
        else None
    )
    if wanted is None:
        return
    for code in injuries:
        new = code[:7] + wanted
        if new in draft.terminology:
            draft.replace(code, new, "I.C.19.a seventh character")
