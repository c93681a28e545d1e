"""What the rule sets are given to read: the template as each variant of the stack deploys it."""

import json
from typing import Any

import pytest

from tests.unit.template.cloudformation import TEMPLATE, VARIANTS
from tools.security.rendering import Template, render_variants

Rendered = dict[str, tuple[Template, Template]]


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    return {variant: (references, names) for variant, references, names in render_variants(TEMPLATE)}


def functions_in(node: Any) -> set[str]:
    """The intrinsic functions left in a template."""
    if isinstance(node, dict):
        own = {name for name in node if name == "Ref" or name.startswith("Fn::")}
        return own.union(*(functions_in(value) for value in node.values()))
    return set().union(*(functions_in(value) for value in node)) if isinstance(node, list) else set()


def test_there_is_one_template_a_variant_and_each_makes_what_its_parameters_ask_for(rendered: Rendered) -> None:
    assert set(rendered) == {variant.replace(" ", "-") for variant in VARIANTS}
    assert "Trail" in rendered["everything-the-stack-can-make"][0]["Resources"]
    assert "Trail" not in rendered["as-it-comes"][0]["Resources"]


def test_only_references_to_resources_are_left_in_one_and_none_in_the_other(rendered: Rendered) -> None:
    for references, names in rendered.values():
        assert functions_in(references) == {"Ref", "Fn::GetAtt", "Fn::Join"}
        assert functions_in(names) == set()
        assert "${" not in json.dumps(names).replace("${ApiGatewayAccount}", "")


def test_a_policy_names_the_arns_that_its_resources_will_have(rendered: Rendered) -> None:
    _, names = rendered["as-it-comes"]
    (policy,) = names["Resources"]["WorkerRole"]["Properties"]["Policies"]
    resources = {s["Sid"]: s["Resource"] for s in policy["PolicyDocument"]["Statement"]}
    assert resources["ReadCharts"] == "arn:aws:s3:::chartcoder-charts-123456789012/charts/*"
    assert resources["TakeCharts"] == "arn:aws:sqs:us-east-1:123456789012:chartcoder-charts"
    assert resources["Key"].startswith("arn:aws:kms:us-east-1:123456789012:key/")


def test_what_depends_on_a_resource_that_a_variant_does_not_make_does_not_in_it(rendered: Rendered) -> None:
    for references, _ in rendered.values():
        for resource in references["Resources"].values():
            assert set(resource.get("DependsOn", [])) <= set(references["Resources"])


def test_a_parameter_that_is_a_number_is_given_as_one(rendered: Rendered) -> None:
    references, _ = rendered["as-it-comes"]
    assert references["Resources"]["WorkerLogGroup"]["Properties"]["RetentionInDays"] == 3653
