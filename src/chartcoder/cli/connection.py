"""A deployed stack, by its name: its buckets, and its API with requests signed as AWS asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import typer

from chartcoder.cli.tokens import COMMAND, Tokens
from chartcoder.errors import BadRequest, ChartcoderError, NotFound

LOOPBACK = ("127.0.0.1", "localhost", "::1")

StackName = Annotated[str, typer.Option("--stack", envvar="CHARTCODER_STACK", help="The stack's name.")]
Endpoint = Annotated[
    str | None,
    typer.Option(envvar="AWS_ENDPOINT_URL", help="The embedded cloud's AWS endpoint, as `chartcoder up` tells it."),
]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


class Connection:
    """One stack. Clients and signatures are made with the caller's own AWS credentials.

    Where the stack takes tokens of an issuer, requests to its API carry one instead of a signature.
    """

    def __init__(self, stack: str, endpoint: str | None = None) -> None:
        """Raises:
        BadRequest: an endpoint that is not on loopback: charts and signatures would leave for somewhere else.
        NotFound: there is no such stack in this account and region.
        ChartcoderError: no credentials, no region, or AWS does not answer; says what to do.
        """
        try:
            import boto3
            from botocore.exceptions import BotoCoreError, ClientError
        except ModuleNotFoundError as error:
            raise ChartcoderError(f"{error.name} is missing: install chartcoder with its extra `cloud`") from None
        self.stack, self._endpoint = stack, endpoint
        self._session: Any = boto3.Session(**_embedded(endpoint))
        if self._session.region_name is None:
            raise ChartcoderError("no AWS region: set AWS_REGION, or `aws configure set region REGION`")
        if self._session.get_credentials() is None:
            raise ChartcoderError("no AWS credentials: `aws configure sso` or `aws configure`, or set AWS_PROFILE")
        try:
            described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in error.response["Error"]["Message"]:
                raise ChartcoderError(f"AWS refused: {error.response['Error']['Code']} at DescribeStacks") from None
            raise NotFound(
                f"there is no stack {stack!r} in {self._session.region_name}: name it with --stack, or AWS_REGION"
            ) from None
        except BotoCoreError as error:
            raise ChartcoderError(
                f"AWS does not answer at {endpoint or 'its endpoint'}: {type(error).__name__}"
            ) from None
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}
        if "ApiUrl" not in self.outputs:
            raise NotFound(f"the stack {stack!r} is not chartcoder's: it has no output ApiUrl")
        takes_tokens = bool(self.parameters.get("JwtIssuer"))
        self._tokens = Tokens(os.environ.get(COMMAND, "")) if takes_tokens else None

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)

    @property
    def api(self) -> str:
        """The API's address; the embedded cloud has its gateway below its one endpoint."""
        url: str = self.outputs["ApiUrl"]
        if self._endpoint is None:
            return url
        parts = urlsplit(url)
        return f"{self._endpoint.rstrip('/')}/_aws/execute-api/{str(parts.hostname).partition('.')[0]}{parts.path}"

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request in the caller's name; an address that the API answers with is followed, without that.

        Raises:
            ChartcoderError: the API does not answer, or no token is to be had.
        """
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import HTTPClientError
        from botocore.httpsession import URLLib3Session

        session = URLLib3Session(timeout=60)
        try:
            reply = session.send(self._in_my_name(AWSRequest(method, f"{self.api}{path}", headers=headers, data=body)))
            if reply.status_code == 401 and self._tokens is not None:
                self._tokens.forget()
                again = AWSRequest(method, f"{self.api}{path}", headers=headers, data=body)
                reply = session.send(self._in_my_name(again))
            if reply.status_code == 303:
                reply = session.send(AWSRequest("GET", reply.headers["Location"]).prepare())
        except HTTPClientError as error:
            raise ChartcoderError(f"the stack's API does not answer: {type(error).__name__}") from None
        return Reply(reply.status_code, dict(reply.headers), reply.content)

    def _in_my_name(self, request: Any) -> Any:
        """The request, signed, or with a token."""
        from botocore.auth import SigV4Auth

        if self._tokens is not None:
            request.headers["Authorization"] = f"Bearer {self._tokens.current()}"
        else:
            credentials = self._session.get_credentials().get_frozen_credentials()
            SigV4Auth(credentials, "execute-api", self._session.region_name).add_auth(request)
        return request.prepare()

    def ask(self, method: str, path: str, *, query: dict[str, str | None] | None = None, body: Any = None) -> Any:
        """The JSON that the API answers.

        Raises:
            NotFound, BadRequest, ChartcoderError: in the API's own words.
        """
        asked = urlencode({name: value for name, value in (query or {}).items() if value})
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
        reply = self.request(method, f"{path}?{asked}" if asked else path, body=sent, headers=headers)
        try:
            answer = json.loads(reply.body)
        except ValueError:
            raise ChartcoderError(f"the stack's API answered {reply.status} without JSON") from None
        if reply.status >= 400:
            detail = answer.get("detail") or answer.get("message") or f"status {reply.status}"
            raise {404: NotFound, 400: BadRequest}.get(reply.status, ChartcoderError)(detail)
        return answer

    def pages(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        token = None
        while True:
            page = self.ask("GET", path, query={"next_token": token})
            yield from page[name]
            token = page["next_token"]
            if token is None:
                return


def _embedded(endpoint: str | None) -> dict[str, Any]:
    """The embedded cloud's own account: a user's real credentials never sign what goes to loopback."""
    if endpoint is None:
        return {}
    address = urlsplit(endpoint)
    if address.scheme != "http" or address.hostname not in LOOPBACK:
        raise BadRequest(
            "the endpoint is not the embedded cloud's: expected http://127.0.0.1:PORT, as `chartcoder up` tells it;"
            " a stack on AWS needs none (unset AWS_ENDPOINT_URL)"
        )
    from embedded import ACCOUNT, REGION

    return {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "embedded", "region_name": REGION}
