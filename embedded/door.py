"""The API's door: plain HTTP on a loopback port, turned into signed requests to the stack's API Gateway.

On AWS every route asks for a signature. Here the door signs with the owner's credentials, so that `curl` is enough; it
listens on loopback only. Where the stack takes tokens of an issuer instead, requests pass as they come. What comes back
is what API Gateway answers.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from embedded import HOST, REGION
from embedded.loopback import Handler, Server
from embedded.sigv4 import sign

_OWN_HEADERS = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding"}
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
GATEWAY_SECONDS = 35  # API Gateway itself gives up after 29


class Door:
    """Serves the stack's API at `.url` until closed."""

    def __init__(
        self, endpoint: str, api_id: str, stage: str, *, credentials: Mapping[str, str] | None, port: int = 0
    ) -> None:
        """`credentials`: to sign with; without them nothing is signed. Raises OSError when the port is taken."""
        self._server = Server(_handler(f"{endpoint}/_aws/execute-api/{api_id}/{stage}", credentials), port)
        self.url = f"http://{HOST}:{self._server.port}"

    def close(self) -> None:
        self._server.close()


def _handler(target: str, credentials: Mapping[str, str] | None) -> type[Handler]:
    class Forward(Handler):
        def serve(self) -> None:
            body, url = self.body(), target + self.path
            dropped = _OWN_HEADERS if credentials is None else _OWN_HEADERS | {"authorization"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            if credentials is not None:
                headers = sign(
                    self.command, url, headers, body, credentials=credentials, service="execute-api", region=REGION
                )
            parts = urlsplit(url)
            gateway = http.client.HTTPConnection(parts.netloc, timeout=GATEWAY_SECONDS)
            try:
                gateway.request(self.command, url.removeprefix(f"http://{parts.netloc}"), body, headers)
                reply = gateway.getresponse()
                answer = reply.read()
            except (OSError, http.client.HTTPException) as error:
                self.answer(502, f"the embedded cloud does not answer: {type(error).__name__}\n".encode())
                return
            finally:
                gateway.close()
            passed = {name: value for name, value in reply.getheaders() if name.lower() not in _HOP_HEADERS}
            self.answer(reply.status, answer, passed)

    return Forward
