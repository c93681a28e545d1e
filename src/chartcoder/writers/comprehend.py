"""A coded chart as Amazon Comprehend Medical's InferICD10CM answers it, so that code written for that needs no change.

Source: the service's API reference, `InferICD10CM` and `ICD10CMEntity`. What differs in meaning: this coder decides
by rules and has no probabilities, so every Score is 1.0; a historical finding has no trait there, and none here; the
concepts of an entity begin with what the chart is billed with for it.
"""

from __future__ import annotations

from typing import Any

Result = dict[str, Any]  # `CodedChart.as_dict()`

CERTAIN = 1.0
TRAITS = {
    "negated": "NEGATION",
    "possible": "LOW_CONFIDENCE",
    "hypothetical": "HYPOTHETICAL",
    "family": "PERTAINS_TO_FAMILY",
    "other_person": "PERTAINS_TO_FAMILY",
}
SYMPTOMS = "R"  # chapter 18 of ICD-10-CM: symptoms, signs and abnormal findings


def comprehend_answer(result: Result) -> dict[str, Any]:
    """The answer of `InferICD10CM` to a coded chart: an entity a coded span, in the order of the text. Offsets count
    characters, as everywhere; `PaginationToken` is absent, since nothing is ever cut off."""
    spans: dict[tuple[int, int], list[tuple[int, Result]]] = {}
    for index, finding in enumerate(result["findings"]):
        if finding["code"]:
            spans.setdefault((finding["start"], finding["end"]), []).append((index, finding))
    entities = [_entity(number, found, result["codes"]) for number, (_, found) in enumerate(sorted(spans.items()))]
    return {"Entities": entities, "ModelVersion": result["coder"].rpartition(" ")[2]}


def _entity(number: int, found: list[tuple[int, Result]], billed: list[Result]) -> dict[str, Any]:
    indexes = {index for index, _ in found}
    first = found[0][1]
    concepts = {code["code"]: code["description"] for code in billed if not indexes.isdisjoint(code["evidence"])}
    for _, finding in found:
        concepts.setdefault(finding["code"], finding["description"])
    return {
        "Id": number,
        "Text": first["text"],
        "Category": "MEDICAL_CONDITION",
        "Type": "DX_NAME",
        "Score": CERTAIN,
        "BeginOffset": first["start"],
        "EndOffset": first["end"],
        "Attributes": [],
        "Traits": [{"Name": name, "Score": CERTAIN} for name in _traits(first)],
        "ICD10CMConcepts": [
            {"Description": description or "", "Code": code, "Score": CERTAIN} for code, description in concepts.items()
        ],
    }


def _traits(finding: Result) -> list[str]:
    kind = "SYMPTOM" if finding["code"].startswith(SYMPTOMS) else "DIAGNOSIS"
    said = TRAITS.get(finding["assertion"])
    return [kind, said] if said else [kind]
