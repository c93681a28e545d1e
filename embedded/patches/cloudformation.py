"""CloudFormation: properties that ministack drops in silence are set; types that it refuses are taken without effect.

Everything else of the template is created, so a mistake in it shows.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import dynamodb, s3
from ministack.services.cloudformation import provisioners

from embedded.patches.base import EmulatorChanged, require
from embedded.patches.without_effect import WITHOUT_EFFECT

log = logging.getLogger("embedded.cloudformation")


def install() -> None:
    require(provisioners, "_RESOURCE_HANDLERS")
    known = [kind for kind in WITHOUT_EFFECT if kind in provisioners._RESOURCE_HANDLERS]
    if known:
        raise EmulatorChanged(
            f"ministack knows {', '.join(known)} by now: take it out of embedded/patches/without_effect.py"
        )
    for kind in WITHOUT_EFFECT:
        provisioners._RESOURCE_HANDLERS[kind] = {"create": _create, "update": _update, "delete": _delete}
    require(s3, "_put_bucket_encryption")
    require(dynamodb, "_update_ttl", "_update_continuous_backups", "_sse_description_from_spec", "_tables")
    _then("AWS::S3::Bucket", _encrypt_bucket)
    _then("AWS::DynamoDB::Table", _set_table)


def _then(kind: str, finish: Callable[[str, dict[str, Any]], None]) -> None:
    """Have `finish` set on a created or updated resource what ministack's own provisioner left out."""
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]

    def create_and_finish(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        finish(made[0], properties)
        return made

    def update_and_finish(physical_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any, **named: Any) -> Any:
        made = update(physical_id, old, new, *more, **named)
        finish(made[0], new)
        return made

    handlers.update(create=create_and_finish, update=update_and_finish)


def _encrypt_bucket(name: str, properties: dict[str, Any]) -> None:
    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or []
    inner = ""
    for rule in rules:
        default = rule["ServerSideEncryptionByDefault"]
        inner += f"<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{default['SSEAlgorithm']}</SSEAlgorithm>"
        if "KMSMasterKeyID" in default:
            inner += f"<KMSMasterKeyID>{escape(default['KMSMasterKeyID'])}</KMSMasterKeyID>"
        bucket_key = str(rule.get("BucketKeyEnabled", False)).lower()
        inner += f"</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>{bucket_key}</BucketKeyEnabled></Rule>"
    if inner:
        body = f'<ServerSideEncryptionConfiguration xmlns="{s3.S3_NS}">{inner}</ServerSideEncryptionConfiguration>'
        _must(s3._put_bucket_encryption(name, body.encode()), name)


def _set_table(name: str, properties: dict[str, Any]) -> None:
    if encryption := properties.get("SSESpecification"):
        wanted = {**encryption, "Enabled": encryption.get("SSEEnabled", False)}
        dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(wanted)
    if expiry := properties.get("TimeToLiveSpecification"):
        _must(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry}), name)
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        request = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        _must(dynamodb._update_continuous_backups(request), name)


def _must(answer: tuple[int, Any, bytes], name: str) -> None:
    """Fail the resource, as CloudFormation does when a service refuses."""
    if answer[0] >= 300:
        raise ValueError(f"{name}: {answer[2].decode(errors='replace')}")


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    physical_id = f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
    log.info("%s of stack %s is taken without effect", logical_id, stack)
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    return None
