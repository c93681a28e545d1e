"""repositories.yaml: images that cannot be replaced under their tag, are scanned, and are the stack's alone."""

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.unit.template.cloudformation import TEMPLATE, Stack

REPOSITORIES = TEMPLATE.parent / "repositories.yaml"


@pytest.fixture(scope="module")
def made() -> dict[str, dict]:
    return Stack(yaml_parse(REPOSITORIES.read_text()), {}).of("ECR::Repository")


def test_there_is_a_repository_for_each_image(made: dict[str, dict]) -> None:
    assert {r["RepositoryName"] for r in made.values()} == {"chartcoder/control", "chartcoder/coder"}


def test_a_tag_is_never_moved_and_what_is_pushed_is_scanned_and_encrypted(made: dict[str, dict]) -> None:
    for name, repository in made.items():
        assert repository["ImageTagMutability"] == "IMMUTABLE", name
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}, name
        assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS", name


def test_old_images_are_forgotten_and_enough_are_kept_to_roll_back_to(made: dict[str, dict]) -> None:
    for name, repository in made.items():
        assert '"countNumber": 20' in repository["LifecyclePolicy"]["LifecyclePolicyText"], name


def test_only_lambda_fetches_images_and_only_for_the_stacks_functions(made: dict[str, dict]) -> None:
    for name, repository in made.items():
        (statement,) = repository["RepositoryPolicyText"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}, name
        functions = "arn:aws:lambda:us-east-1:123456789012:function:chartcoder-*"
        assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": functions}, name
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}, name


def test_the_instances_role_knows_them_by_path_and_tag(made: dict[str, dict], stack: Stack) -> None:
    (own,) = [
        statement
        for statement in stack.of("IAM::ManagedPolicy")["InstanceBasics"]["PolicyDocument"]["Statement"]
        if statement["Sid"] == "OwnImages"
    ]
    (tag,) = own["Condition"]["StringEquals"].items()
    for repository in made.values():
        assert {"Key": tag[0].partition("/")[2], "Value": tag[1]} in repository["Tags"]
        assert repository["RepositoryName"].startswith(own["Resource"].partition("repository/")[2].rstrip("*"))
