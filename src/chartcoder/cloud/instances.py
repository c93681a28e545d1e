"""EC2: the instances of this stack, and what they are given to boot with.

Instances are known by their tags: `chartcoder:stack`, `chartcoder:role` (master | worker), `chartcoder:run`, and for
workers `chartcoder:market` (spot | on-demand). Nothing here ever touches an instance without this stack's tag.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import ClientError

from chartcoder.errors import NoCapacity, SettingInvalid
from chartcoder.settings import Settings

Role = Literal["master", "worker"]
Market = Literal["spot", "on-demand"]

STACK, ROLE, RUN, MARKET = (f"chartcoder:{name}" for name in ("stack", "role", "run", "market"))
ALIVE = ("pending", "running", "stopping", "stopped")  # a stopped instance's volume is paid for
USER_DATA_BYTES = 16_384  # EC2's limit, before base64
A_HUNDRED = 100  # instances in one request

# what RunInstances says where EC2 has nothing to give, as against a mistake of ours
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
NO_CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "InstanceLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "VcpuLimitExceeded",
    }
)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of this stack. `launched_at` is EC2's time of its last start."""

    id: str
    role: str
    run: str
    market: Market
    type: str
    state: str
    launched_at: datetime

    @property
    def alive(self) -> bool:
        """It costs money and is not on its way out."""
        return self.state in ALIVE


class Instances:
    """The instances that carry this stack's tag."""

    def __init__(self, ec2: Any, stack: str) -> None:
        """`ec2`: a boto3 EC2 client."""
        self._ec2 = ec2
        self._stack = stack

    def launch(self, template: str, *, role: Role, run: str, user_data: str, token: str) -> str:
        """Starts one instance from the newest version of a launch template and gives its id.

        A `token` seen before gives the instance it was seen with, for a day after that one's end.

        Raises:
            NoCapacity: EC2 has no such instance to give, or the account's limit is reached.
        """
        tags = [
            {"Key": key, "Value": value}
            for key, value in {
                STACK: self._stack,
                ROLE: role,
                RUN: run,
                "Name": f"{run} {role}",
            }.items()
        ]
        try:
            answer = self._ec2.run_instances(
                LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
                MinCount=1,
                MaxCount=1,
                ClientToken=token,
                UserData=user_data,
                TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in NO_CAPACITY:
                raise NoCapacity(f"EC2 gave no {role}: {error.response['Error']['Code']}") from error
            raise
        instance: str = answer["Instances"][0]["InstanceId"]
        return instance

    def all(self, *, role: Role | None = None, run: str | None = None) -> list[Instance]:
        """This stack's instances in every state; EC2 shows an ended one for about an hour."""
        filters = {STACK: self._stack} | ({ROLE: role} if role else {}) | ({RUN: run} if run else {})
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{key}", "Values": [value]} for key, value in filters.items()]
        )
        return [
            _instance(item)
            for page in pages
            for reservation in page["Reservations"]
            for item in reservation["Instances"]
        ]

    def alive(self, *, role: Role | None = None, run: str | None = None) -> list[Instance]:
        """This stack's instances that cost money and are not on their way out."""
        return [instance for instance in self.all(role=role, run=run) if instance.alive]

    def terminate(self, ids: Iterable[str]) -> dict[str, str]:
        """Terminates instances, and gives EC2's word for each that it could not, by instance id.

        One that is gone already is terminated. One that EC2 refuses does not keep the others alive.
        """
        refused: dict[str, str] = {}
        for hundred in _hundreds(ids):
            try:
                self._ec2.terminate_instances(InstanceIds=hundred)
            except ClientError:  # EC2 takes all of a request or none: find out which
                refused |= {id_: code for id_ in hundred if (code := self._terminate_one(id_))}
        return refused

    def _terminate_one(self, id_: str) -> str | None:
        try:
            self._ec2.terminate_instances(InstanceIds=[id_])
        except ClientError as error:
            code: str = error.response["Error"]["Code"]
            return None if code == "InvalidInstanceID.NotFound" else code
        return None


def deployed_image(functions: Any, name: str) -> str:
    """The image, by digest where Lambda has resolved it, that a function of this stack was deployed with.

    `functions`: a boto3 Lambda client.
    """
    code = functions.get_function(FunctionName=name)["Code"]
    image: str = code.get("ResolvedImageUri") or code["ImageUri"]
    return image


def playbooks() -> Path:
    """The folder of the playbooks and of the boot script: CHARTCODER_PLAYBOOKS, which the control image sets, or the
    checkout's own."""
    return Path(os.environ.get("CHARTCODER_PLAYBOOKS") or Path(__file__).parents[3] / "playbooks")


def user_data(role: Role, settings: Settings, *, region: str) -> str:
    """What an instance boots with: exports of its settings, its run and its image, then `playbooks/boot/instance.sh`.

    Raises:
        SettingInvalid: the image or the run is not known yet, or it all is more than EC2 takes.
    """
    image = settings.control_image if role == "master" else settings.coder_image
    if not image or not settings.run:
        raise SettingInvalid(f"a {role} needs its run and its image; the launcher resolves both")
    environment = settings.as_environment() | {
        "CHARTCODER_ROLE": role,
        "CHARTCODER_IMAGE": image,
        "CHARTCODER_LOG_GROUP": settings.master_log_group if role == "master" else settings.worker_log_group,
        "POWERTOOLS_SERVICE_NAME": role,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    text = "#!/bin/bash\n" + exports + (playbooks() / "boot" / "instance.sh").read_text()
    if len(text.encode()) > USER_DATA_BYTES:
        raise SettingInvalid(f"the user data of a {role} is over {USER_DATA_BYTES} bytes; a setting is too long")
    return text


def _instance(item: dict[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return Instance(
        id=item["InstanceId"],
        role=tags.get(ROLE, ""),
        run=tags.get(RUN, ""),
        market="spot" if "spot" in (tags.get(MARKET), item.get("InstanceLifecycle")) else "on-demand",
        type=item["InstanceType"],
        state=item["State"]["Name"],
        launched_at=item["LaunchTime"],
    )


def _hundreds(ids: Iterable[str]) -> Iterator[list[str]]:
    rest = list(ids)
    while rest:
        yield rest[:A_HUNDRED]
        rest = rest[A_HUNDRED:]
