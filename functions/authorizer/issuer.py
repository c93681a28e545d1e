"""An issuer's public keys: found by OpenID Connect Discovery, kept for a while, asked for no more often than needed."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from chartcoder.errors import IssuerUnavailable, TokenRefused
from chartcoder.untrusted import NotJson, parse_json

DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a private key. With a shared secret (HS256), whoever can check a token can make one."""
FEWEST_RSA_BITS = 2048  # RFC 7518, 3.3
FRESH_SECONDS = 300.0  # after which a key that the issuer withdrew is noticed
LONGEST_KEPT_SECONDS = 3600.0  # while the issuer does not answer
BETWEEN_FETCHES_SECONDS = 30.0  # whatever tokens come: a made-up key id makes no traffic at the issuer's
FETCH_SECONDS = 5.0
MOST_BYTES = 500_000
LOOPBACK = "127.0.0.1"


class IssuerKeys:
    """The keys by their ids (`kid`), as the issuer's discovery document leads to them."""

    def __init__(
        self, issuer: str, *, fetch: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`fetch`: gives the body at an address, or raises OSError; `clock`: seconds."""
        self._issuer, self._fetch, self._clock = issuer, fetch or fetch_plainly, clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None  # the keys at hand
        self._tried_at: float | None = None

    def get(self, key_id: str) -> PyJWK:
        """The key that a token names.

        Raises:
            TokenRefused: the issuer has no such key; or has it since less than half a minute.
            IssuerUnavailable: the issuer does not answer, and its keys are not known or too old.
        """
        if self._age(self._fetched_at) > FRESH_SECONDS or key_id not in self._keys:
            self._renew()
        if self._age(self._fetched_at) > LONGEST_KEPT_SECONDS:
            raise IssuerUnavailable("the issuer's keys cannot be had; expected its discovery document and a JWK Set")
        if key_id not in self._keys:
            raise TokenRefused("the issuer has no key of this id")
        return self._keys[key_id]

    def _renew(self) -> None:
        if self._age(self._tried_at) < BETWEEN_FETCHES_SECONDS:
            return
        self._tried_at = self._clock()
        try:
            self._keys = self._ask()
        except IssuerUnavailable:
            return  # what is at hand serves while it is not too old
        self._fetched_at = self._clock()

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment

    def _ask(self) -> dict[str, PyJWK]:
        """OpenID Connect Discovery 1.0, section 4; JWK Set (RFC 7517, section 5)."""
        about = self._json(self._issuer.removesuffix("/") + DISCOVERY)
        if about.get("issuer") != self._issuer:  # section 4.3: another's document
            raise IssuerUnavailable("the issuer's discovery document names another issuer")
        listed = self._json(str(about.get("jwks_uri"))).get("keys")
        if not isinstance(listed, list):
            raise IssuerUnavailable("the issuer's keys are no JWK Set")
        return {key.key_id: key for entry in listed if (key := usable(entry)) is not None and key.key_id}

    def _json(self, address: str) -> dict[str, Any]:
        if not is_safe(address):
            raise IssuerUnavailable("the issuer's keys are not at an https address")
        try:
            value = parse_json(self._fetch(address))
        except (OSError, http.client.HTTPException, NotJson):
            raise IssuerUnavailable("the issuer does not answer with JSON") from None
        if not isinstance(value, dict):
            raise IssuerUnavailable("the issuer does not answer with a JSON object")
        return value


def is_safe(address: str) -> bool:
    """Whether nobody can put himself between: https, or this very machine, where tests have their issuer."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == LOOPBACK))


def usable(entry: Any) -> PyJWK | None:
    """A key that may have signed a token; None of any other. Issuers list keys for encryption, too."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, NotImplementedError, TypeError, ValueError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    if key.key_type == "RSA" and key.key.key_size < FEWEST_RSA_BITS:
        return None
    return key


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """An issuer is at its own address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def fetch_plainly(address: str) -> bytes:
    """The body at an address, of at most MOST_BYTES. Raises OSError where there is none."""
    with OPENER.open(address, timeout=FETCH_SECONDS) as reply:
        body: bytes = reply.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise OSError("too long")
    return body
