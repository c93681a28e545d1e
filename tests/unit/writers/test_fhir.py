import pytest

from chartcoder.writers import Review, fhir_bundle
from tests.unit.writers.r4 import check

AT = "2026-03-11T08:00:00+00:00"


def finding(text, start, assertion="present", code="E11.9", cue=None, section="assessment"):
    return {
        "text": text,
        "start": start,
        "end": start + len(text),
        "section": section,
        "assertion": assertion,
        "cue": cue,
        "code": code,
        "description": f"Description of {code}",
    }


def billed(code, *evidence, rules=()):
    return {"code": code, "description": f"Description of {code}", "evidence": list(evidence), "rules": list(rules)}


@pytest.fixture
def result():
    return {
        "id": "b1/c1",
        "codes": [billed("E11.22", 0, 1, rules=["I.A.15 with"]), billed("J18.9", 2)],
        "findings": [
            finding("DM2", 10),
            finding("CKD", 20, code="N18.9"),
            finding("pneumonia", 30, "possible", code="J18.9", cue="possible"),
            finding("breast cancer", 50, "family", code="C50.919", cue="mother with", section=None),
            finding("chest\fpain", 70, "negated", code="R07.9", cue="denies"),
            finding("creatinine 2", 90, code=None),
        ],
        "rejected": [],
        "release": "2026-04",
        "coder": "chartcoder 0.1.0",
        "engine": "compiled",
        "about": {"date": "2026-03-10", "format": "text"},
    }


def bundle(result, **options):
    return check(fhir_bundle(result, recorded=AT, **options))


def statuses(found):
    return {
        one["code"]["coding"][0]["code"]: one["verificationStatus"]["coding"][0]["code"] for one in found["Condition"]
    }


def extensions(resource, name):
    return [one for one in resource["extension"] if one["url"] == f"urn:chartcoder:fhir:{name}"]


def test_a_billed_code_is_a_condition_that_nobody_confirmed_yet(result):
    found = bundle(result)

    assert statuses(found) == {"E11.22": "unconfirmed", "J18.9": "provisional"}
    first = found["Condition"][0]
    assert first["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10-cm"
    assert first["code"]["coding"][0]["version"] == "2026-04"
    assert first["category"][0]["coding"][0]["code"] == "encounter-diagnosis"


def test_a_condition_tells_its_rank_its_rules_and_the_words_that_support_it(result):
    first, second = bundle(result)["Condition"]

    assert [extensions(one, "rank")[0]["valuePositiveInt"] for one in (first, second)] == [1, 2]
    assert extensions(first, "rule")[0]["valueString"] == "I.A.15 with"
    spans = [{part["url"]: next(iter(v for k, v in part.items() if k != "url")) for part in one["extension"]}
             for one in extensions(first, "evidence")]  # fmt: skip
    assert spans[0] == {"text": "DM2", "start": 10, "end": 13, "assertion": "present", "section": "assessment"}
    assert [span["text"] for span in spans] == ["DM2", "CKD"]


def test_a_family_mention_is_a_family_member_history_and_no_condition(result):
    found = bundle(result)

    (history,) = found["FamilyMemberHistory"]
    assert history["relationship"]["coding"][0]["code"] == "MTH"
    assert history["condition"][0]["code"]["coding"][0]["code"] == "C50.919"
    assert history["date"] == "2026-03-10"
    assert "C50.919" not in statuses(found)


@pytest.mark.parametrize(
    ("text", "cue", "role"),
    [
        ("MI", "father:", "FTH"),
        ("Brother had colon cancer", None, "BRO"),
        ("gout", "grandmother's", "GRMTH"),
        ("gout", "fh:", "FAMMEMB"),
        ("sonographic mass", None, "FAMMEMB"),
    ],
)
def test_the_relative_is_who_the_cue_or_the_mention_itself_names(result, text, cue, role):
    result["findings"] = [finding(text, 0, "family", cue=cue)]

    (history,) = bundle(result | {"codes": []})["FamilyMemberHistory"]

    assert history["relationship"]["coding"][0]["code"] == role


def test_a_provenance_names_coder_engine_release_and_source(result):
    found = bundle(result)

    (device,) = found["Device"]
    assert {one["type"]["text"]: one["value"] for one in device["version"]} == {
        "software": "0.1.0",
        "ICD-10-CM": "2026-04",
        "engine": "compiled",
    }
    (provenance,) = found["Provenance"]
    assert len(provenance["target"]) == 3
    assert provenance["entity"][0]["what"]["identifier"]["value"] == "b1/c1"


def test_what_is_denied_is_refuted_only_where_that_is_asked_for(result):
    assert "R07.9" not in statuses(bundle(result))

    found = bundle(result, with_refuted=True)
    assert statuses(found)["R07.9"] == "refuted"
    assert "clinicalStatus" not in found["Condition"][-1]


def test_a_persons_decisions_count_and_say_who_when_and_why(result):
    reviews = [
        Review("E11.22", "accept", "ana", AT),
        Review("J18.9", "reject", "ben", AT, why="ruled out"),
        Review("I10", "add", "ana", AT, description="Essential (primary) hypertension"),
    ]

    assert statuses(bundle(result, reviews=reviews)) == {"E11.22": "confirmed", "I10": "confirmed"}
    found = bundle(result, reviews=reviews, with_refuted=True)
    assert statuses(found)["J18.9"] == "refuted"
    verifiers = [one for one in found["Provenance"] if one["agent"][0]["type"]["coding"][0]["code"] == "verifier"]
    assert {(one["agent"][0]["who"]["display"], one.get("reason", [{}])[0].get("text")) for one in verifiers} == {
        ("ana", None),
        ("ben", "ruled out"),
    }


def test_the_patient_is_who_the_caller_says_and_else_the_charts(result):
    assert bundle(result, patient="Patient/7")["Condition"][0]["subject"] == {"reference": "Patient/7"}
    assert bundle(result)["Condition"][0]["subject"]["identifier"]["value"] == "b1/c1"


def test_the_same_chart_gives_the_same_bundle(result):
    assert fhir_bundle(result, recorded=AT) == fhir_bundle(result, recorded=AT)


def test_a_chart_without_codes_or_findings_is_still_valid(result):
    found = bundle(result | {"codes": [], "findings": []})

    assert set(found) == {"Device"}


@pytest.mark.parametrize("character", ["\f", "\v", "\xa0", "\u2003", "\u2028", "\U0001f600", "e\u0301"])
def test_evidence_of_any_characters_is_valid_and_as_long_as_its_span(result, character):
    text = f"type 2{character}diabetes"
    result["findings"][0] |= {"text": text, "end": 10 + len(text)}

    first = bundle(result)["Condition"][0]

    said = {part["url"]: part for part in extensions(first, "evidence")[0]["extension"]}
    assert len(said["text"]["valueString"]) == said["end"]["valueUnsignedInt"] - said["start"]["valueUnsignedInt"]
