"""CloudFormation: resource types that ministack refuses whole stacks for are taken without effect, and said so.

Everything else of the template is created, so a mistake in it shows.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

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


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    physical_id = f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
    log.info("%s of stack %s is taken without effect", logical_id, stack)
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    return physical_id, {"Id": physical_id, "Arn": physical_id}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    return None
