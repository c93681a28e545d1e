"""FHIR R4: DocumentReference, DiagnosticReport, Composition, Binary, and a Bundle that holds one of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chartcoder.chart import Chart, GivenCode, Setting
from chartcoder.errors import SeveralCharts, UnreadableChart
from chartcoder.readers.fhir_validation import validate
from chartcoder.readers.limits import SPLIT
from chartcoder.readers.rendering import ChartText, html_as_text
from chartcoder.readers.vocabulary import INPATIENT_DOCUMENTS, LOINC, SETTING_OF_ACT, category_of, day_of

if TYPE_CHECKING:
    from chartcoder.readers.dispatch import Inner

Resource = dict[str, Any]

DOCUMENTS = ("DocumentReference", "DiagnosticReport", "Composition")
WITHDRAWN = frozenset({"entered-in-error", "cancelled"})
PREFERRED = ("xml", "html", "text/plain", "rtf", "word", "pdf")
"""Of one document in several content types the one that keeps most of its structure."""


def read_fhir(resource: Resource, *, chart_id: str, inner: Inner) -> Chart:
    """The chart of a document in FHIR.

    A DocumentReference is its attachment, a DiagnosticReport its presented form (or its narrative and conclusion), a
    Composition its sections' narratives under their titles. A Bundle of type `document` is its Composition; another
    Bundle may hold one document, beside the Encounter, Binary, PractitionerRole and Conditions it refers to.

    Raises:
        UnreadableChart: it holds no document, is not valid R4, was withdrawn, or its content lies elsewhere.
        SeveralCharts: the Bundle holds several documents.
    """
    entries: list[Resource] = []
    if resource["resourceType"] == "Bundle":
        entries = bundle_entries(resource)
        resource = _document_of(resource)
    kind = resource["resourceType"]
    if kind == "Binary":
        return inner(_decoded(resource))
    if kind not in DOCUMENTS:
        raise UnreadableChart(f"the FHIR resource is none of {', '.join(DOCUMENTS)}, Binary or Bundle")
    validate(resource)
    if WITHDRAWN & {resource.get("status"), resource.get("docStatus")}:
        raise UnreadableChart(f"the {kind} was withdrawn: its status is entered-in-error or cancelled")
    company = _Company(entries, resource)
    chart = _READERS[kind](resource, company, chart_id, inner)
    return _with_facts(chart, resource, company)


def bundle_entries(bundle: Resource) -> list[Resource]:
    """A Bundle's entries that hold a resource. Raises UnreadableChart."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnreadableChart("the Bundle's entry is not a list of objects")
    return [entry for entry in entries if isinstance(entry.get("resource"), dict)]


def documents_of(bundle: Resource) -> list[Resource]:
    """The entries of a Bundle that are documents; of a Bundle of type `document` its Composition alone.

    A DiagnosticReport without text of its own (a laboratory's panel: values alone) is no document.
    """
    entries = bundle_entries(bundle)
    if bundle.get("type") == "document":
        return [entry for entry in entries[:1] if entry["resource"].get("resourceType") == "Composition"]
    return [entry for entry in entries if _is_document(entry["resource"])]


def places_of(entries: Iterable[Resource]) -> dict[str, Resource]:
    """Entries by what references call them: `Type/id`, and their full address."""
    places = {}
    for entry in entries:
        places[f"{entry['resource'].get('resourceType')}/{entry['resource'].get('id')}"] = entry
        places[str(entry.get("fullUrl"))] = entry
    return places


def entry_at(address: Any, places: dict[str, Resource]) -> Resource | None:
    """The entry that a reference or an attachment's address points at, if it came along."""
    if not isinstance(address, str):
        return None
    return places.get(address) or places.get("/".join(address.rstrip("/").split("/")[-2:]))


def _is_document(resource: Resource) -> bool:
    if resource.get("resourceType") == "DiagnosticReport":
        return any(resource.get(name) for name in ("presentedForm", "conclusion", "text"))
    return resource.get("resourceType") in DOCUMENTS


def _document_of(bundle: Resource) -> Resource:
    documents = documents_of(bundle)
    if len(documents) > 1:
        raise SeveralCharts(f"the Bundle holds {len(documents):,} documents: {SPLIT}")
    if not documents:
        documents = [one for one in bundle_entries(bundle) if one["resource"].get("resourceType") == "Binary"]
        if len(documents) != 1:
            raise UnreadableChart(f"the Bundle holds no document; expected one of {', '.join(DOCUMENTS)}")
    resource: Resource = documents[0]["resource"]
    return resource


class _Company:
    """The resources that came along with a document: in its Bundle, or contained in it."""

    def __init__(self, entries: list[Resource], document: Resource) -> None:
        contained = [{"fullUrl": f"#{one.get('id')}", "resource": one} for one in document.get("contained", [])]
        self._entries = [*contained, *entries]
        self._places = places_of(self._entries)

    def find(self, address: Any) -> Resource:
        """The resource at an address; an empty one where it did not come along."""
        found = entry_at(address, self._places)
        return found["resource"] if found else {}

    def of_type(self, kind: str) -> Iterator[Resource]:
        resources = (entry["resource"] for entry in self._entries)
        return (resource for resource in resources if resource.get("resourceType") == kind)


def _read_reference(resource: Resource, company: _Company, chart_id: str, inner: Inner) -> Chart:
    return inner(_attached([content["attachment"] for content in resource["content"]], company))


def _read_report(resource: Resource, company: _Company, chart_id: str, inner: Inner) -> Chart:
    forms = resource.get("presentedForm", [])
    if any("data" in form or company.find(form.get("url")) for form in forms):
        return inner(_attached(forms, company))
    text = ChartText()
    narrative = html_as_text(resource.get("text", {}).get("div", ""))
    text.add(None, narrative)
    conclusion = resource.get("conclusion", "")
    if conclusion and conclusion not in narrative:
        text.add("Conclusion:", conclusion, "assessment")
    if not text.text and forms:
        _attached(forms, company)  # says that the report lies elsewhere
    return Chart(chart_id, text.text, sections=tuple(text.sections))


def _read_composition(resource: Resource, company: _Company, chart_id: str, inner: Inner) -> Chart:
    text = ChartText()
    for section in _sections(resource.get("section", [])):
        code = _coded(section.get("code"), LOINC)
        text.add(section.get("title"), html_as_text(section.get("text", {}).get("div", "")), category_of(code))
    if not text.text:
        text.add(None, html_as_text(resource.get("text", {}).get("div", "")))
    return Chart(chart_id, text.text, sections=tuple(text.sections))


_READERS = {
    "DocumentReference": _read_reference,
    "DiagnosticReport": _read_report,
    "Composition": _read_composition,
}


def _sections(sections: list[Resource]) -> Iterator[Resource]:
    for section in sections:
        yield section
        yield from _sections(section.get("section", []))


def _attached(attachments: list[Resource], company: _Company) -> bytes:
    """The bytes of the attachment to read, out of several that are the same document."""

    def preference(attachment: Resource) -> int:
        said = str(attachment.get("contentType", "")).lower()
        return next((rank for rank, kind in enumerate(PREFERRED) if kind in said), len(PREFERRED))

    for attachment in sorted(attachments, key=preference):
        holder = attachment if "data" in attachment else company.find(attachment.get("url"))
        if holder:
            return _decoded(holder)
    raise UnreadableChart("the document's content is a link; expected it inline, in the attachment's data")


def _decoded(attachment: Resource) -> bytes:
    """The bytes of an Attachment's or a Binary's data; text whose charset is said comes as UTF-8."""
    data = attachment.get("data", "")
    try:
        content = base64.b64decode("".join(data.split()) if isinstance(data, str) else b"", validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableChart("the attachment's data is not valid base64") from None
    if not content:
        raise UnreadableChart("the attachment has no data")
    kind, _, charset = str(attachment.get("contentType", "")).partition("charset=")
    if charset and kind.strip().lower().startswith("text/"):
        try:
            return content.decode(charset.split(";")[0].strip(" \"'")).encode()
        except (LookupError, ValueError):
            return content  # it is not in what it says: told by the content
    return content


def _with_facts(chart: Chart, resource: Resource, company: _Company) -> Chart:
    """The chart with what the resource says of the document; what the attachment said of itself fills the gaps."""
    kind = _coded(resource.get("type") or resource.get("code"), LOINC)
    given = [*chart.given, *_given_codes(resource, company)]
    return replace(
        chart,
        format="fhir",
        setting=_setting(resource, company) or chart.setting or ("inpatient" if kind in INPATIENT_DOCUMENTS else None),
        date=_date(resource) or chart.date,
        kind=kind or chart.kind,
        author_role=_author_role(resource, company) or chart.author_role,
        given=tuple(dict.fromkeys(given)),
    )


def _date(resource: Resource) -> str | None:
    periods = (
        resource.get("effectivePeriod", {}),
        resource["context"].get("period", {}) if isinstance(resource.get("context"), dict) else {},
        *(event.get("period", {}) for event in resource.get("event", [])),
    )
    dates = (resource.get("effectiveDateTime"), *(period.get("start") for period in periods))
    return next((day_of(date) for date in (*dates, resource.get("date"), resource.get("issued")) if date), None)


def _setting(resource: Resource, company: _Company) -> Setting | None:
    """Of the Encounter, if it came along."""
    context = resource.get("context")
    encounters = context.get("encounter", []) if isinstance(context, dict) else [resource.get("encounter") or {}]
    for reference in encounters:
        act = company.find(reference.get("reference")).get("class")
        code = act.get("code") if isinstance(act, dict) else None
        if isinstance(code, str) and code in SETTING_OF_ACT:
            return SETTING_OF_ACT[code]
    return None


def _author_role(resource: Resource, company: _Company) -> str | None:
    """Of a PractitionerRole that came along; an author's name is no role, and is left where it is."""
    for reference in [*resource.get("author", []), *resource.get("performer", [])]:
        role = company.find(reference.get("reference"))
        for concept in [*_objects(role.get("specialty")), *_objects(role.get("code"))]:
            displays = [coding.get("display") for coding in _objects(concept.get("coding"))]
            said = next((one for one in [concept.get("text"), *displays] if isinstance(one, str) and one), None)
            if said:
                return said
    return None


def _given_codes(resource: Resource, company: _Company) -> Iterator[GivenCode]:
    """The report's conclusion codes, and the Conditions that came along."""
    concepts = _objects(resource.get("conclusionCode"))
    concepts += [one["code"] for one in company.of_type("Condition") if isinstance(one.get("code"), dict)]
    for concept in concepts:
        for coding in _objects(concept.get("coding")):
            system, code, display = (coding.get(name) for name in ("system", "code", "display"))
            if isinstance(system, str) and isinstance(code, str):
                yield GivenCode(system, code, display if isinstance(display, str) else None)


def _coded(concept: Resource | None, system: str) -> str | None:
    """A concept's code in `system`; else its first one."""
    codings = _objects((concept or {}).get("coding"))
    codings.sort(key=lambda coding: coding.get("system") != system)
    return next((coding["code"] for coding in codings if isinstance(coding.get("code"), str)), None)


def _objects(value: Any) -> list[Resource]:
    """The objects of what should be a list of them: resources that came along are not validated."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
