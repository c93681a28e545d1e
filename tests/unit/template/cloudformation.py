"""A template as CloudFormation would read it: conditions decided, parameters filled in, intrinsic functions worked out.

What exists only after deployment stays a placeholder that names it: `Ref` of a resource gives `${Key}`, `Fn::GetAtt`
gives `${Key.Arn}`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEMPLATE = Path(os.environ.get("CHARTCODER_TEMPLATE_UNDER_TEST", Path(__file__).parents[3] / "template.yaml"))
"""The project's own; another one shows that a mistake planted in it is noticed."""

VARIANTS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "everything the stack can make": {
        "FunctionsInVpc": "true",
        "TraceWorkers": "true",
        "S3PrefixListId": "pl-63a5400a",
        "DynamoDbPrefixListId": "pl-02cd2c6b",
        "SpotServiceRole": "create",
        "NotificationEmail": "coding@example.org",
        "ChartRetentionDays": "90",
        "BackupDays": "35",
        "AuditTrail": "stack",
        "JwtIssuer": "https://id.example.org/clinic",
        "JwtAudience": "chartcoder,chartcoder-scripts",
        "JwtScope": "chartcoder/use",
        "WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/mine/1",
    },
    "in a network that exists": {
        "VpcId": "vpc-0123456789abcdef0",
        "SubnetIds": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
        "EgressCidr": "10.20.0.0/16",
        "FunctionsInVpc": "true",
        "SpotShare": "0",
        "ApiGatewayLogRole": "exists",
    },
}
"""The sets of parameters under which the stack is looked at."""

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "chartcoder",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


class Stack:
    """What one template and one set of parameters make."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self._template = template
        self._parameters = {
            name: str(parameters.get(name, declared.get("Default")))
            for name, declared in template["Parameters"].items()
        }
        self.resources: dict[str, dict[str, Any]] = {
            name: self._read(resource)
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self._holds(resource["Condition"])
        }

    def of(self, *types: str) -> dict[str, dict[str, Any]]:
        """Logical id -> properties of every resource of the given types (`AWS::` may be left out)."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"].removeprefix("AWS::") in types
        }

    def parameter(self, name: str) -> str:
        return self._parameters[name]

    def _holds(self, condition: str) -> bool:
        return bool(self._read(self._template["Conditions"][condition]))

    def _read(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self._read(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in ("Ref", "Condition") and isinstance(argument, str):
                return self._holds(argument) if name == "Condition" else self._ref(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name.removeprefix("Fn::").lower())(argument)
        return {name: value for name, item in node.items() if (value := self._read(item)) is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return PSEUDO.get(name) or self._parameters.get(name, f"${{{name}}}")

    def _getatt(self, path: Any) -> str:
        return f"${{{path if isinstance(path, str) else '.'.join(path)}}}"

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument
        known = {name: self._read(value) for name, value in values.items()}

        def fill(match: re.Match[str]) -> str:
            name = match.group(1)
            return str(known[name] if name in known else self._ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", fill, text)

    def _if(self, argument: Any) -> Any:
        condition, yes, no = argument
        return self._read(yes if self._holds(condition) else no)

    def _equals(self, argument: Any) -> bool:
        left, right = (str(self._read(side)) for side in argument)
        return left == right

    def _not(self, argument: Any) -> bool:
        return not self._read(argument[0])

    def _and(self, argument: Any) -> bool:
        return all(self._read(one) for one in argument)

    def _join(self, argument: Any) -> str:
        return str(argument[0]).join(str(item) for item in self._read(argument[1]))

    def _split(self, argument: Any) -> list[str]:
        return str(self._read(argument[1])).split(argument[0])

    def _select(self, argument: Any) -> Any:
        return self._read(argument[1])[int(argument[0])]

    def _findinmap(self, argument: Any) -> Any:
        name, first, second = (str(self._read(part)) for part in argument)
        return self._template["Mappings"][name][first][second]

    def _cidr(self, argument: Any) -> list[str]:
        return [f"{self._read(argument[0])}#{number}" for number in range(int(argument[1]))]

    def _getazs(self, _: Any) -> list[str]:
        return ["us-east-1a", "us-east-1b"]


def as_list(value: Any) -> list[Any]:
    """IAM writes one thing as itself and several as a list."""
    return value if isinstance(value, list) else [value]


def statements(stack: Stack) -> list[tuple[str, dict[str, Any]]]:
    """(logical id, statement) of every permission that an identity of the stack has."""
    found = []
    for name, properties in stack.of("IAM::Role", "IAM::ManagedPolicy", "IAM::Policy").items():
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        found += [(name, statement) for document in documents for statement in document["Statement"]]
    return found


def permissions(stack: Stack, role: str) -> list[dict[str, Any]]:
    """The statements of one role, those of its managed policies included."""
    managed = [arn.strip("${}") for arn in stack.resources[role]["Properties"].get("ManagedPolicyArns", [])]
    return [statement for name, statement in statements(stack) if name == role or name in managed]


def allowed(stack: Stack, role: str) -> set[str]:
    """The actions that a role may take on something."""
    return {
        action
        for statement in permissions(stack, role)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }
