"""The instance metadata service (IMDSv2), one endpoint for each instance.

`answer` is the service itself, without a socket, so that another kind of machine can serve it elsewhere.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from embedded import HOST
from embedded.loopback import Handler, Server

Record = dict[str, Any]

TOKEN_HEADER = "x-aws-ec2-metadata-token"  # noqa: S105 - a header's name
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
LONGEST_TTL = 21_600
CREDENTIAL_SECONDS = 6 * 3600


@dataclass
class Subject:
    """The instance that a metadata endpoint speaks of."""

    record: Record
    tags_of: Callable[[Record], dict[str, str]]
    credentials_of: Callable[[Record], dict[str, str] | None]  # AWS_* variables of the instance's role, if it has one
    account: str
    region: str
    tokens: dict[str, float] = field(default_factory=dict)
    interruption: datetime | None = None

    def announce_interruption(self, seconds: float) -> None:
        self.interruption = datetime.fromtimestamp(time.time() + seconds, UTC)

    @property
    def options(self) -> dict[str, str]:
        return dict(self.record.get("_metadata_options") or {})


def answer(subject: Subject, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """Status and body for a request, as "Access instance metadata" in the EC2 User Guide says.

    The names of `headers` are in lower case.
    """
    if subject.options.get("HttpEndpoint") == "disabled":
        return 403, ""
    path = path.split("?")[0]
    if method == "PUT":
        return _new_token(subject, headers) if path == "/latest/api/token" else (404, "")
    token = headers.get(TOKEN_HEADER)
    if token is None and subject.options.get("HttpTokens") == "required":
        return 401, ""
    if token is not None and subject.tokens.get(token, 0.0) < time.time():
        return 401, ""
    found = _lookup(subject, path.removeprefix("/latest/").rstrip("/"))
    return (404, "") if found is None else (200, found)


def _new_token(subject: Subject, headers: Mapping[str, str]) -> tuple[int, str]:
    if "x-forwarded-for" in headers:  # IMDSv2 turns proxies away
        return 403, ""
    ttl = headers.get(TTL_HEADER, "")
    if not ttl.isdigit() or not 1 <= int(ttl) <= LONGEST_TTL:
        return 400, ""
    token = secrets.token_urlsafe(40)
    subject.tokens[token] = time.time() + int(ttl)
    return 200, token


def _lookup(subject: Subject, path: str) -> str | None:
    if path == "user-data":
        data = base64.b64decode(subject.record.get("UserData") or "").decode(errors="replace")
        return data or None
    if path == "dynamic/instance-identity/document":
        return json.dumps(_identity(subject))
    if path.startswith("meta-data/iam"):
        return _role(subject, path)
    if path.startswith("meta-data/tags/instance"):
        return _tag(subject, path)
    facts = _facts(subject)
    if path in ("meta-data", ""):
        return "\n".join(sorted({name.split("/")[0] for name in facts}))
    return facts.get(path.removeprefix("meta-data/"))


def _facts(subject: Subject) -> dict[str, str]:
    record = subject.record
    facts = {
        "ami-id": record["ImageId"],
        "hostname": record["PrivateDnsName"],
        "instance-id": record["InstanceId"],
        "instance-life-cycle": record.get("_market") or "on-demand",
        "instance-type": record["InstanceType"],
        "local-hostname": record["PrivateDnsName"],
        "local-ipv4": record["PrivateIpAddress"],
        "placement/availability-zone": record["Placement"]["AvailabilityZone"],
        "placement/region": subject.region,
    }
    if subject.interruption:
        at = subject.interruption.strftime("%Y-%m-%dT%H:%M:%SZ")
        facts["spot/instance-action"] = json.dumps({"action": "terminate", "time": at})
        facts["spot/termination-time"] = at
    return facts


def _identity(subject: Subject) -> dict[str, str]:
    record = subject.record
    return {
        "accountId": subject.account,
        "architecture": record["Architecture"],
        "availabilityZone": record["Placement"]["AvailabilityZone"],
        "imageId": record["ImageId"],
        "instanceId": record["InstanceId"],
        "instanceType": record["InstanceType"],
        "pendingTime": record["LaunchTime"],
        "privateIp": record["PrivateIpAddress"],
        "region": subject.region,
        "version": "2017-09-30",
    }


def _role(subject: Subject, path: str) -> str | None:
    credentials = subject.credentials_of(subject.record)
    if credentials is None:
        return None
    if path == "meta-data/iam/info":
        arn = (subject.record.get("IamInstanceProfile") or {}).get("Arn", "")
        return json.dumps({"Code": "Success", "InstanceProfileArn": arn})
    if path == "meta-data/iam/security-credentials":
        return credentials["ROLE_NAME"]
    if path != f"meta-data/iam/security-credentials/{credentials['ROLE_NAME']}":
        return None
    now = time.time()
    return json.dumps(
        {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": _instant(now),
            "AccessKeyId": credentials["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
            "Token": credentials["AWS_SESSION_TOKEN"],
            "Expiration": _instant(now + CREDENTIAL_SECONDS),
        }
    )


def _tag(subject: Subject, path: str) -> str | None:
    if subject.options.get("InstanceMetadataTags") != "enabled":
        return None
    tags = subject.tags_of(subject.record)
    key = path.removeprefix("meta-data/tags/instance").lstrip("/")
    return tags.get(key) if key else "\n".join(sorted(tags))


def _instant(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class MetadataServer:
    """Serves one instance's metadata on a port of its own, at the address where its machine finds us."""

    def __init__(self, subject: Subject, host: str = HOST) -> None:
        self.subject = subject
        self._server = Server(_handler(subject), host=host)
        self.endpoint = f"http://{host}:{self._server.port}"

    def close(self) -> None:
        self._server.close()


def _handler(subject: Subject) -> type[Handler]:
    class Metadata(Handler):
        def serve(self) -> None:
            asked = {name.lower(): value for name, value in self.headers.items()}
            status, body = answer(subject, self.command, self.path, asked)
            headers = {"Content-Type": "text/plain"}
            if self.command == "PUT" and status == 200:
                headers[TTL_HEADER] = asked[TTL_HEADER]
            self.answer(status, body.encode(), headers)

    return Metadata
