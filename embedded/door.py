"""The API's door: plain HTTP on a loopback port, turned into signed requests to the stack's API Gateway.

On AWS every route asks for a signature. Here the door signs with the owner's credentials, so that `curl` is enough; it
listens on loopback only. What comes back is what API Gateway answers.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from embedded import HOST, REGION
from embedded.sigv4 import sign

_OWN_HEADERS = {"host", "connection", "content-length", "authorization", "accept-encoding", "transfer-encoding"}
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
GATEWAY_SECONDS = 35  # API Gateway itself gives up after 29


class Door:
    """Serves the stack's API at `.url` until closed."""

    def __init__(
        self, endpoint: str, api_id: str, stage: str, *, credentials: Mapping[str, str], port: int = 0
    ) -> None:
        """Raises OSError when the port is taken."""
        target = f"{endpoint}/_aws/execute-api/{api_id}/{stage}"
        self._server = ThreadingHTTPServer((HOST, port), _handler(target, credentials))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}"
        threading.Thread(target=self._server.serve_forever, name="door", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(target: str, credentials: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: API Gateway's access log has the request, by its route."""

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS}
            url = target + self.path
            headers = sign(self.command, url, kept, body, credentials=credentials, service="execute-api", region=REGION)
            parts = urlsplit(url)
            gateway = http.client.HTTPConnection(parts.netloc, timeout=GATEWAY_SECONDS)
            try:
                gateway.request(self.command, url.removeprefix(f"http://{parts.netloc}"), body, headers)
                reply = gateway.getresponse()
                answer = reply.read()
            except (OSError, http.client.HTTPException) as error:
                self.send_error(502, f"the embedded cloud does not answer: {type(error).__name__}")
                return
            finally:
                gateway.close()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in _HOP_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _forward

    return Handler
