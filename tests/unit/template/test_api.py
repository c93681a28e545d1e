"""The API: each route by name, each one signed for, none that logs or keeps what it answers."""

import json

import pytest

from chartcoder.chart import ID_PATTERN
from functions.api.operations import OPERATIONS
from tests.unit.template.cloudformation import Stack

FUNCTIONS = {"api": "ApiFunction", "coder": "CoderFunction"}
ROUTES = {f"{operation.method} {operation.path}": FUNCTIONS[operation.function] for operation in OPERATIONS}
"""The table that the functions' routes and the OpenAPI document come from."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")


def body_of(stack: Stack) -> dict:
    """The API's OpenAPI document."""
    (api,) = stack.of("ApiGateway::RestApi").values()
    document: dict = api["Body"]
    return document


def stage_of(stack: Stack) -> dict:
    (stage,) = stack.of("ApiGateway::Stage").values()
    return stage


def operations(body: dict) -> dict[str, dict]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_the_routes_are_these_and_each_goes_to_its_function(stack: Stack) -> None:
    body = body_of(stack)
    found = {route: operation["x-amazon-apigateway-integration"] for route, operation in operations(body).items()}
    assert set(found) == set(ROUTES)
    for route, function in ROUTES.items():
        assert f"${{{function}.Arn}}" in found[route]["uri"], route
        assert found[route]["type"] == "aws_proxy", route


def test_every_route_asks_for_a_signature(stack: Stack) -> None:
    body = body_of(stack)
    scheme = body["securityDefinitions"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
    for route, operation in operations(body).items():
        assert operation["security"] == [{"AWS_IAM": []}], route


@pytest.mark.parametrize(("route", "model"), [("POST /charts", "submission"), ("POST /code", "text")])
def test_a_body_that_is_no_request_is_refused_at_the_gateway(stack: Stack, route: str, model: str) -> None:
    body = body_of(stack)
    operation = operations(body)[route]
    (parameter,) = [parameter for parameter in operation["parameters"] if parameter["in"] == "body"]
    assert parameter["required"] is True
    assert parameter["schema"] == {"$ref": f"#/definitions/{model}"}
    validator = body["x-amazon-apigateway-request-validators"][operation["x-amazon-apigateway-request-validator"]]
    assert validator["validateRequestBody"] is True


def test_the_gateway_knows_an_id_as_the_code_does(stack: Stack) -> None:
    body = body_of(stack)
    properties = body["definitions"]["submission"]["properties"]
    for name in ("batch", "chart"):
        assert properties[name]["pattern"] == f"^{ID_PATTERN.pattern}$"


def test_api_gateway_calls_the_functions_in_its_own_name(stack: Stack) -> None:
    body = body_of(stack)
    for route, operation in operations(body).items():
        assert "credentials" not in operation["x-amazon-apigateway-integration"], route


def test_no_policy_of_the_api_lets_another_account_in(stack: Stack) -> None:
    (api,) = stack.of("ApiGateway::RestApi").values()
    assert "Policy" not in api
    assert "x-amazon-apigateway-policy" not in body_of(stack)


def test_no_other_origin_is_let_in(stack: Stack) -> None:
    body = body_of(stack)
    assert "Access-Control-Allow-Origin" not in json.dumps(body)


def test_every_route_is_throttled_and_none_is_cached_or_logged_with_its_body(stack: Stack) -> None:
    stage = stage_of(stack)
    (settings,) = stage["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] == stack.parameter("ThrottlingRate")
    assert settings["ThrottlingBurstLimit"] == stack.parameter("ThrottlingBurst")
    assert settings["CachingEnabled"] is False
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] == "OFF"
    assert not stage.get("CacheClusterEnabled")


def test_the_access_log_names_the_route_and_never_the_path_or_the_query(stack: Stack) -> None:
    stage = stage_of(stack)
    log = stage["AccessLogSetting"]
    assert log["DestinationArn"] == "${ApiAccessLogGroup.Arn}"
    assert set(json.loads(log["Format"]).values()) == {
        "$context.requestId",
        "$context.requestTime",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.identity.userArn",
        "$context.identity.sourceIp",
    }


def test_there_is_one_stage_and_no_other(stack: Stack) -> None:
    assert [stage["StageName"] for stage in stack.of("ApiGateway::Stage").values()] == ["v1"]
    assert not [d for d in stack.of("ApiGateway::Deployment").values() if "StageName" in d]


def test_requests_are_traced(stack: Stack) -> None:
    stage = stage_of(stack)
    assert stage["TracingEnabled"] is True


def test_a_firewall_stands_before_the_api_where_one_is_given(stack: Stack) -> None:
    given = stack.parameter("WebAclArn")
    associations = list(stack.of("WAFv2::WebACLAssociation").values())
    assert [association["WebACLArn"] for association in associations] == ([given] if given else [])
