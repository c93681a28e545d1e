import json

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from chartcoder.writers import comprehend_answer

OPERATION = (
    botocore.session.get_session().get_service_model("comprehendmedical").operation_model("InferICD10CM").output_shape
)


def finding(start, end, code, assertion="present", text="x"):
    return {"text": text, "start": start, "end": end, "code": code, "assertion": assertion, "description": code}


RESULT = {
    "id": "c1",
    "coder": "chartcoder 0.1.0",
    "codes": [{"code": "E11.22", "description": "with CKD", "evidence": [0]}],
    "findings": [
        finding(30, 33, "E11.9", text="DM2"),
        finding(0, 5, "R05.9", "negated", text="cough"),
        finding(40, 44, "C50.919", "family"),
        finding(50, 54, "J18.9", "possible"),
        finding(60, 64, "N18.9", "hypothetical"),
        finding(70, 74, "I10", "historical"),
        finding(80, 84, None),
        finding(90, 94, "S72.001A"),
        finding(90, 94, "W19.XXXA"),
    ],
}


@pytest.fixture
def answer():
    return comprehend_answer(RESULT)


def traits(answer):
    return [[trait["Name"] for trait in entity["Traits"]] for entity in answer["Entities"]]


def test_the_answer_has_the_services_own_shape_and_nothing_else(answer):
    assert not ParamValidator().validate(answer, OPERATION).has_errors()
    assert set(answer) == {"Entities", "ModelVersion"}
    for entity in answer["Entities"]:
        assert set(entity) == set(OPERATION.members["Entities"].member.members)
        for concept in entity["ICD10CMConcepts"]:
            assert set(concept) == {"Code", "Description", "Score"}


def test_botos_own_parser_reads_every_field_back(answer):
    response = {"status_code": 200, "headers": {}, "body": json.dumps(answer).encode()}

    parsed = create_parser("json").parse(response, OPERATION)

    assert {name: parsed[name] for name in answer} == answer


def test_an_entity_is_a_coded_span_in_the_order_of_the_text(answer):
    assert [entity["BeginOffset"] for entity in answer["Entities"]] == [0, 30, 40, 50, 60, 70, 90]
    assert [entity["Id"] for entity in answer["Entities"]] == list(range(7))


def test_what_is_billed_for_a_span_stands_before_what_it_says_by_itself(answer):
    assert [concept["Code"] for concept in answer["Entities"][1]["ICD10CMConcepts"]] == ["E11.22", "E11.9"]


def test_two_codes_of_one_span_are_two_concepts_of_one_entity(answer):
    assert [concept["Code"] for concept in answer["Entities"][-1]["ICD10CMConcepts"]] == ["S72.001A", "W19.XXXA"]


def test_assertions_are_the_services_traits(answer):
    assert traits(answer) == [
        ["SYMPTOM", "NEGATION"],
        ["DIAGNOSIS"],
        ["DIAGNOSIS", "PERTAINS_TO_FAMILY"],
        ["DIAGNOSIS", "LOW_CONFIDENCE"],
        ["DIAGNOSIS", "HYPOTHETICAL"],
        ["DIAGNOSIS"],
        ["DIAGNOSIS"],
    ]
