"""HTTP's side of the API: requests in; JSON, problems (RFC 9457) and FHIR's OperationOutcomes out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from chartcoder.errors import (
    BadRequest,
    ChartGone,
    ChartTooLarge,
    Conflict,
    KeyReused,
    NotFound,
    PreconditionMissing,
    Stale,
    UnreadableChart,
)
from chartcoder.untrusted import NotJson, parse_json

JSON = "application/json"
FHIR_JSON = "application/fhir+json"
PROBLEM_JSON = "application/problem+json"
CURLS_OWN = "application/x-www-form-urlencoded"
EXPECTED = 'expected a JSON object, for example {"batch": "b1", "text": "..."}'
MOST_ANSWER_BYTES = 5_900_000
"""Lambda answers with six million at most (Lambda quotas, "Invocation payload"), of which some are its own."""
KEY = re.compile(r"[!-~]{1,255}")  # an Idempotency-Key

ERRORS: dict[type[Exception], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    ChartTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnreadableChart: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ChartGone: HTTPStatus.GONE,
    Conflict: HTTPStatus.CONFLICT,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    PreconditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
}
"""An error's status is its own, or that of the nearest it derives from."""

FHIR_ISSUES = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-long",
}
"""The IssueType of FHIR R4 for a status; any other is `exception`."""


class Request:
    """What came, by name."""

    def __init__(self, event: APIGatewayProxyEvent) -> None:
        self._event = event

    def query(self, name: str) -> str | None:
        return self._event.query_string_parameters.get(name)

    def flag(self, name: str) -> bool:
        """A parameter that is `true` or `false`; false where it is absent. Raises BadRequest where it is neither."""
        value = self.query(name)
        if value not in (None, "true", "false"):
            raise BadRequest(f"{name} is neither of those expected: true, false")
        return value == "true"

    def header(self, name: str) -> str | None:
        return self._event.headers.get(name)

    @property
    def media_type(self) -> str:
        """The body's, without parameters; JSON where none is given, or the one that curl gives to whatever it sends."""
        named = (self.header("content-type") or JSON).partition(";")[0].strip().lower()
        return JSON if named == CURLS_OWN else named

    @property
    def token(self) -> str | None:
        return self.query("next_token")

    @property
    def idempotency_key(self) -> str | None:
        key = self.header("idempotency-key")
        if key is not None and not KEY.fullmatch(key):
            raise BadRequest("Idempotency-Key is none; expected 1 to 255 printable ASCII characters without a blank")
        return key

    @property
    def if_match(self) -> str | None:
        """The version that If-Match names, bare; the API's own tags are strong, and one is expected."""
        value = self.header("if-match")
        return None if not value else value.strip().removeprefix("W/").strip('"')

    @property
    def caller(self) -> str:
        """Whose request it is: the IAM identity that signed it, or whom the authorizer says that its token names."""
        context = self._event["requestContext"]
        signed = (context.get("identity") or {}).get("userArn")
        caller = signed or (context.get("authorizer") or {}).get("caller")
        return str(caller) if caller else "unknown"

    def fingerprint(self) -> str:
        """A digest of what is asked for: path, query, type, the state it is asked on, and body."""
        query = sorted(self._event.query_string_parameters.items())
        asked = json.dumps([self._event.path, query, self.media_type, self.if_match, self._event.body])
        return hashlib.sha256(asked.encode()).hexdigest()

    def bytes(self) -> bytes:
        """The body as it was sent. Raises BadRequest where it says that it is base64 and is none."""
        body = self._event.body or ""
        if not self._event.is_base64_encoded:
            return body.encode(errors="surrogatepass")
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise BadRequest("the body did not arrive whole; expected a document") from None

    def json(self, *, required: bool = True) -> Any:
        """The body's JSON object; an empty one where none is required and none came.

        Raises:
            BadRequest: the body is not a JSON object.
        """
        try:
            body = self._event.decoded_body
            if not body and not required:
                return {}
            value = parse_json(body)
        except NotJson as error:
            raise BadRequest(f"the body is {error}; {EXPECTED}") from None
        except ValueError:  # not base64, not UTF-8: compressed, for example
            raise BadRequest(f"the body is not UTF-8; {EXPECTED}") from None
        if not isinstance(value, dict):
            raise BadRequest(f"the body is not a JSON object; {EXPECTED}")
        return value


def answer(
    value: Any, status: HTTPStatus = HTTPStatus.OK, *, media_type: str = JSON, headers: dict[str, Any] | None = None
) -> Response[str]:
    return Response(status.value, media_type, serialize(value), headers=headers or {})


def accepted(value: dict[str, Any]) -> Response[str]:
    """202: taken in, and where its result will be."""
    location = f"/batches/{value['batch']}" + (f"/charts/{value['chart']}" if "chart" in value else "")
    return answer(value, HTTPStatus.ACCEPTED, headers={"Location": location})


def status_of(error: Exception) -> HTTPStatus | None:
    """None where the error is none of a request's."""
    return next((ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS), None)


def problem(status: HTTPStatus, detail: str, *, fhir: bool = False) -> Response[str]:
    if fhir:
        issue = {"severity": "error", "code": FHIR_ISSUES.get(status, "exception"), "diagnostics": detail}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        return Response(status.value, FHIR_JSON, serialize(outcome))
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(status.value, PROBLEM_JSON, serialize(body))


def finished(event: dict[str, Any], answered: dict[str, Any]) -> dict[str, Any]:
    """API Gateway's answer, which nobody keeps and no browser takes for what it is not: evidence may hold HTML.

    An answer to a GET has an ETag; who has that very answer is told so without it.
    """
    headers = answered["multiValueHeaders"]
    headers |= {"Cache-Control": ["no-store"], "X-Content-Type-Options": ["nosniff"]}
    if event["httpMethod"] == "GET" and answered["statusCode"] == HTTPStatus.OK and not answered["isBase64Encoded"]:
        tag = headers.setdefault("ETag", [f'"{hashlib.sha256(answered["body"].encode()).hexdigest()[:32]}"'])[0]
        if tag in _tags_known(event):
            return answered | {"statusCode": HTTPStatus.NOT_MODIFIED.value, "body": ""}
    return answered


def too_long(response: Response[str]) -> bool:
    """Whether Lambda would refuse to hand the response on."""
    body = response.body or ""
    if len(body) * 6 < MOST_ANSWER_BYTES:  # a character takes six at most
        return False
    return (
        len(json.dumps(body)) > MOST_ANSWER_BYTES
    )  # as Lambda counts it: a string within JSON, quotes and all escaped


def _tags_known(event: dict[str, Any]) -> set[str]:
    known = APIGatewayProxyEvent(event).headers.get("if-none-match") or ""
    return {tag.strip().removeprefix("W/") for tag in known.split(",")}


def serialize(value: Any) -> str:
    """JSON; DynamoDB's numbers become whole numbers where they are whole."""
    return json.dumps(value, default=_number, ensure_ascii=False)


def _number(value: Any) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an answer")
    return int(value) if value == value.to_integral_value() else float(value)
