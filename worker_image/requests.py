"""What the coder's function is asked with, looked at: each refusal says what was expected, and repeats nothing."""

from __future__ import annotations

import base64
import binascii
from typing import Any, get_args

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from chartcoder import Chart
from chartcoder.chart import Setting
from chartcoder.errors import BadRequest
from chartcoder.outlets import silenced
from chartcoder.untrusted import NotJson, is_text, parse_json

JSON = "application/json"
CURLS_OWN = "application/x-www-form-urlencoded"  # which it says of whatever it sends, unless told another
AMZ_JSON = "application/x-amz-json-1.1"
LONGEST_ID = 257  # <batch>/<chart>
EXPECTED = 'expected a JSON object such as {"text": "Assessment: type 2 diabetes."}'


def chart_of(request: Any, default_id: str) -> Chart:
    """The chart that a JSON request holds. Raises BadRequest saying what was expected."""
    if not isinstance(request, dict) or not is_text(request.get("text")):
        raise BadRequest(EXPECTED)
    if "setting" in request and request["setting"] not in get_args(Setting):
        raise BadRequest(f"setting is none of {', '.join(get_args(Setting))}")
    if not is_text(request.get("id", "")) or len(request.get("id", "")) > LONGEST_ID:
        raise BadRequest(f"id is not a string of at most {LONGEST_ID} characters")
    if not set(request) <= {"text", "id", "setting"}:
        raise BadRequest(f"the body has a member that is unknown here; {EXPECTED}")
    return Chart(id=request.get("id", default_id), text=request["text"], setting=request.get("setting"))


def chart_sent(event: dict[str, Any], default_id: str) -> Chart:
    """The chart that an HTTP request holds: JSON, or by its type the document itself.

    Raises:
        BadRequest: the body is no request.
        ChartError: the document cannot be read.
    """
    sent = APIGatewayProxyEvent(event)
    media_type = (sent.headers.get("content-type") or JSON).partition(";")[0].strip().lower()
    if media_type in (JSON, CURLS_OWN):
        return chart_of(json_sent(event), default_id)
    data = document_sent(sent)
    if not data.strip():
        raise BadRequest("the body is empty; expected a document")
    from chartcoder.readers import read_chart  # whose libraries a cold start for a plain text need not wait for

    with silenced():  # a reader's library may quote the document
        return read_chart(data, chart_id=default_id)


def document_sent(sent: APIGatewayProxyEvent) -> bytes:
    body = sent.body or ""
    if not sent.is_base64_encoded:
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("the body did not arrive whole; expected a document") from None


def tags_known(event: dict[str, Any]) -> set[str]:
    """The ETags of answers that the caller has at hand (If-None-Match)."""
    known = APIGatewayProxyEvent(event).headers.get("if-none-match") or ""
    return {tag.strip().removeprefix("W/") for tag in known.split(",")}


def text_to_infer(event: dict[str, Any]) -> str:
    """The text of an InferICD10CM request. Raises BadRequest where there is none."""
    asked = json_sent(event)
    if not isinstance(asked, dict) or not is_text(asked.get("Text")) or not asked["Text"]:
        raise BadRequest("Text is missing; expected a string of at least one character")
    text: str = asked["Text"]
    return text


def json_sent(event: dict[str, Any]) -> Any:
    """The JSON value of a request's body. Raises BadRequest, without the parser's words: they would hold the body."""
    try:
        return parse_json(APIGatewayProxyEvent(event).decoded_body)
    except NotJson as error:
        raise BadRequest(f"the body is {error}; {EXPECTED}") from None
    except ValueError:  # not base64, not UTF-8: compressed, for example
        raise BadRequest(f"the body is not UTF-8; {EXPECTED}") from None
