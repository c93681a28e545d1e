"""What the formats' codes mean to us: sections, settings, code systems."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from chartcoder.chart import Setting

SECTION_CODES = Path(__file__).with_name("section_codes.tsv")

LOINC = "http://loinc.org"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
SNOMED_CT = "http://snomed.info/sct"

SYSTEM_OF_OID = {
    "2.16.840.1.113883.6.90": ICD_10_CM,
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.103": ICD_9_CM,
    "2.16.840.1.113883.6.96": SNOMED_CT,
}
"""Systems of diagnoses by object identifier (HL7's registry), as FHIR names them."""

SYSTEM_OF_HL7_TABLE = {
    "I10": ICD_10_CM,
    "I10C": ICD_10_CM,
    "ICD10": ICD_10_CM,
    "ICD10CM": ICD_10_CM,
    "ICD-10-CM": ICD_10_CM,
    "I9": ICD_9_CM,
    "I9C": ICD_9_CM,
    "I9CDX": ICD_9_CM,
    "ICD9": ICD_9_CM,
    "SCT": SNOMED_CT,
}
"""Systems of diagnoses as HL7 v2 names them (HL7 table 0396); plain I10 is the clinical modification in DG1 of the
United States."""

INPATIENT_DOCUMENTS = frozenset({"18842-5", "34105-7", "11490-0", "28655-9"})
"""LOINC codes of discharge summaries, which follow an inpatient stay."""

SETTING_OF_ACT: dict[str, Setting] = {
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "AMB": "outpatient",
    "EMER": "outpatient",
    "FLD": "outpatient",
    "HH": "outpatient",
    "OBSENC": "outpatient",
    "SS": "outpatient",
    "VR": "outpatient",
}
"""HL7 v3 ActCode, an encounter's class in FHIR and C-CDA. Emergency and observation are billed as outpatient (IV)."""

SETTING_OF_PATIENT_CLASS: dict[str, Setting] = {
    "I": "inpatient",
    "O": "outpatient",
    "E": "outpatient",
    "R": "outpatient",
}
"""HL7 v2 table 0004; pre-admission, obstetrics and the rest say neither."""

DATE = re.compile(r"(\d{4})-?(?:(\d{2})-?(?:(\d{2}))?)?")


@cache
def _categories() -> dict[str, str]:
    lines = SECTION_CODES.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


def category_of(loinc: str | None) -> str | None:
    """The coder's category of a section's LOINC code; None where it has none."""
    return _categories().get(loinc or "")


def day_of(value: str | None) -> str | None:
    """The day, or month or year, of a FHIR date or an HL7 timestamp as ISO 8601; None where there is none."""
    found = DATE.match(value or "")
    return "-".join(part for part in found.groups() if part) if found else None
