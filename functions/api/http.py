"""HTTP's side of the API: bodies in, JSON and problems (RFC 9457) out."""

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from chartcoder.errors import BadRequest, ChartTooLarge, NotFound
from chartcoder.untrusted import NotJson, parse_json

MOST_ANSWER = 5_900_000
"""Bytes. Lambda answers with six million at most (Lambda quotas, "Invocation payload"), of which some are its own."""
EXPECTED = 'expected a JSON object, for example {"batch": "b1", "text": "..."}'

ERRORS: dict[type[Exception], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    ChartTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


def submitted(app: APIGatewayRestResolver, *, required: bool = True) -> dict[str, Any]:
    """The request's JSON object; an empty one where none is required and none came.

    Raises:
        BadRequest: the body is not a JSON object.
    """
    try:
        body = app.current_event.decoded_body
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


def token(app: APIGatewayRestResolver) -> str | None:
    """The page asked for."""
    return app.current_event.get_query_string_value("next_token")


def whole(answer: dict[str, Any]) -> Response:
    """200 with one chart's result, however long.

    Raises:
        ChartTooLarge: it is longer than Lambda hands on.
    """
    body = serialize(answer)
    size = len(json.dumps(body))  # as Lambda counts it: a string within JSON, its quotes and accents escaped
    if size > MOST_ANSWER:
        raise ChartTooLarge(
            f"the result takes {size:,} bytes; an answer holds at most {MOST_ANSWER:,}. Split the document and submit "
            "its parts; the codes to bill are in the list of the batch's charts"
        )
    return Response(HTTPStatus.OK, "application/json", body)


def accepted(answer: dict[str, Any]) -> Response:
    """202: taken in, and where its result will be."""
    location = f"/batches/{answer['batch']}/charts/{answer['chart']}"
    return Response(HTTPStatus.ACCEPTED, "application/json", serialize(answer), headers={"Location": location})


def problem(status: HTTPStatus, detail: str) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(status, "application/problem+json", serialize(body))


def guarded(answer: dict[str, Any]) -> dict[str, Any]:
    """API Gateway's answer, which nobody keeps and no browser takes for anything but JSON: evidence may hold HTML."""
    answer["multiValueHeaders"] |= {"Cache-Control": ["no-store"], "X-Content-Type-Options": ["nosniff"]}
    return answer


def serialize(value: Any) -> str:
    """JSON; DynamoDB's numbers become whole numbers where they are whole."""
    return json.dumps(value, default=_number, ensure_ascii=False)


def _number(value: Any) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an answer")
    return int(value) if value == value.to_integral_value() else float(value)
