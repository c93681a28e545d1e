"""The instance-metadata service, version 2: who this instance is, and whether EC2 is about to take it back.

Every request carries a session token (IMDSv2); the service is asked without any proxy.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from chartcoder.errors import MetadataUnavailable

ENDPOINT = "http://169.254.169.254"
TOKEN_SECONDS = 21_600  # the longest the service allows
TIMEOUT_SECONDS = 2.0
ATTEMPTS = 5  # the service may take a moment while an instance boots
FIRST_PAUSE = 0.4  # seconds; doubles with every attempt


class InstanceMetadata:
    """What the instance-metadata service says of the instance this process runs on."""

    def __init__(self, endpoint: str = ENDPOINT, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._opener: OpenerDirector = build_opener(ProxyHandler({}))
        self._token: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> InstanceMetadata:
        """The service at AWS_EC2_METADATA_SERVICE_ENDPOINT, as the AWS SDKs read it, or at its usual address."""
        return cls(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT)

    def instance_id(self) -> str:
        """Raises MetadataUnavailable where this is no instance, or its metadata service is off."""
        return self._need("instance-id")

    def spot_notice(self) -> bool:
        """True once EC2 has announced, two minutes ahead, that it takes this Spot instance back.

        A service that does not answer has announced nothing: the worker goes on, and asks again.
        """
        try:
            return self._get("spot/instance-action") is not None
        except (URLError, TimeoutError, ConnectionError):
            return False

    def _need(self, name: str) -> str:
        """One item, asked for again where the service does not answer."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                value = self._get(name)
            except (URLError, TimeoutError, ConnectionError) as error:
                if attempt == ATTEMPTS:
                    raise MetadataUnavailable(
                        f"the instance-metadata service at {self._endpoint} does not answer ({type(error).__name__}); "
                        "this command runs on an EC2 instance with HttpTokens and HttpEndpoint on"
                    ) from error
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            else:
                if value is None:
                    raise MetadataUnavailable(f"the instance-metadata service at {self._endpoint} knows no {name}")
                return value
        raise AssertionError("unreachable")

    def _get(self, name: str) -> str | None:
        """One item; None where the service has none of that name."""
        self._token = self._token or self._put_token()
        try:
            return self._item(name)
        except HTTPError as error:
            if error.code != 401:
                raise
        self._token = self._put_token()  # the old one has expired
        return self._item(name)

    def _item(self, name: str) -> str | None:
        try:
            return self._ask("GET", f"meta-data/{name}", {"X-aws-ec2-metadata-token": self._token or ""})
        except HTTPError as error:
            if error.code == 404:
                return None
            raise

    def _put_token(self) -> str:
        return self._ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)})

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = Request(f"{self._endpoint}/latest/{path}", method=method, headers=headers)  # noqa: S310 -- our setting
        answer: Any
        with self._opener.open(request, timeout=self._timeout) as answer:
            body: bytes = answer.read()
        return body.decode()
