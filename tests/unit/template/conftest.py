"""The stack that template.yaml stands for, under each set of parameters that changes what is in it."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation import TEMPLATE, Stack

from embedded.stack import expand_template

VARIANTS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "everything the stack can make": {
        "FunctionsInVpc": "true",
        "S3PrefixListId": "pl-63a5400a",
        "DynamoDbPrefixListId": "pl-02cd2c6b",
        "SpotServiceRole": "create",
        "NotificationEmail": "coding@example.org",
        "ChartRetentionDays": "90",
        "BackupDays": "35",
        "AuditTrail": "stack",
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


@pytest.fixture(scope="session")
def expanded_template() -> dict[str, Any]:
    """template.yaml after SAM's transform; intrinsic functions stand as they are."""
    return expand_template(TEMPLATE, {})


@pytest.fixture(scope="session", params=VARIANTS.values(), ids=VARIANTS)
def stack(expanded_template: dict[str, Any], request: pytest.FixtureRequest) -> Stack:
    """Every control is asked of every variant."""
    return Stack(expanded_template, request.param)
