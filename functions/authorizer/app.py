"""The authorizer's function: whether a bearer token is good, and whose it is. Only where the stack has an issuer.

API Gateway asks it before every request (template.yaml, `JwtIssuer`) and keeps its answer for no further one: a token
that is over is over.
"""

import os
from typing import Any

from aws_lambda_powertools import Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import event_source
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import APIGatewayAuthorizerTokenEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from chartcoder.errors import IssuerUnavailable, TokenRefused, Unauthorized
from chartcoder.logs import make_logger
from chartcoder.outlets import contain_process
from chartcoder.protected import contained
from functions.authorizer.issuer import IssuerKeys
from functions.authorizer.tokens import Expected, caller_of

contain_process()
logger, tracer, metrics = make_logger(), Tracer(), Metrics()
expected = Expected.read(os.environ)
keys = IssuerKeys(expected.issuer)


@contained
@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@event_source(data_class=APIGatewayAuthorizerTokenEvent)
def handler(event: APIGatewayAuthorizerTokenEvent, context: LambdaContext) -> dict[str, Any]:
    """Lets this one request pass, in the name of whom the token names.

    Raises:
        Unauthorized: the token is not good; API Gateway makes 401 of this very word.
        IssuerUnavailable: its keys cannot be had, and nobody can be let in; API Gateway makes 503 of any other error.
    """
    scheme, _, token = event.authorization_token.partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise TokenRefused("it is no bearer token")
        caller = caller_of(token.strip(), expected, keys)
    except TokenRefused as refused:
        logger.info("a token was refused", extra={"reason": str(refused)})
        raise Unauthorized("Unauthorized") from None
    except IssuerUnavailable:
        metrics.add_metric("IssuerUnavailable", MetricUnit.Count, 1)
        metrics.flush_metrics()  # by hand: the decorator complains of each request that has nothing to count
        raise
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event.method_arn}
    return {
        "principalId": caller.subject,
        "policyDocument": {"Version": "2012-10-17", "Statement": [allowed]},
        "context": {"caller": caller.name},
    }
