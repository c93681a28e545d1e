"""The API's document: made of the code, whole, and what the function serves."""

import json

import pytest
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS31Validator

from chartcoder.answering import shapes
from chartcoder.chart import Finding
from functions.api import openapi
from functions.api.operations import OPERATIONS
from functions.api.routes import routes

DOCUMENT = openapi.document()
CALLS = [(path, method, call) for path, methods in DOCUMENT["paths"].items() for method, call in methods.items()]


def test_the_served_document_is_what_the_code_says():
    assert openapi.PATH.read_text() == openapi.rendered(), "make it anew: python -m functions.api.openapi"


def test_a_finding_is_described_with_the_fields_that_it_has():
    assert tuple(shapes.Finding.__annotations__) == Finding.__struct_fields__


def test_every_operation_of_the_api_has_its_route():
    assert set(routes(None)) == {operation.id for operation in OPERATIONS if operation.function == "api"}


@pytest.mark.parametrize(("path", "method", "call"), CALLS, ids=[f"{method} {path}" for path, method, _ in CALLS])
def test_every_example_is_of_its_schema(path, method, call):
    bodies = [call["requestBody"]] if "requestBody" in call else []
    for described in (*bodies, *call["responses"].values()):
        for content in described.get("content", {}).values():
            if "example" in content:
                schema = content["schema"] | {"components": DOCUMENT["components"]}
                assert not [error.message for error in OAS31Validator(schema).iter_errors(content["example"])]


@pytest.mark.parametrize(("path", "method", "call"), CALLS, ids=[f"{method} {path}" for path, method, _ in CALLS])
def test_every_operation_says_what_it_answers_and_shows_it(path, method, call):
    assert call["summary"]
    for status, response in call["responses"].items():
        assert response["description"], status
        for media_type, content in response.get("content", {}).items():
            assert "schema" in content, media_type
            assert "example" in content or path == "/openapi.json", (status, media_type)


def test_every_schema_is_one():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert json.dumps(schema).count("$ref") == 0 or name


@pytest.mark.parametrize(("path", "method", "call"), CALLS, ids=[f"{method} {path}" for path, method, _ in CALLS])
def test_a_body_has_no_member_that_the_document_does_not_name(path, method, call):
    for content in call.get("requestBody", {}).get("content", {}).values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        assert not name or DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False
        assert name or content["schema"].get("type", "string") == "string"
