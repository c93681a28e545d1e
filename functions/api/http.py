"""HTTP's side of the API: bodies in, JSON and problems (RFC 9457) out."""

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from chartcoder.errors import BadRequest, ChartTooLarge, NotFound

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
    body = app.current_event.decoded_body
    if not body and not required:
        return {}
    try:
        value = json.loads(body or "")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadRequest('the body is not a JSON object; expected for example {"batch": "b1", "text": "..."}')
    return value


def token(app: APIGatewayRestResolver) -> str | None:
    """The page asked for."""
    return app.current_event.get_query_string_value("next_token")


def accepted(answer: dict[str, Any]) -> Response:
    """202: taken in, and where its result will be."""
    location = f"/batches/{answer['batch']}/charts/{answer['chart']}"
    return Response(HTTPStatus.ACCEPTED, "application/json", serialize(answer), headers={"Location": location})


def problem(status: HTTPStatus, detail: str) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(status, "application/problem+json", serialize(body))


def serialize(value: Any) -> str:
    """JSON; DynamoDB's numbers become whole numbers where they are whole."""
    return json.dumps(value, default=_number, ensure_ascii=False)


def _number(value: Any) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an answer")
    return int(value) if value == value.to_integral_value() else float(value)
