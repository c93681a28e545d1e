"""A small HTTP server on loopback: what the metadata service, the runtime API and the door have in common."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from embedded import HOST


class Handler(BaseHTTPRequestHandler):
    """Hands every request to `serve`."""

    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = 120  # seconds that an idle connection is kept

    def serve(self) -> None:
        """Answer the request."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: credentials and charts pass here."""

    def body(self) -> bytes:
        """The request's body, however it was framed."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send an answer; a client that hung up meanwhile is no error of ours."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def do_GET(self) -> None:
        self.serve()

    def __getattr__(self, name: str) -> Any:
        """Every other method too, by whatever name: which there are is for whoever serves to say."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)


class Server:
    """Serves `handler` from a thread of its own, on loopback unless containers must reach it."""

    def __init__(self, handler: type[Handler], port: int = 0, host: str = HOST) -> None:
        """Raises OSError when the port is taken."""
        self._server = ThreadingHTTPServer((host, port), handler)
        self.host = host
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        serve = {"poll_interval": 0.2}
        threading.Thread(target=self._server.serve_forever, kwargs=serve, name="loopback", daemon=True).start()

    def close(self) -> None:
        """Stop listening. Returns at once, since it may be called from an event loop."""
        threading.Thread(target=self._stop, name="loopback-stop", daemon=True).start()

    def _stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
