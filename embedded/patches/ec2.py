"""EC2: launch templates count, instances boot, and end.

ministack's RunInstances knows no launch template (so no user data, profile, tags, metadata or market options from one),
starts MinCount instead of MaxCount, ignores ClientToken and the shutdown behaviour, calls an instance running at once
though nothing runs, forgets a terminated instance after a minute, and lets unknown filters match everything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from xml.sax.saxutils import escape

from ministack.services import ec2

from embedded.patches import iam
from embedded.patches.base import replace, replace_action, require

log = logging.getLogger("embedded.ec2")

Record = dict[str, Any]
Parameters = dict[str, Any]

PENDING, RUNNING = {"Code": 0, "Name": "pending"}, {"Code": 16, "Name": "running"}
SHUTTING_DOWN, TERMINATED = {"Code": 32, "Name": "shutting-down"}, {"Code": 48, "Name": "terminated"}
TERMINATED_SHOWN_SECONDS = 3600  # "terminated instances remain visible ... usually one hour" (EC2 User Guide)

_METADATA_DEFAULTS = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": "1",
    "HttpEndpoint": "enabled",
    "InstanceMetadataTags": "disabled",
}


class Boots(Protocol):
    """What turns instances into something that runs (see embedded/instances.py)."""

    def launched(self, record: Record) -> None: ...
    def ended(self, record: Record) -> None: ...
    def refusal(self, *, spot: bool, count: int) -> str | None: ...


def install(machines: Boots) -> None:
    """Put the patches in place; instances boot and end on `machines`."""
    require(
        ec2, "_instances", "_launch_templates", "_tags", "_p", "_xml", "_error", "_parse_filters", "_parse_member_list"
    )
    _install_launching(machines)
    _install_ending(machines)
    _install_describing()


def _install_launching(machines: Boots) -> None:
    @replace(ec2, "_parse_lt_data", "params")
    def parse_template_data(
        original: Callable[..., Any], request: Parameters, prefix: str = "LaunchTemplateData"
    ) -> Any:
        data = original(request, prefix)
        if market := ec2._p(request, f"{prefix}.InstanceMarketOptions.MarketType"):
            data["InstanceMarketOptions"] = {"MarketType": market}
        return data

    @replace_action(ec2, "RunInstances", "_run_instances")
    def run_instances(original: Callable[..., Any], request: Parameters) -> Any:
        token = ec2._p(request, "ClientToken")
        digest = _digest(request)
        if token:
            earlier = [r for r in ec2._instances.values() if r.get("_client_token") == token]
            if earlier and earlier[0]["_request_digest"] != digest:
                return ec2._error("IdempotentParameterMismatch", "The client token was used with other parameters", 400)
            if earlier:  # AWS answers with the instances of then, also when they are terminated by now
                return _reservation(earlier)
        template, refused = _launch_template(request)
        if refused:
            return refused
        if "NetworkInterfaces" in template and (ec2._p(request, "SubnetId") or ec2._p(request, "SecurityGroupId.1")):
            return ec2._error(
                "InvalidParameterCombination",
                "Network interfaces and an instance-level subnet ID may not be specified on the same request",
                400,
            )
        _merge(template, request)
        if enforced() and (denied := iam.refusal(iam.launch_of(request, template, _all_tags(request, template)))):
            log.info("refused to launch: %s", denied)
            return ec2._error("UnauthorizedOperation", escape(denied), 403)
        spot = ec2._p(request, "InstanceMarketOptions.MarketType") == "spot"
        count = int(ec2._p(request, "MaxCount") or 1)
        refusal = machines.refusal(spot=spot, count=count)
        if refusal:
            log.info("refused to launch %d instances: %s", count, refusal)
            return ec2._error("InsufficientInstanceCapacity", refusal, 500)
        known = {r["InstanceId"] for r in ec2._instances.values()}
        answer = original({**request, "MinCount": [str(count)]})
        if answer[0] != 200:
            return answer
        records = [r for r in ec2._instances.values() if r["InstanceId"] not in known]
        for index, record in enumerate(records):
            _complete(record, request, template, index=index, token=token, digest=digest)
        answer = _reservation(records)  # rendered while pending, as AWS answers
        for record in records:
            machines.launched(record)
        return answer


def _install_ending(machines: Boots) -> None:
    @replace_action(ec2, "TerminateInstances", "_terminate_instances")
    def terminate_instances(original: Callable[..., Any], request: Parameters) -> Any:
        ids = ec2._parse_member_list(request, "InstanceId")
        if enforced() and (denied := iam.termination_refusal(ids, _tags_by_id)):
            return ec2._error("UnauthorizedOperation", escape(denied), 403)
        before = {i: dict(ec2._instances[i]) for i in ids if i in ec2._instances}
        answer = original(request)
        if answer[0] != 200:
            return answer
        items = ""
        for instance_id in ids:
            record, previous = ec2._instances[instance_id], before[instance_id]
            ended = previous["State"]["Name"] == "terminated"
            record["_terminated_at"] = previous.get("_terminated_at", record["_terminated_at"])
            items += _state_change(instance_id, previous["State"], TERMINATED if ended else SHUTTING_DOWN)
            if not ended:
                record["_reason"] = "Client.UserInitiatedShutdown"
                machines.ended(record)
        return ec2._xml(200, "TerminateInstancesResponse", f"<instancesSet>{items}</instancesSet>")

    @replace_action(ec2, "StopInstances", "_stop_instances")
    def stop_instances(original: Callable[..., Any], request: Parameters) -> Any:
        answer = original(request)
        if answer[0] == 200:
            for instance_id in ec2._parse_member_list(request, "InstanceId"):
                machines.ended(ec2._instances[instance_id])
        return answer

    @replace(ec2, "_cleanup_terminated")
    def cleanup_terminated(original: Callable[..., Any]) -> None:
        horizon = time.time() - TERMINATED_SHOWN_SECONDS
        for instance_id, record in ec2._instances.items():
            if record["State"]["Name"] == "terminated" and record.get("_terminated_at", 0) < horizon:
                ec2._instances.pop(instance_id, None)


def _install_describing() -> None:
    @replace(ec2, "_instance_xml", "inst")
    def instance_xml(original: Callable[..., str], record: Record) -> str:
        options = {**_METADATA_DEFAULTS, **record.get("_metadata_options", {})}
        inner = "".join(f"<{k[0].lower()}{k[1:]}>{escape(v)}</{k[0].lower()}{k[1:]}>" for k, v in options.items())
        extra = f"<metadataOptions><state>applied</state>{inner}</metadataOptions>"
        if record.get("_market") == "spot":
            extra += "<instanceLifecycle>spot</instanceLifecycle>"
        if record.get("_client_token"):
            extra += f"<clientToken>{escape(record['_client_token'])}</clientToken>"
        if record.get("_reason"):
            reason = escape(record["_reason"])
            extra += (
                f"<reason>{reason}</reason><stateReason><code>{reason}</code><message>{reason}</message></stateReason>"
            )
        return original(record).removesuffix("</item>") + extra + "</item>"

    @replace_action(ec2, "DescribeInstanceAttribute", "_describe_instance_attribute")
    def describe_instance_attribute(original: Callable[..., Any], request: Parameters) -> Any:
        record, name = ec2._instances.get(ec2._p(request, "InstanceId")), ec2._p(request, "Attribute")
        if record is None or name not in ("userData", "instanceInitiatedShutdownBehavior"):
            return original(request)
        value = record.get("UserData", "") if name == "userData" else shutdown_behaviour(record)
        inner = f"<{name}><value>{escape(value)}</value></{name}>"
        identity = f"<instanceId>{record['InstanceId']}</instanceId>"
        return ec2._xml(200, "DescribeInstanceAttributeResponse", identity + inner)

    @replace_action(ec2, "DescribeInstances", "_describe_instances")
    def describe_instances(original: Callable[..., Any], request: Parameters) -> Any:
        unknown = [n for n in ec2._parse_filters(request) if n not in _FILTERS and not n.startswith(("tag:", "tag-"))]
        if unknown:
            return ec2._error("InvalidParameterValue", f"The filter '{unknown[0]}' is invalid", 400)
        return original(request)

    @replace(ec2, "_matches_filters", "inst", "filters")
    def matches_filters(original: Callable[..., bool], record: Record, filters: dict[str, list[str]]) -> bool:
        own = {name: values for name, values in filters.items() if name in _FILTERS}
        return original(record, filters) and all(
            any(ec2._glob_match(wanted, _FILTERS[name](record)) for wanted in values) for name, values in own.items()
        )


_FILTERS: dict[str, Callable[[Record], str]] = {
    "availability-zone": lambda r: r["Placement"]["AvailabilityZone"],
    "client-token": lambda r: r.get("_client_token", ""),
    "image-id": lambda r: r["ImageId"],
    "instance-id": lambda r: r["InstanceId"],
    "instance-lifecycle": lambda r: r.get("_market", ""),
    "instance-state-code": lambda r: str(r["State"]["Code"]),
    "instance-state-name": lambda r: r["State"]["Name"],
    "instance-type": lambda r: r["InstanceType"],
    "private-ip-address": lambda r: r["PrivateIpAddress"],
    "subnet-id": lambda r: r["SubnetId"],
    "vpc-id": lambda r: r["VpcId"],
}


def shutdown_behaviour(record: Record) -> str:
    """`stop` or `terminate`: what the instance's own shutdown means. EC2's default is stop."""
    return str(record.get("_shutdown_behaviour") or "stop")


def set_state(record: Record, state: dict[str, Any], reason: str = "") -> None:
    """Move an instance to a state; called by what boots and ends them."""
    record["State"] = dict(state)
    if reason:
        record["_reason"] = reason
    if state["Name"] == "terminated":
        record["_terminated_at"] = time.time()


def tags_of(record: Record) -> dict[str, str]:
    return _tags_by_id(record["InstanceId"])


def _tags_by_id(instance_id: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance_id, [])}


def _digest(request: Parameters) -> str:
    asked = {k: v for k, v in request.items() if k not in ("ClientToken", "Action", "Version")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _reservation(records: Iterable[Record]) -> Any:
    items = "".join(ec2._instance_xml(record) for record in records)
    inner = f"<instancesSet>{items}</instancesSet><reservationId>r-{time.time_ns():017x}</reservationId>"
    return ec2._xml(200, "RunInstancesResponse", inner + f"<ownerId>{ec2.get_account_id()}</ownerId><groupSet/>")


def _state_change(instance_id: str, previous: dict[str, Any], current: dict[str, Any]) -> str:
    def state(tag: str, value: dict[str, Any]) -> str:
        return f"<{tag}><code>{value['Code']}</code><name>{value['Name']}</name></{tag}>"

    states = state("previousState", previous) + state("currentState", current)
    return f"<item><instanceId>{instance_id}</instanceId>{states}</item>"


def _launch_template(request: Parameters) -> tuple[dict[str, Any], Any]:
    """The data of the launch template that a request names, or the error to answer."""
    asked = {
        key: ec2._p(request, f"LaunchTemplate.{key}") for key in ("LaunchTemplateId", "LaunchTemplateName", "Version")
    }
    if not asked["LaunchTemplateId"] and not asked["LaunchTemplateName"]:
        return {}, None
    version = asked["Version"] or "$Default"
    for template in ec2._launch_templates.values():
        if asked["LaunchTemplateId"] not in ("", template["LaunchTemplateId"]):
            continue
        if asked["LaunchTemplateName"] not in ("", template["LaunchTemplateName"]):
            continue
        numbers = {"$Latest": template["LatestVersionNumber"], "$Default": template["DefaultVersionNumber"]}
        number = str(numbers.get(version, version))
        for candidate in template["Versions"]:
            if str(candidate["VersionNumber"]) == number:
                return candidate["LaunchTemplateData"], None
        return {}, ec2._error("InvalidLaunchTemplateId.VersionNotFound", f"Could not find version {version}", 400)
    return {}, ec2._error("InvalidLaunchTemplateId.NotFound", "The specified launch template does not exist", 400)


def _merge(template: dict[str, Any], request: Parameters) -> None:
    """Fill the request with the template's values; what the request says wins, tags of both are kept."""
    for name in ("ImageId", "InstanceType", "UserData", "KeyName", "InstanceInitiatedShutdownBehavior"):
        _fill(request, name, template.get(name))
    if not ec2._p(request, "IamInstanceProfile.Arn") and not ec2._p(request, "IamInstanceProfile.Name"):
        for key, value in (template.get("IamInstanceProfile") or {}).items():
            _fill(request, f"IamInstanceProfile.{key}", value)
    for key, value in (template.get("MetadataOptions") or {}).items():
        _fill(request, f"MetadataOptions.{key}", value)
    _fill(request, "InstanceMarketOptions.MarketType", (template.get("InstanceMarketOptions") or {}).get("MarketType"))
    interface = (template.get("NetworkInterfaces") or [{}])[0]
    _fill(request, "SubnetId", ec2._p(request, "NetworkInterface.1.SubnetId") or interface.get("SubnetId"))
    if not ec2._p(request, "SecurityGroupId.1"):
        groups = ec2._parse_member_list(request, "NetworkInterface.1.SecurityGroupId")
        groups = groups or interface.get("Groups") or template.get("SecurityGroupIds") or []
        for number, group in enumerate(groups, 1):
            _fill(request, f"SecurityGroupId.{number}", group)
    public = ec2._p(request, "NetworkInterface.1.AssociatePublicIpAddress") or interface.get("AssociatePublicIpAddress")
    _fill(request, "_PublicAddress", str(public or "").lower())


def _fill(request: Parameters, name: str, value: Any) -> None:
    if value not in (None, "") and not ec2._p(request, name):
        request[name] = [str(value)]


def _tags_asked(request: Parameters, template: dict[str, Any], resource: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for specification in template.get("TagSpecifications") or []:
        if specification.get("ResourceType") == resource:
            tags |= {str(tag["Key"]): str(tag.get("Value", "")) for tag in specification.get("Tags") or []}
    number = 1
    while kind := ec2._p(request, f"TagSpecification.{number}.ResourceType"):
        index = 1
        while key := ec2._p(request, f"TagSpecification.{number}.Tag.{index}.Key"):
            if kind == resource:
                tags[key] = ec2._p(request, f"TagSpecification.{number}.Tag.{index}.Value", "")
            index += 1
        number += 1
    return tags


def _all_tags(request: Parameters, template: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The tags of each kind of resource that a launch makes."""
    return {kind: _tags_asked(request, template, kind) for kind in ("instance", "volume", "network-interface")}


def enforced() -> bool:
    """Whether this cloud refuses what roles and policies do not allow."""
    from ministack import app

    return bool(app.AUTH)


def _complete(
    record: Record, request: Parameters, template: dict[str, Any], *, index: int, token: str, digest: str
) -> None:
    """Give a fresh record what ministack leaves out."""
    record["State"] = dict(PENDING)
    record["AmiLaunchIndex"] = index
    record["_client_token"], record["_request_digest"] = token, digest
    record["_shutdown_behaviour"] = ec2._p(request, "InstanceInitiatedShutdownBehavior") or "stop"
    record["_market"] = ec2._p(request, "InstanceMarketOptions.MarketType")
    options = {key: ec2._p(request, f"MetadataOptions.{key}") for key in _METADATA_DEFAULTS}
    record["_metadata_options"] = {key: value for key, value in options.items() if value}
    if ec2._p(request, "_PublicAddress") == "false":
        record["PublicIpAddress"] = record["PublicDnsName"] = ""
    tags = _tags_asked(request, template, "instance")
    ec2._tags[record["InstanceId"]] = [{"Key": key, "Value": value} for key, value in tags.items()]
    volume_tags = [{"Key": k, "Value": v} for k, v in _tags_asked(request, template, "volume").items()]
    for mapping in record["BlockDeviceMappings"]:
        ec2._tags[mapping["Ebs"]["VolumeId"]] = list(volume_tags)


def user_data(record: Record) -> bytes:
    """What the instance is told at boot, decoded."""
    return base64.b64decode(record.get("UserData") or "")
