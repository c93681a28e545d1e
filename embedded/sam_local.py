"""`sam local` on a cloud started with `--docker`: the template with what SAM cannot know of it filled in.

SAM gives a local function only the variables that its template declares, and knows no physical names. So the functions
of this template declare what the deployed ones have, with the endpoint and their own role's credentials, and run the
cloud's own images:

    sam local invoke WatchdogFunction --template .chartcoder/sam-local.json --docker-network chartcoder-... --event ...
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from embedded.cloud import EmbeddedCloud

FUNCTION, API = "AWS::Serverless::Function", "AWS::Serverless::Api"


def write_template(cloud: EmbeddedCloud, path: Path) -> Path:
    """Write the template for a running cloud with containers; gives the path.

    It holds session credentials of this cloud, so only its owner may read it.
    """
    source = yaml_parse((cloud.project / "template.yaml").read_text())["Resources"]
    functions = {
        name: _function(cloud, name, one)
        for name, one in source.items()
        if one["Type"] == FUNCTION and name in cloud.resources  # the stack's conditions leave some out
    }
    apis = {
        name: {"Type": API, "Properties": {"StageName": one["Properties"]["StageName"]}}
        for name, one in source.items()
        if one["Type"] == API
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": apis | functions}, indent=1))
    return path


def _function(cloud: EmbeddedCloud, name: str, source: dict[str, Any]) -> dict[str, Any]:
    """A function as it is deployed: nothing in it is left for SAM to resolve."""
    assert cloud.containers is not None  # noqa: S101 - the caller has seen to it
    deployed = cloud.client("lambda").get_function_configuration(FunctionName=cloud.resources[name])
    role = cloud.client("sts").assume_role(RoleArn=deployed["Role"], RoleSessionName="sam-local")["Credentials"]
    declared = source["Properties"]
    routes = {event: one for event, one in declared.get("Events", {}).items() if one["Type"] == "Api"}
    for route in routes.values():
        route["Properties"].pop("RequestModel", None)
    return {
        "Type": FUNCTION,
        "Properties": {
            "FunctionName": deployed["FunctionName"],
            "PackageType": "Image",
            "ImageUri": cloud.containers.local_image(source["Metadata"]["Dockerfile"]),
            "ImageConfig": declared["ImageConfig"],
            "Timeout": deployed["Timeout"],
            "MemorySize": deployed["MemorySize"],
            "Environment": {
                "Variables": {
                    **deployed["Environment"]["Variables"],
                    "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
                    "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
                    "AWS_SESSION_TOKEN": role["SessionToken"],
                    "AWS_ENDPOINT_URL": cloud.containers.endpoint(cloud.endpoint),
                }
            },
            "Events": routes,
        },
    }
