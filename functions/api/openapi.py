"""The API's OpenAPI 3.1 document, made of the operations and of the types of their answers.

`python -m functions.api.openapi` writes `openapi.json` beside it, which the function serves as it is: pydantic, which
turns types into JSON Schema, costs a cold start more than everything else the function imports.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import is_typeddict

import chartcoder
from chartcoder.answering import shapes
from functions.api.operations import CODE, FHIR_JSON, ID, OPERATIONS, Answer, Operation, Parameter

PATH = Path(__file__).with_name("openapi.json")
REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = (401, 403, 429, 500, 502, 503, 504)
"""What the gateway itself may answer to any request."""
MEANINGS = {
    400: "What was asked is malformed; `detail` says what was expected.",
    401: "The stack takes tokens (JwtIssuer), and there is none, or one that does not hold.",
    403: "The request is not signed, its identity may not ask for this, or there is no such route.",
    404: "There is no such batch, chart, code or run.",
    409: "It does not fit what is there: not in this state, or an Idempotency-Key used for something else meanwhile.",
    410: "The chart was deleted since it was coded.",
    412: "Somebody was quicker: read again.",
    413: "More than a chart, a request or an answer may have.",
    415: "Not a document, or a type that is not taken.",
    422: "The Idempotency-Key was used for another request.",
    428: "If-Match is missing.",
    429: "Too many requests: the stage is throttled.",
    500: "A fault of the service; nothing of the request is in its words.",
    502: "A fault of the service; nothing of the request is in its words.",
    503: "A service behind this one does not answer.",
    504: "It took longer than 29 seconds.",
}


def document() -> dict[str, Any]:
    """The whole document, as a JSON value."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "chartcoder",
            "version": chartcoder.__version__,
            "summary": "Clinical charts to ICD-10-CM codes with evidence.",
            "description": "Ids of batches and charts are opaque and hold nothing of a patient: they stand in "
            "addresses and logs. Offsets count characters of the chart's text, end exclusive.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "https://{api}.execute-api.{region}.amazonaws.com/v1",
                     "variables": {"api": {"default": "api"}, "region": {"default": "us-east-1"}}}],
        "security": [{"signed": []}, {"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.found.items())),
            "securitySchemes": {
                "signed": {
                    "type": "apiKey", "name": "Authorization", "in": "header",
                    "description": "AWS Signature Version 4, service execute-api.",
                },
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "Of the issuer that the stack names (JwtIssuer), in place of a signature.",
                },
            },
        },
    }  # fmt: skip


class Schemas:
    """JSON Schemas of types, each written once under its name."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def of(self, shape: Any, *, strict: bool = False) -> dict[str, Any]:
        """A reference to the shape's schema. `strict`: unknown members are refused, as they are in what is sent."""
        schema = TypeAdapter(shape).json_schema(ref_template=REFERENCE)
        for name, definition in schema.pop("$defs", {}).items():
            self.found[name] = _tidy(definition, getattr(shapes, name, None), strict)
        name = getattr(shape, "__name__", "")
        if not is_typeddict(shape):
            return _tidy(schema, None, False)
        self.found[name] = _tidy(schema, shape, strict)
        return {"$ref": REFERENCE.format(model=name)}


def _tidy(schema: dict[str, Any], shape: Any, strict: bool) -> dict[str, Any]:
    """Without the titles that pydantic makes of names; ids and codes as they must look; closed where it is sent."""
    properties = schema.get("properties", {})
    for name, described in properties.items():
        described.pop("title", None)
        if strict and name in ("batch", "chart"):
            described |= ID
        if strict and name == "code":
            described |= CODE
        if strict and described.get("type") == "string" and (name != "text" or shape is not shapes.TextToCode):
            described |= BOUNDS.get(name, {})
        if strict and described.get("type") == "array":
            described |= {"minItems": 1, "maxItems": 1000}
    if strict and properties:
        schema["additionalProperties"] = False
        schema |= ONE_OF.get(schema.get("title", ""), {})
    if is_typeddict(shape) and shape.__doc__:
        schema["description"] = inspect.cleandoc(shape.__doc__)
    return schema


BOUNDS: dict[str, dict[str, Any]] = {
    "text": {"minLength": 1, "pattern": r"\S"},
    "document": {"minLength": 1, "contentEncoding": "base64"},
    "id": {"maxLength": 257},
    "Text": {"minLength": 1},
    "why": {"minLength": 1, "maxLength": 2000, "pattern": r"\S"},
    "extension": {"pattern": r"^\.[A-Za-z0-9]{1,16}$"},
}


ONE_OF: dict[str, dict[str, Any]] = {
    "BatchSubmission": {"oneOf": [{"required": ["charts"]}, {"required": ["uploads"]}]},
    "ChartOfList": {"oneOf": [{"required": ["text"]}, {"required": ["document"]}]},
}
"""What a TypedDict cannot say: exactly one of two members."""


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters + [_parameter(parameter) for parameter in operation.parameters],
        "responses": _responses(operation, schemas),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = _body(operation, schemas)
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    schema, example = (
        (CODE, "I10")
        if name == "code"
        else (ID, {"batch": "b1", "chart": "c1", "asset": "chart.js"}.get(name, "run-000042"))
    )
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
    return described | ({"example": parameter.example} if parameter.example is not None else {})


def _body(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {
        operation.body_type: {"schema": schemas.of(operation.body, strict=True), "example": operation.body_example}
    }
    for media_type in operation.other_bodies:  # bytes, of which JSON Schema has nothing to say; nor of FHIR's JSON
        content[media_type] = {"schema": {"description": "The document itself."}}
    return {"required": operation.body_required, "content": content}


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses = {str(status): _answer(answer, schemas) for status, answer in operation.answers.items()}
    refused = sorted({*operation.refuses, *EVERYWHERE})
    return responses | {str(status): _problem(status, operation, schemas) for status in refused}


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        described["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in answer.headers.items()
        }
    if answer.shape is not None:
        content: dict[str, Any] = {"schema": schemas.of(answer.shape)}
        if answer.example is not None:
            content["example"] = answer.example
        described["content"] = dict.fromkeys((answer.media_type, *answer.other_types), content)
    return described


def _problem(status: int, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    content: dict[str, Any] = {
        "application/problem+json": {
            "schema": schemas.of(shapes.Problem),
            "example": {"type": "about:blank", "title": phrase, "status": status, "detail": MEANINGS[status]},
        }
    }
    if operation.fhir and status not in EVERYWHERE:
        issue = {"severity": "error", "code": "not-found" if status == 404 else "invalid", "diagnostics": "..."}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        content = {FHIR_JSON: {"schema": schemas.of(shapes.Resource), "example": outcome}}
    return {"description": MEANINGS[status], "content": content}


def rendered() -> str:
    """The document as the file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered())
    print(f"{PATH}: {len(OPERATIONS)} operations", file=sys.stderr)
