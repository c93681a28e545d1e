"""CloudFormation: resource types that ministack refuses whole stacks for are taken without effect, and said so.

Everything else of the template is created, so a mistake in it shows.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from ministack.services.cloudformation import provisioners

from embedded.patches.base import EmulatorChanged, require

log = logging.getLogger("embedded.cloudformation")

WITHOUT_EFFECT = {
    "AWS::EC2::FlowLog": "there is no traffic between the emulated network's interfaces to log",
    "AWS::EC2::SecurityGroupEgress": "processes share the loopback interface; rules inside a security group are kept",
    "AWS::EC2::SecurityGroupIngress": "processes share the loopback interface; rules inside a security group are kept",
    "AWS::IAM::ServiceLinkedRole": "the account's role for Spot; nothing here assumes it",
    "AWS::WAFv2::WebACLAssociation": "the API is reached on loopback only",
}
"""Type -> why it does nothing here. What is not here and not known to ministack fails the stack."""


def install() -> None:
    require(provisioners, "_RESOURCE_HANDLERS")
    known = [kind for kind in WITHOUT_EFFECT if kind in provisioners._RESOURCE_HANDLERS]
    if known:
        raise EmulatorChanged(f"ministack knows {', '.join(known)} by now: take it out of {__name__}.WITHOUT_EFFECT")
    for kind in WITHOUT_EFFECT:
        provisioners._RESOURCE_HANDLERS[kind] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    physical_id = f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
    log.info("%s of stack %s is taken without effect", logical_id, stack)
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    return None
