"""The API's function: HTTP in, one question to `Answering`, JSON out."""

import os
from http import HTTPStatus

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process
from chartcoder.protected import contained
from functions.api.http import ERRORS, accepted, guarded, problem, serialize, submitted, token, whole
from functions.api.wiring import connect

contain_process()
logger, tracer = make_logger(), Tracer()
app = APIGatewayRestResolver(serializer=serialize, debug=False)
answering = connect(os.environ)

app.get("/batches")(lambda: answering.batches(token=token(app)))
app.get("/batches/<batch>")(lambda batch: answering.batch(batch))
app.get("/batches/<batch>/charts")(lambda batch: answering.charts(batch, token=token(app)))
app.get("/batches/<batch>/charts/<chart>")(lambda batch, chart: whole(answering.chart(batch, chart)))
app.get("/failures")(lambda: answering.failures(token=token(app)))
app.post("/failures/redrive")(lambda: answering.redrive(batch=submitted(app, required=False).get("batch")))
app.get("/runs")(lambda: answering.runs(token=token(app)))
app.get("/runs/<run>")(lambda run: answering.run(run))
app.get("/status")(lambda: answering.status())


@app.post("/charts")
def submit() -> Response:
    body = submitted(app)
    return accepted(answering.submit(body.get("text"), batch=body.get("batch"), chart=body.get("chart")))


@app.exception_handler(list(ERRORS))
def refuse(error: Exception) -> Response:
    return problem(ERRORS[type(error)], str(error))


@app.not_found
def unknown_route(_: Exception) -> Response:
    return problem(HTTPStatus.NOT_FOUND, "there is no such route")


@contained
@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=APIGatewayProxyEvent)
def handler(event: APIGatewayProxyEvent, context: LambdaContext) -> dict:
    return guarded(app.resolve(event.raw_event, context))
