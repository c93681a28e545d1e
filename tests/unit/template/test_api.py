"""The API: each route by name, each one asked for by name, none that logs or keeps what it answers."""

import json
import re

import pytest
from samtranslator.yaml_helper import yaml_parse

from chartcoder.chart import ID_PATTERN
from functions.api.operations import OPERATIONS
from tests.unit.template.cloudformation import TEMPLATE, Stack

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


def test_every_route_asks_who_is_there(stack: Stack) -> None:
    body = body_of(stack)
    assert set(body["securityDefinitions"]) == {"Caller"}
    for route, operation in operations(body).items():
        assert operation["security"] == [{"Caller": []}], route


def test_requests_are_signed_or_where_an_issuer_is_given_carry_its_token(stack: Stack) -> None:
    scheme = body_of(stack)["securityDefinitions"]["Caller"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")
    if not stack.parameter("JwtIssuer"):
        assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
        assert "x-amazon-apigateway-authorizer" not in scheme
        return
    assert scheme["x-amazon-apigateway-authtype"] == "custom"
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "token"
    assert "/functions/${AuthorizerFunction.Arn}/" in authorizer["authorizerUri"]
    assert authorizer["authorizerResultTtlInSeconds"] == 0, "an answer that is kept lets in a token that is over"


def test_only_a_token_of_three_parts_reaches_the_authorizer(stack: Stack) -> None:
    scheme = body_of(stack)["securityDefinitions"]["Caller"]
    if authorizer := scheme.get("x-amazon-apigateway-authorizer"):
        expression = re.compile(authorizer["identityValidationExpression"])
        assert expression.fullmatch("Bearer e30.e30.c2ln-_")
        for other in (
            "Basic e30.e30.c2ln",
            "Bearer e30.e30.",
            "Bearer e30.e30",
            "Bearer a.b.c d",
            "AWS4-HMAC-SHA256 a",
        ):
            assert not expression.fullmatch(other), other


def test_only_this_api_asks_the_authorizer(stack: Stack) -> None:
    asking = {
        name: permission
        for name, permission in stack.of("Lambda::Permission").items()
        if permission["FunctionName"] == "${AuthorizerFunction}"
    }
    assert bool(asking) == bool(stack.parameter("JwtIssuer"))
    for permission in asking.values():
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceAccount"] == "123456789012"
        assert permission["SourceArn"] == "arn:aws:execute-api:us-east-1:123456789012:${Api}/authorizers/*"


def test_another_issuer_reaches_the_stage_though_the_template_is_the_same() -> None:
    source = yaml_parse(TEMPLATE.read_text())
    assert source["Resources"]["Api"]["Properties"]["AlwaysDeploy"] is True


def test_an_issuer_without_an_audience_is_refused() -> None:
    source = yaml_parse(TEMPLATE.read_text())
    rule = source["Rules"]["AnIssuersTokensAreForSomebody"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "JwtIssuer"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "JwtAudience"}, ""]}]}


@pytest.mark.parametrize(
    ("issuer", "taken"),
    [
        ("", True),
        ("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab1", True),
        ("https://id.example.org/realms/clinic", True),
        ("http://127.0.0.1:8480", True),
        ("http://id.example.org", False),
        ("http://127.0.0.1:80@id.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("https://id.example.org?x=1", False),
        ("https://user@id.example.org", False),
        ("ftp://id.example.org", False),
    ],
)
def test_an_issuer_is_at_an_https_address(issuer: str, taken: bool) -> None:
    source = yaml_parse(TEMPLATE.read_text())
    assert bool(re.fullmatch(source["Parameters"]["JwtIssuer"]["AllowedPattern"], issuer)) is taken


def test_who_is_refused_is_told_so_as_a_problem(stack: Stack) -> None:
    answers = body_of(stack)["x-amazon-apigateway-gateway-responses"]
    for kind, status in (("UNAUTHORIZED", 401), ("AUTHORIZER_FAILURE", 503), ("ACCESS_DENIED", 403)):
        assert int(answers[kind]["statusCode"]) == status
        problem = json.loads(answers[kind]["responseTemplates"]["application/json"])
        assert (problem["status"], "detail" in problem) == (status, True)
    header = answers["UNAUTHORIZED"]["responseParameters"]["gatewayresponse.header.WWW-Authenticate"]
    assert header == "'Bearer'"  # RFC 6750, section 3


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
        "$context.authorizer.principalId",
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
