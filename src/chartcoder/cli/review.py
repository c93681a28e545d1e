"""`chartcoder review`: the review pages in a browser, signed for with the caller's own AWS credentials.

A browser cannot sign as AWS asks for, and puts no token on the requests of a page that it opens. So a proxy on this
machine's loopback does: it lets in only the browser that was opened with its one-time token, only under its own
address, and only from its own pages.
"""

from __future__ import annotations

import hmac
import secrets
import signal
import threading
import webbrowser
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from chartcoder.chart import ID_PATTERN
from chartcoder.cli.app import app, examples
from chartcoder.cli.connection import Connection, Endpoint, StackName
from chartcoder.errors import BadRequest, ChartcoderError

HOST = "127.0.0.1"
OPEN = "/open"
MOST_BYTES = 1_000_000  # of a request's body: a decision is a few thousand
SENT = ("accept", "content-type", "if-match", "if-none-match")
PASSED = (
    "cache-control", "content-security-policy", "content-type", "cross-origin-opener-policy", "etag",
    "permissions-policy", "cross-origin-resource-policy", "referrer-policy",
    "x-content-type-options", "x-frame-options",
)  # fmt: skip


@app.command(
    epilog=examples(
        "chartcoder review b1", "chartcoder review b1/c1 --stack clinic", "chartcoder review b1 --no-browser"
    )
)
def review(
    what: Annotated[str, typer.Argument(help="A batch, or a chart as BATCH/CHART.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; a free one by default.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser, or only tell the address.")] = True,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """Review a batch or a chart in the browser, as yourself: requests are signed with your AWS credentials, or carry
    your token where the stack takes tokens.

    Serves until Ctrl-C, on this machine alone. The address holds a token that works once.
    """
    batch, _, chart = what.partition("/")
    if not all(ID_PATTERN.fullmatch(part) for part in what.split("/")) or what.count("/") > 1:
        raise BadRequest("expected a batch, or a chart as BATCH/CHART")
    path = f"/batches/{batch}/charts/{chart}/review" if chart else f"/batches/{batch}/review"
    connection = Connection(stack, endpoint)
    connection.ask("GET", path.removesuffix("/review"))  # what is not there is told here, not in the browser
    with ReviewServer(connection, path, port=port) as server:
        typer.echo(f"{server.address}\nCtrl-C ends it.")
        if browser:
            webbrowser.open(server.address)
        try:
            signal.pause()
        except KeyboardInterrupt:
            typer.echo("ended")


class ReviewServer:
    """Signs a browser's requests; a context manager."""

    def __init__(self, connection: Connection, path: str, *, port: int = 0) -> None:
        """Raises ChartcoderError where the port is taken."""
        self.connection, self.path = connection, path
        self._token: str | None = secrets.token_urlsafe(32)
        self.session = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        try:
            self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        except OSError as error:
            raise ChartcoderError(f"port {port} cannot be had ({error.strerror}); choose another with --port") from None
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.origin = f"http://{HOST}:{self.port}"
        self.address = f"{self.origin}{OPEN}?token={self._token}"

    def __enter__(self) -> ReviewServer:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="review").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def cookie(self) -> str:
        """Its name has the port: cookies of one host know no ports."""
        return f"chartcoder-{self.port}"

    def redeem(self, token: str) -> bool:
        """Whether this is the token, which then works no more."""
        with self._lock:
            good = self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())
            if good:
                self._token = None
            return good


def _handler(server: ReviewServer) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        server_version, sys_version = "chartcoder", ""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if not self._is_ours():
                self._refuse(403, "this address is for the browser that chartcoder opened")
            elif parts.path == OPEN:
                self._open(parse_qs(parts.query).get("token", [""])[0])
            else:
                self._pass()

        def do_POST(self) -> None:
            if not self._is_ours() or self.headers.get("Origin") != server.origin:
                self._refuse(403, "this address is for the browser that chartcoder opened")
            else:
                self._pass()

        def _is_ours(self) -> bool:
            """Named by our own address (against DNS rebinding), and asked by nobody else's page."""
            own_host = self.headers.get("Host") == f"{HOST}:{server.port}"
            own_origin = self.headers.get("Origin") in (None, server.origin)
            return own_host and own_origin and self.headers.get("Sec-Fetch-Site") in (None, "none", "same-origin")

        def _open(self, token: str) -> None:
            if not server.redeem(token):
                self._refuse(403, "the token was used already or is none; run chartcoder review again")
                return
            self.send_response(303)
            self.send_header("Location", server.path)
            self.send_header("Set-Cookie", f"{server.cookie}={server.session}; HttpOnly; SameSite=Strict; Path=/")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _pass(self) -> None:
            if not self._is_signed_in():
                self._refuse(403, "run chartcoder review again, and use the address that it tells")
                return
            size = self.headers.get("Content-Length", "0")
            if not size.isdigit() or int(size) > MOST_BYTES:
                self._refuse(413, f"expected a body of at most {MOST_BYTES:,} bytes")
                return
            headers = {name: self.headers[name] for name in SENT if self.headers.get(name)}
            body = self.rfile.read(int(size)) or None
            try:
                reply = server.connection.request(self.command, self.path, body=body, headers=headers)
            except ChartcoderError as error:
                self._refuse(502, str(error))
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() in PASSED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def _is_signed_in(self) -> bool:
            try:
                held = SimpleCookie(self.headers.get("Cookie", "")).get(server.cookie)
            except CookieError:
                return False
            return held is not None and hmac.compare_digest(held.value.encode(), server.session.encode())

        def _refuse(self, status: int, why: str) -> None:
            body = f"{why}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged: paths name batches and charts."""

    return Proxy
