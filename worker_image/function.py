"""The coder's function: one text in, its codes out, at once.

Invoked with `{"text": "...", "id": "...", "setting": "inpatient" | "outpatient"}` (the last two are optional) it gives
the coded chart; with `{"code": "..."}` what the release says of that code. By HTTP it serves `POST /code`,
`POST /comprehend` and `GET /codes/{code}` (`worker_image/routes.py`).

Its trace is what Lambda itself writes: X-Ray's recorder would bring botocore, and with it double the cold start.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder import Chart, Coder
from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process, silenced
from chartcoder.protected import contained
from chartcoder.settings import Settings
from worker_image.requests import chart_of
from worker_image.routes import respond

contain_process()
logger = make_logger()
coder = Coder(engine=Settings.read(os.environ).engine)


@contained
@logger.inject_lambda_context(log_event=False, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    if "httpMethod" in event:
        return respond(event, context.aws_request_id, code=code, describe=coder.describe)
    if "code" in event:
        return coder.describe(str(event["code"]))
    return code(chart_of(event, context.aws_request_id))


def code(chart: Chart) -> dict[str, Any]:
    """The coded chart. Whatever a library wants to say meanwhile may quote the chart, and is not heard."""
    with silenced():
        return coder.code(chart).as_dict()
