"""The coder's routes: a text or document coded at once, also as Amazon Comprehend Medical answers; a code described."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from chartcoder import Chart
from chartcoder.errors import BadRequest, ChartError, ChartTooLarge, SeveralCharts
from chartcoder.writers.comprehend import comprehend_answer
from worker_image.requests import AMZ_JSON, JSON, chart_sent, tags_known, text_to_infer

TARGET = "ComprehendMedical_20181030.InferICD10CM"
PROBLEM_JSON = "application/problem+json"
MOST_ANSWER_BYTES = 5_900_000  # a function's answer may have six million bytes and some, with its wrapping
TOO_LONG = "the answer has more than six megabytes; submit the text as a chart, whose result may be as long as it likes"

Code = Callable[[Chart], dict[str, Any]]
Describe = Callable[[str], dict[str, Any] | None]
Answered = dict[str, Any]


def respond(event: dict[str, Any], request_id: str, *, code: Code, describe: Describe) -> Answered:
    """API Gateway's answer to its event."""
    resource = event["resource"]
    if resource == "/comprehend":
        return _infer(event, request_id, code)
    try:
        if resource == "/codes/{code}":
            return _described(describe((event.get("pathParameters") or {}).get("code", "")), event)
        return _answer(HTTPStatus.OK, JSON, code(chart_sent(event, request_id)))
    except (BadRequest, ChartError) as error:
        return _problem(_status(error), str(error))


def _described(found: dict[str, Any] | None, event: dict[str, Any]) -> Answered:
    """With an ETag, as every answer to a GET; who has that very answer is told so without it."""
    if found is None:
        return _problem(HTTPStatus.NOT_FOUND, "the coder's release has no such code; expected one with its dot")
    answered = _answer(HTTPStatus.OK, JSON, found)
    tag = f'"{hashlib.sha256(answered["body"].encode()).hexdigest()[:32]}"'
    answered["headers"]["ETag"] = tag
    if tag in tags_known(event):
        return answered | {"statusCode": HTTPStatus.NOT_MODIFIED.value, "body": ""}
    return answered


def _infer(event: dict[str, Any], request_id: str, code: Code) -> Answered:
    """InferICD10CM, its errors too as its clients know them."""
    targets = [value for name, value in (event.get("headers") or {}).items() if name.lower() == "x-amz-target"]
    if targets != [TARGET]:
        return _amz_error("UnknownOperationException", f"expected X-Amz-Target: {TARGET}")
    try:
        text = text_to_infer(event)
    except BadRequest as error:
        return _amz_error("InvalidRequestException", str(error))
    answered = _answer(HTTPStatus.OK, AMZ_JSON, comprehend_answer(code(Chart(id=request_id, text=text))))
    if answered["statusCode"] != HTTPStatus.OK:
        return _amz_error("TextSizeLimitExceededException", TOO_LONG)
    return answered


def _status(error: Exception) -> HTTPStatus:
    if isinstance(error, ChartTooLarge):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, BadRequest | SeveralCharts):
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def _problem(status: HTTPStatus, detail: str) -> Answered:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return _answer(status, PROBLEM_JSON, body)


def _amz_error(kind: str, message: str) -> Answered:
    answered = _answer(HTTPStatus.BAD_REQUEST, AMZ_JSON, {"__type": kind, "Message": message})
    answered["headers"]["x-amzn-ErrorType"] = kind
    return answered


def _answer(status: HTTPStatus, media_type: str, value: dict[str, Any]) -> Answered:
    body = json.dumps(value, ensure_ascii=False)
    if len(body) * 6 > MOST_ANSWER_BYTES and len(json.dumps(body)) > MOST_ANSWER_BYTES:  # as Lambda counts it
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LONG)
    headers = {"Content-Type": media_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return {"statusCode": status.value, "headers": headers, "body": body}
