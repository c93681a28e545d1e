"""The stack of the embedded cloud: the real template, expanded as SAM expands it, created through CloudFormation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
from yaml import YAMLError

from chartcoder.errors import ChartcoderError
from embedded import REGION

Template = dict[str, Any]

IMAGES = {"functions/Dockerfile": "embedded/control:latest", "worker_image/Dockerfile": "embedded/coder:latest"}
"""The image a function's Dockerfile would be built into."""

TEMPLATES = "embedded-sam-artifacts"
DEPLOY_SECONDS = 120.0


class StackFailed(ChartcoderError):
    """The stack was not created; the message holds CloudFormation's own reason for each resource that failed."""


def expand_template(path: Path, parameters: Mapping[str, str], *, image_uri: Callable[[str], str] = str) -> Template:
    """The plain CloudFormation template that a SAM template stands for, as `sam deploy` sends it for the transform.

    Args:
        path: the SAM template.
        parameters: values for its parameters; the others keep their defaults.
        image_uri: makes an image's URI of its name, one of IMAGES.

    Raises:
        StackFailed: the template is no YAML, or SAM refuses it; names the place and the reason.
        KeyError: a function's Dockerfile is not in IMAGES.
    """
    try:
        source: Template = yaml_parse(path.read_text())
    except YAMLError as error:
        raise StackFailed(f"{path.name} is not YAML: {error}") from None
    for resource in source["Resources"].values():
        properties = resource.get("Properties") or {}
        if resource["Type"] == "AWS::Serverless::Function" and "ImageUri" not in properties:
            properties["ImageUri"] = image_uri(IMAGES[resource["Metadata"]["Dockerfile"]])
    defaults = {
        name: str(value["Default"]) for name, value in source.get("Parameters", {}).items() if "Default" in value
    }
    # the policies' names are looked up in IAM only where a template names managed policies for SAM to resolve
    translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=REGION))
    try:
        return dict(translator.translate(source, parameter_values={**defaults, **parameters, "AWS::Region": REGION}))
    except InvalidDocumentException as error:
        reasons = "; ".join(cause.message for cause in error.causes)
        raise StackFailed(f"SAM refuses {path.name}: {reasons}") from None


def deploy_stack(
    cloudformation: Any, s3: Any, name: str, template: Template, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Create the stack, or bring the one that is there to this template and these parameters; returns its outputs.

    The template goes by way of a bucket, as `sam deploy` sends it: CloudFormation takes 51,200 bytes directly.

    Raises:
        StackFailed: naming each resource that failed, with the reason.
    """
    s3.create_bucket(Bucket=TEMPLATES)
    s3.put_object(Bucket=TEMPLATES, Key=f"{name}.template", Body=json.dumps(template).encode())
    request = {
        "StackName": name,
        "TemplateURL": f"https://s3.{REGION}.amazonaws.com/{TEMPLATES}/{name}.template",
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    }
    if _describe(cloudformation, name) is None:
        cloudformation.create_stack(**request)
    else:
        _update(cloudformation, request)
    deadline = time.monotonic() + DEPLOY_SECONDS
    while (stack := _describe(cloudformation, name)) is None or stack["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise StackFailed(f"{name} is not complete after {DEPLOY_SECONDS:.0f} s; {_failures(cloudformation, name)}")
        time.sleep(0.1)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise StackFailed(f"{name} is {stack['StackStatus']}: {_failures(cloudformation, name)}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _update(cloudformation: Any, request: dict[str, Any]) -> None:
    try:
        cloudformation.update_stack(**request)
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def _describe(cloudformation: Any, name: str) -> dict[str, Any] | None:
    stacks = cloudformation.describe_stacks()["Stacks"]
    return next((stack for stack in stacks if stack["StackName"] == name), None)


def _failures(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
    lines = [f"{e['LogicalResourceId']} ({e['ResourceType']}): {e.get('ResourceStatusReason', '')}" for e in failed]
    return "; ".join(reversed(lines)) or "CloudFormation gives no reason"


def resources(cloudformation: Any, name: str) -> dict[str, str]:
    """Logical id -> physical id of everything in the stack."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        r["LogicalResourceId"]: r.get("PhysicalResourceId", "")
        for page in pages
        for r in page["StackResourceSummaries"]
    }
