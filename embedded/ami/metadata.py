"""The instance's own metadata, asked as a process on it would (IMDSv2)."""

from __future__ import annotations

import json
import os
import urllib.request

SERVICE = "http://169.254.169.254"


def get(path: str) -> str:
    """The value at `path` below /latest/.

    Raises:
        urllib.error.HTTPError: when there is no such value.
    """
    endpoint = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", SERVICE).rstrip("/")
    asked = urllib.request.Request(  # noqa: S310 - our own loopback endpoint
        f"{endpoint}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    with urllib.request.urlopen(asked, timeout=5) as reply:  # noqa: S310
        token = reply.read().decode()
    asked = urllib.request.Request(f"{endpoint}/latest/{path}", headers={"X-aws-ec2-metadata-token": token})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=5) as reply:  # noqa: S310
        return str(reply.read().decode())


def role_credentials() -> dict[str, str]:
    """The AWS_* credentials of the instance's role."""
    role = get("meta-data/iam/security-credentials/")
    given = json.loads(get(f"meta-data/iam/security-credentials/{role}"))
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["Token"],
    }


def call(service: str, target: str, request: dict[str, object]) -> dict[str, object]:
    """Call an AWS JSON 1.1 operation with the instance's role.

    Raises:
        urllib.error.HTTPError: when the service refuses; its body says why.
    """
    from embedded.sigv4 import sign

    region, url = get("meta-data/placement/region"), os.environ["AWS_ENDPOINT_URL"].rstrip("/") + "/"
    body = json.dumps(request).encode()
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
    signed = sign("POST", url, headers, body, credentials=role_credentials(), service=service, region=region)
    asked = urllib.request.Request(url, data=body, headers=signed, method="POST")  # noqa: S310
    with urllib.request.urlopen(asked, timeout=30) as reply:  # noqa: S310
        return dict(json.loads(reply.read() or b"{}"))
