"""The coder's function: one text in, its codes out, at once.

Invoked with `{"text": "...", "id": "...", "setting": "inpatient" | "outpatient"}` (the last two are optional), or by
`POST /code` with that as the body. The answer is the coded chart, or a problem (RFC 9457) that repeats no word of it.

Its trace is what Lambda itself writes: X-Ray's recorder would bring botocore, and with it double the cold start.
"""

import json
import os
from http import HTTPStatus
from typing import Any, get_args

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder import Chart, Coder
from chartcoder.chart import Setting
from chartcoder.errors import BadRequest
from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process, silenced
from chartcoder.protected import contained
from chartcoder.settings import Settings
from chartcoder.untrusted import NotJson, is_text, parse_json

LONGEST_ID = 257  # <batch>/<chart>
EXPECTED = 'expected a JSON object such as {"text": "Assessment: type 2 diabetes."}'

contain_process()
logger = make_logger()
coder = Coder(engine=Settings.read(os.environ).engine)


@contained
@logger.inject_lambda_context(log_event=False, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if "httpMethod" not in event:
        return code(read_chart(event, context.aws_request_id))
    try:
        chart = read_chart(read_body(event), context.aws_request_id)
    except BadRequest as error:
        return respond(HTTPStatus.BAD_REQUEST, problem(HTTPStatus.BAD_REQUEST, str(error)))
    return respond(HTTPStatus.OK, code(chart))


def code(chart: Chart) -> dict[str, Any]:
    """The coded chart. Whatever a library wants to say meanwhile may quote the chart, and is not heard."""
    with silenced():
        return coder.code(chart).as_dict()


def read_body(event: dict[str, Any]) -> Any:
    """The JSON value of a request's body. Raises BadRequest, without the parser's words: they would hold the body."""
    try:
        return parse_json(APIGatewayProxyEvent(event).decoded_body)
    except NotJson as error:
        raise BadRequest(f"the body is {error}; {EXPECTED}") from None
    except ValueError:  # not base64, not UTF-8: compressed, for example
        raise BadRequest(f"the body is not UTF-8; {EXPECTED}") from None


def read_chart(request: Any, default_id: str) -> Chart:
    """The chart that a request holds. Raises BadRequest saying what was expected."""
    if not isinstance(request, dict) or not is_text(request.get("text")):
        raise BadRequest(EXPECTED)
    if request.get("setting") not in (None, *get_args(Setting)):
        raise BadRequest(f"setting is none of {', '.join(get_args(Setting))}")
    if not is_text(request.get("id", "")) or len(request.get("id", "")) > LONGEST_ID:
        raise BadRequest(f"id is not a string of at most {LONGEST_ID} characters")
    return Chart(id=request.get("id", default_id), text=request["text"], setting=request.get("setting"))


def problem(status: HTTPStatus, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}


def respond(status: HTTPStatus, body: dict[str, Any]) -> dict[str, Any]:
    kind = "application/json" if status is HTTPStatus.OK else "application/problem+json"
    headers = {"Content-Type": kind, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return {"statusCode": status.value, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}
