"""IAM, where the cloud enforces it: policies are evaluated as over TLS, EC2's launches and ends resource by resource.

Every policy of the stack refuses plain HTTP. Nothing leaves the machine here, so the emulator answers those condition
keys as AWS does for an HTTPS request.

RunInstances is authorised on AWS for each resource that a launch touches, with condition keys of its own, and
TerminateInstances for each instance with its tags (Service Authorization Reference, Amazon EC2). ministack asks once,
without any key, which no policy worth its name allows. It also asks for names of actions (SQS's batches) and for
resources (log streams) that AWS does not, and does not know DynamoDB's key of the
item, nor the key that an upload to S3 names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, ec2, iam

from embedded import ACCOUNT, REGION
from embedded.patches.base import replace, require

_AS_OVER_TLS = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
_LAUNCH, _TAG, _PASS, _TERMINATE = "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole", "ec2:TerminateInstances"
_ENCRYPTION_HEADERS = (  # besides the one that the emulator knows
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)
_AMI_OWNER = "amazon"  # of the public images that the emulator knows

_caller: ContextVar[str] = ContextVar("caller")
"""The access key of the request that is being handled."""


def install() -> None:
    require(iam_evaluator, "enforce")
    require(iam, "_instance_profiles")
    require(dynamodb, "_tables")

    @replace(iam_actions, "dynamodb_service_context", "body")
    def dynamodb_service_context(original: Callable[..., Any], body: bytes) -> dict[str, Any]:
        return {**original(body), **_leading_keys(json.loads(body or b"{}"))}

    @replace(iam_actions, "s3_service_context", "iam_action", "query_params", "path", "headers")
    def s3_service_context(original: Callable[..., Any], iam_action: str, *rest: Any) -> dict[str, Any]:
        headers = rest[2] or {}
        named = {f"s3:{name}": headers[name] for name in _ENCRYPTION_HEADERS if headers.get(name)}
        return {**original(iam_action, *rest), **(named if iam_action == "s3:PutObject" else {})}

    @replace(iam_evaluator, "_resolve_condition_key", "key", "ctx")
    def resolve_condition_key(original: Callable[..., Any], key: str, context: Any) -> Any:
        return _AS_OVER_TLS.get(key.lower()) or original(key, context)

    @replace(iam_evaluator, "enforce", "access_key_id", "iam_action", "service", "region", "resource_arn")
    def enforce(original: Callable[..., Any], access_key: str, action: str, *arguments: Any, **keywords: Any) -> Any:
        _caller.set(access_key)
        if action in (_LAUNCH, _TERMINATE) and not (keywords.get("service_context") or {}).get(_ASKED_BY_US):
            return None  # EC2 asks for each resource, once it knows them: see `refusal` and `termination_refusal`
        if action.startswith("sqs:"):
            action = action.removesuffix("Batch")  # "DeleteMessageBatch: use the DeleteMessage permission", and so on
        if action in ("logs:CreateLogStream", "logs:PutLogEvents") and ":log-stream:" not in keywords.get(
            "resource_arn", ""
        ):
            keywords["resource_arn"] += ":log-stream:"  # what AWS's own refusals name; the group's Arn ends in ":*"
        return original(access_key, action, *arguments, **keywords)


def _leading_keys(request: dict[str, Any]) -> dict[str, list[str]]:
    """`dynamodb:LeadingKeys`, the partition keys of the items a request names (Service Authorization Reference)."""
    keys = []
    for name, item in _items(request):
        table = dynamodb._tables.get(name.rpartition("/")[2])
        if table:
            keys += [str(value) for value in item.get(table["pk_name"], {}).values()]
    return {"dynamodb:LeadingKeys": keys} if keys else {}


def _items(request: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, item or key) of all that a request names, by itself, in a batch or in a transaction."""
    writes = [write for item in request.get("TransactItems", ()) for write in item.values()]
    for name, entries in request.get("RequestItems", {}).items():
        asked = [write for entry in entries for write in entry.values()] if isinstance(entries, list) else []
        keys = [{"Key": key} for key in entries["Keys"]] if isinstance(entries, dict) else []
        writes += [{**write, "TableName": name} for write in (*asked, *keys)]
    for write in (request, *writes):
        if item := write.get("Key") or write.get("Item"):
            yield str(write.get("TableName", "")), item


_ASKED_BY_US = "embedded:launch"


@dataclass(frozen=True, slots=True)
class Launch:
    """What a RunInstances request comes to, with its launch template merged in."""

    template: str  # its id, empty where the request names none
    instance_type: str
    image: str
    subnet: str
    groups: tuple[str, ...]
    profile: str  # the instance profile's ARN or name
    http_tokens: str
    spot: bool
    encrypted: bool
    tags: dict[str, dict[str, str]]  # by resource type


def refusal(launch: Launch) -> str | None:
    """Why the caller may not launch this, in EC2's words, or None; only asked where the cloud enforces IAM."""
    for action, arn, keys in _questions(launch):
        if denied := _denial(action, arn, keys):
            return denied
    return None


def termination_refusal(instance_ids: list[str], tags_of: Callable[[str], dict[str, str]]) -> str | None:
    """Why the caller may not terminate these instances, in EC2's words, or None."""
    for instance_id in instance_ids:
        tags = tags_of(instance_id)
        keys = {f"{service}:ResourceTag/{name}": value for name, value in tags.items() for service in ("aws", "ec2")}
        if denied := _denial(_TERMINATE, f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance_id}", keys):
            return denied
    return None


def _denial(action: str, arn: str, keys: dict[str, Any]) -> str | None:
    context = {**keys, _ASKED_BY_US: "true"}
    denied = iam_evaluator.enforce(_caller.get(), action, "ec2", REGION, resource_arn=arn, service_context=context)
    if denied is None:
        return None
    who = getattr(denied, "principal_arn", "the caller")
    what = f"User: {who} is not authorized to perform: {action} on resource: {arn}"
    return f"You are not authorized to perform this operation. {what}"


def _questions(launch: Launch) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each action, resource and context that AWS evaluates."""
    base = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    template = f"{base}:launch-template/{launch.template}"
    from_template = {"ec2:LaunchTemplate": template, "ec2:IsLaunchTemplateResource": "true"} if launch.template else {}
    common: dict[str, Any] = {"ec2:Region": REGION, **from_template}
    instance = {
        "ec2:InstanceType": launch.instance_type,
        "ec2:InstanceMarketType": "spot" if launch.spot else "on-demand",
        "ec2:MetadataHttpTokens": launch.http_tokens,
        "ec2:InstanceProfile": launch.profile,
    }
    resources: dict[str, dict[str, Any]] = {
        f"{base}:instance/*": {**common, **instance, **_tag_keys(launch.tags.get("instance", {}))},
        f"{base}:volume/*": {
            **common,
            "ec2:Encrypted": str(launch.encrypted).lower(),
            **_tag_keys(launch.tags.get("volume", {})),
        },
        f"{base}:network-interface/*": {**common, **_tag_keys(launch.tags.get("network-interface", {}))},
        f"arn:aws:ec2:{REGION}::image/{launch.image}": {**common, "ec2:Owner": _AMI_OWNER, "ec2:Public": "true"},
        f"{base}:subnet/{launch.subnet}": common,
        **{f"{base}:security-group/{group}": common for group in launch.groups},
        **({template: common} if launch.template else {}),
    }
    for arn, keys in resources.items():
        yield _LAUNCH, arn, keys
    for kind, tags in launch.tags.items():
        if tags:
            yield (
                _TAG,
                f"{base}:{kind}/*",
                {"ec2:Region": REGION, "ec2:CreateAction": "RunInstances", **_tag_keys(tags)},
            )
    if launch.profile:
        role = role_of(launch.profile)
        yield _PASS, f"arn:aws:iam::{ACCOUNT}:role/{role}", {"iam:PassedToService": "ec2.amazonaws.com"}


def _tag_keys(tags: dict[str, str]) -> dict[str, Any]:
    if not tags:
        return {}
    return {"aws:TagKeys": list(tags), **{f"aws:RequestTag/{name}": value for name, value in tags.items()}}


def role_of(profile: str) -> str | None:
    """The name of the role in an instance profile, by the profile's ARN or name."""
    found = iam._instance_profiles.get(profile.rpartition("/")[2])
    if not found or not found.get("Roles"):
        return None
    role = found["Roles"][0]
    return str(role if isinstance(role, str) else role["RoleName"])


def launch_of(request: dict[str, Any], template: dict[str, Any], tags: dict[str, dict[str, str]]) -> Launch:
    """Read a merged RunInstances request."""
    volumes = [m["Ebs"] for m in template.get("BlockDeviceMappings") or [] if "Ebs" in m]
    return Launch(
        template=_template_id(request),
        instance_type=ec2._p(request, "InstanceType"),
        image=ec2._p(request, "ImageId"),
        subnet=ec2._p(request, "SubnetId") or ec2._DEFAULT_SUBNET_ID,
        groups=tuple(ec2._parse_member_list(request, "SecurityGroupId")),
        profile=ec2._p(request, "IamInstanceProfile.Arn") or ec2._p(request, "IamInstanceProfile.Name"),
        http_tokens=ec2._p(request, "MetadataOptions.HttpTokens") or "optional",
        spot=ec2._p(request, "InstanceMarketOptions.MarketType") == "spot",
        encrypted=bool(volumes) and all(str(v.get("Encrypted", "")).lower() == "true" for v in volumes),
        tags=tags,
    )


def _template_id(request: dict[str, Any]) -> str:
    if given := ec2._p(request, "LaunchTemplate.LaunchTemplateId"):
        return str(given)
    name = ec2._p(request, "LaunchTemplate.LaunchTemplateName")
    named = (t["LaunchTemplateId"] for t in ec2._launch_templates.values() if name == t["LaunchTemplateName"])
    return str(next(named, ""))
