"""C-CDA documents (HL7 Clinical Document Architecture R2): their narrative, section by section."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from chartcoder.chart import Chart, GivenCode, Setting
from chartcoder.errors import UnreadableChart
from chartcoder.readers.rendering import ChartText, Narrative
from chartcoder.readers.vocabulary import INPATIENT_DOCUMENTS, SETTING_OF_ACT, SYSTEM_OF_OID, category_of, day_of
from chartcoder.readers.xml_parsing import parse_xml

if TYPE_CHECKING:
    from chartcoder.readers.dispatch import Inner

CDA = "{urn:hl7-org:v3}"
FHIR = "{http://hl7.org/fhir}"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"
PREFORMATTED = frozenset({"xmlNotes", "pre"})
ENCOUNTER = "componentOf/encompassingEncounter"
SERVICE = "documentationOf/serviceEvent/effectiveTime/low"
DATES = (f"{ENCOUNTER}/effectiveTime/low", f"{ENCOUNTER}/effectiveTime", SERVICE, "effectiveTime")
SUMMARY = "34133-9"  # a Continuity of Care Document, whose service began with the patient's first visit


def read_ccda(data: bytes, *, chart_id: str, inner: Inner) -> Chart:
    """A chart of a C-CDA document's narrative blocks: each section's title on a line, its text below.

    Entries, which repeat the narrative in codes, are not read as text; their diagnoses are the chart's given codes.
    A document whose body is a file (`nonXMLBody`) is what that file is.

    Raises:
        UnreadableChart: it is XML of another kind, or its body is missing, elsewhere or damaged.
    """
    document = parse_xml(data)
    if document.tag != f"{CDA}ClinicalDocument":
        raise UnreadableChart(_other_kind(document.tag))
    code = _attribute(document, "code", "code")
    facts = Chart(
        chart_id,
        "",
        setting=_setting(document, code),
        format="ccda",
        date=_date(document, code),
        kind=code,
        author_role=_author_role(document),
        given=tuple(dict.fromkeys(_given_codes(document))),
    )
    body = _find(document, "component/structuredBody")
    if body is None:
        held = inner(_file_in(document))
        return replace(facts, text=held.text, sections=held.sections, setting=facts.setting or held.setting)
    text = ChartText()
    for section in _sections(body):
        _add_section(text, section)
    return replace(facts, text=text.text, sections=tuple(text.sections))


def _other_kind(tag: str) -> str:
    if tag.startswith(FHIR):
        return "this is FHIR in XML; send FHIR as JSON"
    return "the XML's root is not ClinicalDocument of urn:hl7-org:v3; expected a C-CDA document"


def _add_section(text: ChartText, section: Element) -> None:
    title = _find(section, "title")
    heading = " ".join("".join(title.itertext()).split()) if title is not None else ""
    narrative = _find(section, "text")
    lines = Narrative()
    if narrative is not None:
        _render(narrative, lines)
    text.add(heading or None, lines.finish(), category_of(_attribute(section, "code", "code")))


def _render(element: Element, lines: Narrative) -> None:
    """As the standard's style sheet shows it; what is marked as deleted is not shown."""
    if element.get("revised") == "delete":
        return
    tag = element.tag.rpartition("}")[2]
    styles = (element.get("styleCode") or "").split()
    keep = element.get(SPACE) == "preserve" or not PREFORMATTED.isdisjoint(styles)
    lines.start(tag, keep_space=keep)
    lines.text(element.text or "")
    for child in element:
        _render(child, lines)
        lines.text(child.tail or "")
    lines.end(tag, keep_space=keep)


def _sections(body: Element) -> Iterator[Element]:
    """Sections in the document's order, each before those within it."""
    for component in body.findall(f"{CDA}component"):
        section = component.find(f"{CDA}section")
        if section is not None:
            yield section
            yield from _sections(section)


def _file_in(document: Element) -> bytes:
    body = _find(document, "component/nonXMLBody/text")
    if body is None:
        raise UnreadableChart("the C-CDA document has no body; expected structuredBody or nonXMLBody")
    if _find(body, "reference") is not None:
        raise UnreadableChart("the C-CDA document's body is a link to another file; send that file, or embed it")
    content = "".join(body.itertext())
    if body.get("representation") != "B64":
        return content.encode()
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        raise UnreadableChart("the C-CDA document's embedded body is not valid base64") from None


def _date(document: Element, code: str | None) -> str | None:
    days = (day_of(_attribute(document, path, "value")) for path in DATES if (code, path) != (SUMMARY, SERVICE))
    return next((day for day in days if day), None)


def _setting(document: Element, code: str | None) -> Setting | None:
    said = SETTING_OF_ACT.get(_attribute(document, f"{ENCOUNTER}/code", "code") or "")
    return said or ("inpatient" if code in INPATIENT_DOCUMENTS else None)


def _author_role(document: Element) -> str | None:
    for path in ("author/assignedAuthor/code", "author/functionCode"):
        role = _attribute(document, path, "displayName") or _attribute(document, path, "code")
        if role:
            return role
    return None


def _given_codes(element: Element) -> Iterator[GivenCode]:
    """Diagnoses of the entries: coded values and their translations, but for observations that are negated."""
    if element.get("negationInd") == "true":
        return
    name = element.tag.removeprefix(CDA)
    code, system = element.get("code"), SYSTEM_OF_OID.get(element.get("codeSystem") or "")
    if name in ("value", "translation") and code and system:
        yield GivenCode(system, code, element.get("displayName"))
    for child in element:
        yield from _given_codes(child)


def _find(element: Element, path: str) -> Element | None:
    return element.find("/".join(CDA + step for step in path.split("/")))


def _attribute(element: Element, path: str, name: str) -> str | None:
    found = _find(element, path)
    return found.get(name) if found is not None else None
