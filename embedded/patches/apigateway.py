"""API Gateway: what an API's OpenAPI body says of binary types and of the gateway's own answers.

ministack's import of a body takes its paths alone. Request models stay out: where a method has one for JSON, ministack
holds every other content type to it too, which API Gateway does not ("Request validation for REST APIs").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import apigateway_v1

from embedded.patches.base import replace, require

BINARY, ANSWERS = "x-amazon-apigateway-binary-media-types", "x-amazon-apigateway-gateway-responses"


def install() -> None:
    require(apigateway_v1, "_rest_apis", "_put_gateway_response")

    @replace(apigateway_v1, "_import_rest_api", "spec", "base_data")
    def import_rest_api(original: Callable[..., Any], spec: dict[str, Any], base_data: Any = None) -> str:
        api_id: str = original(spec, base_data)
        if spec.get(BINARY):
            apigateway_v1._rest_apis[api_id]["binaryMediaTypes"] = spec[BINARY]
        for kind, answer in spec.get(ANSWERS, {}).items():
            apigateway_v1._put_gateway_response(api_id, kind, {**answer, "statusCode": answer.get("statusCode")})
        return api_id
