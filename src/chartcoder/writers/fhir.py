"""A coded chart as a FHIR R4 Bundle.

Every billed code is a Condition, every family mention a FamilyMemberHistory; a Provenance names the Device that said so
and the document it read. What FHIR has no element for (rank on the list to bill, rule, span) is an extension under
`EXTENSIONS`; docs/formats.md lists them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Result = dict[str, Any]  # `CodedChart.as_dict()`
Resource = dict[str, Any]

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
EXTENSIONS = "urn:chartcoder:fhir:"
CHART_IDS = "urn:chartcoder:chart"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, CHART_IDS)

FAMILY_ROLES = {
    "mother": "MTH", "father": "FTH", "parent": "PRN", "sister": "SIS", "brother": "BRO", "sibling": "SIB",
    "daughter": "DAU", "son": "SON", "child": "CHILD", "grandmother": "GRMTH", "grandfather": "GRFTH",
    "grandparent": "GRPRN", "aunt": "AUNT", "uncle": "UNCLE", "cousin": "COUSN",
}  # fmt: skip
"""Words of a mention or its cue -> HL7's v3-RoleCode; any other relative is FAMMEMB, a family member."""
WORD = re.compile(r"[a-z]+")

NOT_IN_STRINGS = {control: " " for control in range(32) if chr(control) not in "\t\n\r"}
"""Control characters, which R4's string does not allow (2.24.0.1): a space each, so that lengths stay true."""


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision on a code of a chart: accepted, rejected, or added by them. `at` is an instant (ISO 8601)."""

    code: str
    decision: Literal["accept", "reject", "add"]
    by: str
    at: str
    why: str | None = None
    description: str | None = None  # of an added code


def fhir_bundle(
    result: Result,
    *,
    recorded: str | datetime,
    patient: str | None = None,
    reviews: Iterable[Review] = (),
    with_refuted: bool = False,
) -> Resource:
    """The Bundle (type `collection`) of a coded chart.

    A Condition's verificationStatus is `unconfirmed` (`provisional` where the chart itself is not sure) until a person
    accepted the code, then `confirmed`. What a person rejected, and what the chart denies, is left out, or `refuted`
    where `with_refuted` asks for it.

    Args:
        result: a coded chart, as the API and JSON Lines have it.
        recorded: when it was coded, an instant with its zone; a string as FHIR has it.
        patient: a reference such as "Patient/123"; without it the subject is the chart's patient, by the chart's id.
        reviews: decisions on its codes; of several on one code the last counts.
        with_refuted: whether to give what is refuted, too.
    """
    writer = _Writer(result, recorded, patient, {review.code: review for review in reviews})
    resources = list(writer.resources(with_refuted=with_refuted))
    return {
        "resourceType": "Bundle",
        "id": writer.identity("bundle"),
        "type": "collection",
        "timestamp": writer.recorded,
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }


class _Writer:
    def __init__(
        self, result: Result, recorded: str | datetime, patient: str | None, reviews: dict[str, Review]
    ) -> None:
        self.recorded = recorded if isinstance(recorded, str) else recorded.isoformat()
        self._result, self._reviews = result, reviews
        self._chart = {"system": CHART_IDS, "value": result["id"]}
        self._patient = {"reference": patient} if patient else {"type": "Patient", "identifier": self._chart}

    def resources(self, *, with_refuted: bool) -> Iterator[Resource]:
        conditions = [*self._billed(with_refuted), *self._added()]
        if with_refuted:
            conditions += self._denied()
        stated = [*conditions, *self._family()]
        yield from stated
        device = self._device()
        yield device
        if stated:
            yield self._provenance(device, stated)
        yield from self._verifications(conditions)

    def identity(self, *parts: str) -> str:
        """The same each time a chart is written, so that a server that takes it twice sees it once."""
        return str(uuid.uuid5(NAMESPACE, "\n".join((self._result["id"], *parts))))

    # ── conditions ──

    def _billed(self, with_refuted: bool) -> Iterator[Resource]:
        for rank, code in enumerate(self._result["codes"], start=1):
            review = self._reviews.get(code["code"])
            rejected = review is not None and review.decision == "reject"
            if rejected and not with_refuted:
                continue
            found = [self._result["findings"][index] for index in code["evidence"]]
            status = "refuted" if rejected else "confirmed" if review else _unreviewed(found)
            extensions = [_extension("rank", valuePositiveInt=rank)]
            extensions += [_extension("rule", valueString=rule) for rule in code.get("rules", ())]
            extensions += [_span(finding) for finding in found]
            yield self._condition(code["code"], code["description"], status, extensions)

    def _added(self) -> Iterator[Resource]:
        coded = {code["code"] for code in self._result["codes"]}
        for review in self._reviews.values():
            if review.decision == "add" and review.code not in coded:
                yield self._condition(review.code, review.description, "confirmed", [])

    def _denied(self) -> Iterator[Resource]:
        """What the chart says the patient does not have, once a code, with every place that says so."""
        spans: dict[str, list[Result]] = {}
        for finding in self._result["findings"]:
            if finding["assertion"] == "negated" and finding["code"]:
                spans.setdefault(finding["code"], []).append(finding)
        stated = {code["code"] for code in self._result["codes"]}
        for code, found in spans.items():
            if code not in stated:
                yield self._condition(code, found[0]["description"], "refuted", [_span(finding) for finding in found])

    def _condition(self, code: str, description: str | None, status: str, extensions: list[Resource]) -> Resource:
        condition = {
            "resourceType": "Condition",
            "id": self.identity("condition", code),
            "extension": extensions,
            "clinicalStatus": _concept(f"{TERMINOLOGY}/condition-clinical", "active"),
            "verificationStatus": _concept(f"{TERMINOLOGY}/condition-ver-status", status),
            "category": [_concept(f"{TERMINOLOGY}/condition-category", "encounter-diagnosis")],
            "code": self._icd(code, description),
            "subject": self._patient,
        }
        if status == "refuted":
            del condition["clinicalStatus"]  # nothing is active that is not there
        return {name: value for name, value in condition.items() if value != []}

    def _icd(self, code: str, description: str | None) -> Resource:
        coding = {"system": ICD_10_CM, "version": self._result["release"], "code": code}
        return {"coding": [coding | ({"display": description} if description else {})]}

    # ── family ──

    def _family(self) -> Iterator[Resource]:
        date = self._result.get("about", {}).get("date")
        for number, finding in enumerate(self._result["findings"]):
            if finding["assertion"] != "family" or not finding["code"]:
                continue
            yield {
                "resourceType": "FamilyMemberHistory",
                "id": self.identity("family", str(number)),
                "extension": [_span(finding)],
                "status": "partial",
                "patient": self._patient,
                **({"date": date} if date else {}),
                "relationship": _concept(
                    f"{TERMINOLOGY}/v3-RoleCode", _role(f"{finding['cue'] or ''} {finding['text']}")
                ),
                "condition": [{"code": self._icd(finding["code"], finding["description"])}],
            }

    # ── who said so ──

    def _device(self) -> Resource:
        name, _, version = self._result["coder"].rpartition(" ")
        versions = {"software": version, "ICD-10-CM": self._result["release"], "engine": self._result["engine"]}
        return {
            "resourceType": "Device",
            "id": self.identity("device"),
            "deviceName": [{"name": name or version, "type": "model-name"}],
            "version": [{"type": {"text": what}, "value": value} for what, value in versions.items()],
        }

    def _provenance(self, device: Resource, stated: list[Resource]) -> Resource:
        return {
            "resourceType": "Provenance",
            "id": self.identity("provenance"),
            "target": [_reference(resource) for resource in stated],
            "recorded": self.recorded,
            "agent": [{"type": _agent("assembler"), "who": _reference(device)}],
            "entity": [{"role": "source", "what": {"type": "DocumentReference", "identifier": self._chart}}],
        }

    def _verifications(self, conditions: list[Resource]) -> Iterator[Resource]:
        """A Provenance a decision: who, when and why."""
        targets = {condition["code"]["coding"][0]["code"]: condition for condition in conditions}
        for review in self._reviews.values():
            if review.code in targets:
                yield {
                    "resourceType": "Provenance",
                    "id": self.identity("review", review.code, review.at),
                    "target": [_reference(targets[review.code])],
                    "recorded": review.at,
                    **({"reason": [{"text": review.why}]} if review.why else {}),
                    "agent": [{"type": _agent("verifier"), "who": {"display": review.by}}],
                }


def _unreviewed(found: list[Result]) -> str:
    return "provisional" if found and all(one["assertion"] == "possible" for one in found) else "unconfirmed"


def _span(finding: Result) -> Resource:
    """The words that support a statement, with their place in the chart's text (characters, end exclusive)."""
    said = [
        {"url": "text", "valueString": finding["text"].translate(NOT_IN_STRINGS)},
        {"url": "start", "valueUnsignedInt": finding["start"]},
        {"url": "end", "valueUnsignedInt": finding["end"]},
        {"url": "assertion", "valueCode": finding["assertion"]},
    ]
    said += [{"url": name, "valueString": finding[name]} for name in ("section", "cue") if finding[name]]
    return {"url": EXTENSIONS + "evidence", "extension": said}


def _extension(name: str, **value: Any) -> Resource:
    return {"url": EXTENSIONS + name, **value}


def _role(said: str) -> str:
    """Whose history it is, by a mention's own words and its cue."""
    words = WORD.findall(said.lower())
    return next((FAMILY_ROLES[word] for word in words if word in FAMILY_ROLES), "FAMMEMB")


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _agent(role: str) -> Resource:
    return _concept(f"{TERMINOLOGY}/provenance-participant-type", role)


def _reference(resource: Resource) -> Resource:
    return {"reference": f"urn:uuid:{resource['id']}", "type": resource["resourceType"]}
