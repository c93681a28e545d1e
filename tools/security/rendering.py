"""template.yaml as each variant of the stack deploys it, for rule sets that read neither SAM nor conditions.

SAM's transform is done, conditions are decided and parameters filled in. What refers to a resource either stays a
reference (cdk-nag and checkov follow it) or becomes the name or ARN that it will have (policy linters read ARNs only).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from embedded.stack import expand_template
from tests.unit.template.cloudformation import NO_VALUE, PSEUDO, VARIANTS, Stack

Template = dict[str, Any]

_KEPT = ("Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")
_HERE = "us-east-1:123456789012"
_ARNS = {
    "AWS::CloudTrail::Trail": f"arn:aws:cloudtrail:{_HERE}:trail/%s",
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{_HERE}:alarm:%s",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/%s",
    "AWS::Events::Rule": f"arn:aws:events:{_HERE}:rule/%s",
    "AWS::IAM::InstanceProfile": "arn:aws:iam::123456789012:instance-profile/%s",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::123456789012:policy/%s",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/%s",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/00000000-0000-4000-8000-000000000000",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:%s",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:%s:*",
    "AWS::S3::Bucket": "arn:aws:s3:::%s",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:%s",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:%s",
}
"""What `Arn` of a resource is (Service Authorization Reference); `%s` is its name."""


def render_variants(template: Path) -> Iterator[tuple[str, Template, Template]]:
    """(variant of the stack, its template with references, its template with names and ARNs in their place)."""
    expanded = expand_template(template, {})
    for name, parameters in VARIANTS.items():
        yield name.replace(" ", "-"), render(_References(expanded, parameters)), render(_Names(expanded, parameters))


def render_plain(template: Path) -> tuple[str, Template, Template]:
    """The same of a template that needs no transform, with its own defaults."""
    plain = yaml_parse(template.read_text())
    return template.stem, render(_References(plain, {})), render(_Names(plain, {}))


def render(stack: Stack) -> Template:
    """A template without parameters and conditions; resources depend only on such as it makes."""
    resources = {
        name: {part: resource[part] for part in _KEPT if part in resource} for name, resource in stack.resources.items()
    }
    for resource in resources.values():
        if "DependsOn" in resource:
            named = resource["DependsOn"]
            resource["DependsOn"] = [n for n in (named if isinstance(named, list) else [named]) if n in resources]
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


class _Typed(Stack):
    """Gives a parameter of type Number as a number: rule sets compare."""

    def _known(self, name: str) -> Any:
        value = PSEUDO.get(name, self._parameters.get(name))
        if self._template["Parameters"].get(name, {}).get("Type") == "Number":
            return float(value or 0) if "." in str(value) else int(value or 0)
        return value


class _References(_Typed):
    """Keeps `Ref`, `Fn::GetAtt` and `Fn::Sub` where they name a resource."""

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        known = self._known(name)
        return {"Ref": name} if known is None else known

    def _getatt(self, path: Any) -> Any:
        return {"Fn::GetAtt": path.split(".", 1) if isinstance(path, str) else path}

    def _sub(self, argument: Any) -> Any:
        text, values = (argument, {}) if isinstance(argument, str) else argument
        parts = re.split(r"\$\{([\w:.]+)\}", text)
        filled = [part if number % 2 == 0 else self._part(part, values) for number, part in enumerate(parts)]
        if all(not isinstance(part, dict) for part in filled):
            return "".join(str(part) for part in filled)
        return {"Fn::Join": ["", [part for part in filled if part != ""]]}

    def _part(self, name: str, values: Mapping[str, Any]) -> Any:
        if name in values:
            return self._read(values[name])
        return self._getatt(name) if "." in name else self._ref(name)


class _Names(_Typed):
    """Gives each resource the name and the ARN that it will have, or as good as."""

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        known = self._known(name)
        if known is not None:
            return known
        kind = self._template["Resources"][name]["Type"]
        if kind in ("AWS::IAM::ManagedPolicy", "AWS::SNS::Topic"):
            return self._arn(name)
        return f"lt-{name.lower()}" if kind == "AWS::EC2::LaunchTemplate" else self._name(name)

    def _getatt(self, path: Any) -> str:
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        return self._arn(name) if attribute == "Arn" else f"{name}.{attribute}"

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument

        def fill(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in values:
                return str(self._read(values[name]))
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", fill, text)

    def _arn(self, name: str) -> str:
        arn = _ARNS[self._template["Resources"][name]["Type"]]
        return arn % self._name(name) if "%s" in arn else arn

    def _name(self, name: str) -> str:
        properties = self._template["Resources"][name].get("Properties", {})
        for key in ("BucketName", "QueueName", "FunctionName", "LogGroupName", "AlarmName", "TrailName"):
            if key in properties:
                return str(self._read(properties[key]))
        return name
