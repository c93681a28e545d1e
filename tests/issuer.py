"""An OpenID Connect issuer on loopback: its discovery document, its keys, and tokens good and bad.

`python -m tests.issuer` serves one until Ctrl-C, and prints its address and a token of an hour, to try a stack of the
embedded cloud with (docs/api.md).
"""

from __future__ import annotations

import base64
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "chartcoder"
SUBJECT = "8f14e45f-ceea-467f-a0e6-1f7c2b9d0a11"


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def part(value: Any) -> str:
    """A part of a token, as it is written."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(key: Any, key_id: str, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JWK Set lists it."""
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", **more}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", **more}


class Issuer:
    """Keys, and tokens that they sign. `address` is what its tokens and its discovery document name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.private = {"k1": rsa_key(), "e1": ec.generate_private_key(ec.SECP256R1())}
        self.listed = [public_jwk(self.private["k1"], "k1", alg="RS256"), public_jwk(self.private["e1"], "e1")]
        self.answers = True  # False: it is down

    def discovery(self) -> dict[str, Any]:
        return {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Of a good token; None takes one away."""
        now = int(time.time())
        good = {
            "iss": self.address, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 300,
            "email": "anna@example.org", "email_verified": True,
        }  # fmt: skip
        return {name: value for name, value in {**good, **changed}.items() if value is not None}

    def token(self, *, key_id: str = "k1", algorithm: str = "RS256", header: Any = None, **changed: Any) -> str:
        headers = {"kid": key_id, **(header or {})}
        return jwt.encode(self.claims(**changed), self.private[key_id], algorithm=algorithm, headers=headers)


@contextmanager
def serving(port: int = 0) -> Iterator[Issuer]:
    """An issuer that answers over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/.well-known/openid-configuration": issuer.discovery(), "/keys": {"keys": issuer.listed}}
            body = json.dumps(known.get(self.path)).encode()
            self.send_response(200 if issuer.answers and self.path in known else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its own."""

    server.RequestHandlerClass = Answer
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as started:
        print(f"JwtIssuer={started.address} JwtAudience={AUDIENCE}")
        print(started.token(exp=int(time.time()) + 3600), flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()
