"""The API's function: HTTP in, one question to `Answering`, JSON out."""

import os
import time
from functools import partial
from http import HTTPStatus

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process
from chartcoder.protected import contained
from functions.api.http import ERRORS, Request, finished, problem, serialize, status_of, too_long
from functions.api.operations import OPERATIONS, Operation
from functions.api.routes import Handle, routes
from functions.api.wiring import connect

contain_process()
logger, tracer = make_logger(), Tracer()
app = APIGatewayRestResolver(serializer=serialize, debug=False)
wired = connect(os.environ)
handles = routes(wired.answering)


def serve(operation: Operation, handle: Handle, **ids: str) -> Response[str]:
    """Answers one request; an error of the request's is a problem, on FHIR's routes an OperationOutcome."""
    request = Request(app.current_event)
    try:
        if operation.other_bodies and request.media_type not in (operation.body_type, *operation.other_bodies):
            expected = ", ".join((operation.body_type, *operation.other_bodies))
            detail = f"a body of this Content-Type is not taken; expected one of {expected}"
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
        act = partial(handle, request, **ids)
        if not operation.takes_idempotency_key or request.idempotency_key is None:
            return checked(act(), operation)
        return wired.once(request, operation.id, act, app.lambda_context)
    except tuple(ERRORS) as error:
        return problem(status_of(error) or HTTPStatus.BAD_REQUEST, str(error), fhir=operation.fhir)


def checked(response: Response[str], operation: Operation) -> Response[str]:
    """The response, where Lambda can hand it on."""
    if not too_long(response):
        return response
    detail = (
        "the answer is longer than the six megabytes that a function may answer. Split the document and submit its "
        "parts; the codes to bill are in the list of the batch's charts"
    )
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, fhir=operation.fhir)


def route(operation: Operation, handle: Handle) -> None:
    rule = operation.path.replace("{", "<").replace("}", ">")
    app.route(rule, operation.method)(lambda **ids: serve(operation, handle, **ids))


for operation in OPERATIONS:
    if operation.function == "api":
        route(operation, handles[operation.id])


@app.not_found
def unknown_route(_: Exception) -> Response[str]:
    """Also where the router takes no such letters in an id."""
    return problem(HTTPStatus.NOT_FOUND, "there is no such route", fhir=app.current_event.path.endswith("/fhir"))


@contained
@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=APIGatewayProxyEvent)
def handler(event: APIGatewayProxyEvent, context: LambdaContext) -> dict:
    began = time.perf_counter()
    answered = finished(event.raw_event, app.resolve(event.raw_event, context))
    answered["multiValueHeaders"]["Server-Timing"] = [f"handler;dur={(time.perf_counter() - began) * 1000:.1f}"]
    return answered
