"""R4's own rules (hl7.org/fhir/R4), for the resources we write; `fhir.resources` checks the structure besides."""

import re

from fhir.resources.R4B.bundle import Bundle

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = {"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"}

STRING = re.compile(r"[ \r\n\t\S]+", re.ASCII)  # 2.24.0.1, in the sense of Java's expressions


def check(bundle):
    """Asserts that a bundle is valid R4; gives its resources by type."""
    Bundle.model_validate(bundle)
    assert "total" not in bundle  # bdl-1
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses))  # bdl-7
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"])  # bdl-8
    for value in walk(bundle):
        assert value not in ({}, [], "", None)  # ele-1: an element has a value or children
        assert not isinstance(value, str) or STRING.fullmatch(value)
        if isinstance(value, dict) and "url" in value:
            assert ("extension" in value) != any(name.startswith("value") for name in value)  # ext-1
        if isinstance(value, dict) and value.get("reference", "").startswith("urn:uuid:"):
            assert value["reference"] in addresses
    found = {}
    for entry in bundle["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    for condition in found.get("Condition", ()):
        check_condition(condition)
    for provenance in found.get("Provenance", ()):
        assert provenance["target"]
        assert provenance["recorded"][10] == "T" and provenance["recorded"][-6] in "+-"  # an instant has a zone
    return found


def check_condition(condition):
    (status,) = condition["verificationStatus"]["coding"]
    assert status["code"] in VERIFICATION
    if "clinicalStatus" in condition:
        assert status["code"] != "entered-in-error"  # con-5
        assert condition["clinicalStatus"]["coding"][0]["system"] == CLINICAL
    assert "abatementDateTime" not in condition  # con-4
    assert condition["subject"]


def walk(value):
    yield value
    for held in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(held)
