"""Section I.A.15, I.B.9 and I.C: two codes that together are one, or make a third."""

from __future__ import annotations

from chartcoder.coding.guidelines.draft import Draft, only_with

ANGINA = {"I20.0": "I25.110", "I20.1": "I25.111", "I20.2": "I25.112", "I20.81": "I25.118", "I20.89": "I25.118"}
LOWER_RESPIRATORY_INFECTION = ("J12", "J13", "J14", "J15", "J16", "J17", "J18", "J20", "J22", "J69.0")
SUBSTANCES = ("F10", "F11", "F12", "F13", "F14", "F15", "F16", "F18", "F19")
USED_MORE_AND_MORE = (".9", ".1", ".2")
"""Use, abuse, dependence: what stands behind a substance's category."""
BURNS = ("T20", "T21", "T22", "T23", "T24", "T25")
SUPERFICIAL = "0"
"""The third character of a superficial injury in the categories S00 to S99."""


@only_with("I20")
def join_angina_with_coronary_disease(draft: Draft) -> None:
    """I.C.9.b: coronary disease and angina are taken to belong together unless the chart says otherwise."""
    if "I25.10" not in draft.candidates:
        return
    for angina in draft.matching("I20"):
        new = ANGINA.get(angina, "I25.119")
        rule = "I.C.9.b coronary disease with angina"
        draft.replace(angina, new, rule)
        if "I25.10" in draft.candidates:
            draft.replace("I25.10", new, rule)


@only_with("J44")
def join_copd_with_infection(draft: Draft) -> None:
    """I.C.10.a and the note at J44.0: COPD with an acute infection of the lower airways, which is coded beside it; an
    exacerbation (J44.1) is another thing and stays."""
    infections = draft.matching(*LOWER_RESPIRATORY_INFECTION)
    copd = draft.matching("J44.9", "J44.1")
    if not infections or not copd:
        return
    rule = f"I.C.10.a COPD with {infections[0]}"
    if copd[0] == "J44.9":
        draft.replace("J44.9", "J44.0", rule)
    else:
        held = draft.candidates[copd[0]]
        draft.bill("J44.0", held.evidence, rule, rank=held.rank)


@only_with("D64")
def join_anemia_with_its_cause(draft: Draft) -> None:
    """I.A.15 "with": what the index has under "Anemia, in (due to)(with)" is linked: neoplastic disease, chronic kidney
    disease."""
    if "D64.9" not in draft.candidates:
        return
    evidence = draft.candidates["D64.9"].evidence
    for prefixes, new in ((("N18",), "D63.1"), (("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9"), "D63.0")):
        causes = draft.matching(*prefixes)
        if causes:
            draft.bill(new, evidence, f"I.A.15 'with': anemia in {causes[0]}", rank=draft.candidates["D64.9"].rank)
            draft.reject("D64.9", f"replaced by {new} (I.A.15 'with': anemia in {causes[0]})")
            return


@only_with(*SUBSTANCES)
def keep_one_pattern_of_use(draft: Draft) -> None:
    """I.C.5.b.2: of use, abuse and dependence of one substance only the furthest is coded."""
    for substance in SUBSTANCES:
        patterns = [draft.matching(substance + pattern) for pattern in USED_MORE_AND_MORE]
        for place, codes in enumerate(patterns):
            further = next((more[0] for more in reversed(patterns[place + 1 :]) if more), None)
            for code in codes if further else ():
                draft.reject(code, f"{further} goes further (I.C.5.b.2)")


@only_with(*BURNS)
def keep_the_deepest_burn(draft: Draft) -> None:
    """I.C.19.d.2: of burns of one site and side only the deepest is coded. The character behind the point is the
    degree, the two behind it are site and side."""
    burns = draft.matching(*BURNS)
    for burn in burns:
        deeper = next((b for b in burns if b[:3] == burn[:3] and b[5:7] == burn[5:7] and b[4] > burn[4]), None)
        if deeper:
            draft.reject(burn, f"{deeper} is deeper (I.C.19.d.2)")
    left = draft.matching(*BURNS)
    ranks = sorted(draft.candidates[burn].rank for burn in left)
    for burn, rank in zip(sorted(left, key=lambda burn: burn[4], reverse=True), ranks, strict=True):
        draft.candidates[burn].rank = rank  # I.C.19.d.1: the deepest first


@only_with("S")
def drop_superficial_injuries(draft: Draft) -> None:
    """I.C.19.b.1: an abrasion or a contusion is not coded beside a severer injury of the same site and side."""
    injuries = draft.matching("S")
    for injury in injuries:
        if injury[2] != SUPERFICIAL:
            continue
        beside = (other for other in injuries if other[1] == injury[1] and other[2] != SUPERFICIAL)
        severer = next((other for other in beside if not _other_side(draft, other, injury)), None)
        if severer:
            draft.reject(injury, f"superficial, beside {severer} (I.C.19.b.1)")


def _other_side(draft: Draft, code: str, other: str) -> bool:
    sides = [
        {side for side in ("left", "right") if side in draft.terminology.description(each).lower()}
        for each in (code, other)
    ]
    return all(sides) and sides[0].isdisjoint(sides[1])
