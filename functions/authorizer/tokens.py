"""A bearer token looked at: signature, issuer, audience, time and scope; and the name that its owner goes by here.

A token is a JWT (RFC 7519) of an OpenID Connect issuer, checked as RFC 8725 ("Best Current Practices") says. PyJWT does
the checking; what it leaves to its caller is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from chartcoder.errors import SettingInvalid, TokenRefused
from functions.authorizer.issuer import ALGORITHMS, is_safe

LONGEST_TOKEN = 8192  # characters; API Gateway takes some ten thousand bytes of headers
LONGEST_KEY_ID = 256
LEEWAY_SECONDS = 10  # between the issuer's clock and ours
TYPES = {"jwt", "at+jwt", "application/at+jwt"}
"""RFC 8725, 3.11: what else an issuer signs (a logout, a proof of possession) says so in its `typ`, and is no token."""
NEEDED = ["exp", "iss", "sub"]
REASONS = {
    jwt.ExpiredSignatureError: "it is over",
    jwt.ImmatureSignatureError: "it does not hold yet",
    jwt.InvalidIssuerError: "it is another issuer's",
    jwt.InvalidSignatureError: "its signature is not of this key",
    jwt.InvalidAlgorithmError: "its algorithm is not this key's",
    jwt.MissingRequiredClaimError: f"it lacks one of {', '.join(NEEDED)}",
}
SUBJECT = re.compile(r"[!-~]{1,256}")  # printable ASCII: OpenID Connect Core, section 2, allows 255 of them
READABLE = re.compile(r"[A-Za-z0-9._@+-]{1,128}")
"""A name beside the subject. It holds no blank and no bracket, so that nobody's name reads as another's subject."""


class Keys(Protocol):
    """See `issuer.IssuerKeys`."""

    def get(self, key_id: str) -> PyJWK: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to be."""

    issuer: str
    audiences: frozenset[str]
    scope: str = ""  # empty: none is asked for

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Expected:
        """As the template gives it. Raises SettingInvalid where it would let anybody in."""
        issuer = environment.get("AUTHORIZER_ISSUER", "")
        audiences = frozenset(name.strip() for name in environment.get("AUTHORIZER_AUDIENCE", "").split(",")) - {""}
        if not is_safe(issuer):
            raise SettingInvalid("AUTHORIZER_ISSUER is no https address; it is the template's JwtIssuer")
        if not audiences:
            raise SettingInvalid("AUTHORIZER_AUDIENCE names nobody; it is the template's JwtAudience")
        return cls(issuer, audiences, environment.get("AUTHORIZER_SCOPE", ""))


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it is: the issuer's own, unchanging word, and the name that decisions are kept under."""

    subject: str
    name: str


def caller_of(token: str, expected: Expected, keys: Keys) -> Caller:
    """Whom a good token names.

    Raises:
        TokenRefused: the token is not good; says why in words of ours.
        IssuerUnavailable: the issuer's keys cannot be had.
    """
    claims = _verified(token, expected, keys)
    _is_for_us(claims, expected)
    subject = claims["sub"]
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise TokenRefused("its subject is none")
    who = f"{subject} of {expected.issuer.removeprefix('https://')}"
    readable = _readable(claims)
    return Caller(subject, f"{readable} ({who})" if readable not in (None, subject) else who)


def _verified(token: str, expected: Expected, keys: Keys) -> dict[str, Any]:
    """The claims of a token that the issuer signed and that holds now."""
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused(f"it has more than {LONGEST_TOKEN:,} characters")
    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError):
        raise TokenRefused("it is no JWT") from None
    key_id, kind, algorithm = header.get("kid"), header.get("typ", "JWT"), header.get("alg")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefused("it is another kind of JWT")
    if (
        not isinstance(algorithm, str) or algorithm not in ALGORITHMS
    ):  # before the key is looked for: `none` and shared secrets cost nobody a request
        raise TokenRefused("its algorithm is none that is taken")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= LONGEST_KEY_ID:
        raise TokenRefused("it names no key")
    key = keys.get(key_id)  # the issuer's own list decides: `jwk`, `jku`, `x5c` and `x5u` of the header are not read
    try:
        return jwt.decode(
            token,
            key=key,
            algorithms=[key.algorithm_name],  # the key's, not the token's word
            issuer=expected.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": NEEDED, "verify_aud": False},
        )
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        why = next((why for kind, why in REASONS.items() if isinstance(error, kind)), "it is malformed")
        raise TokenRefused(why) from None


def _is_for_us(claims: dict[str, Any], expected: Expected) -> None:
    """Audience and scope. An access token of Cognito has no `aud`: its `client_id` is whom it was issued to."""
    audience = claims.get("aud")
    if audience is None and claims.get("token_use") == "access":
        audience = claims.get("client_id")
    named = {one for one in (audience if isinstance(audience, list) else [audience]) if isinstance(one, str)}
    if not named & expected.audiences:
        raise TokenRefused("it is for another audience")
    if expected.scope and expected.scope not in _scopes(claims):
        raise TokenRefused("it lacks the scope that this API asks for")


def _scopes(claims: dict[str, Any]) -> set[str]:
    """`scope` is a string of names (RFC 8693, 4.2); some issuers say `scp`, as a string or as a list."""
    found: set[str] = set()
    for value in (claims.get("scope"), claims.get("scp")):
        found |= set(value.split()) if isinstance(value, str) else set()
        found |= {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()
    return found


def _readable(claims: dict[str, Any]) -> str | None:
    """A name for people to read. It identifies nobody: the subject beside it does."""
    names = [claims.get("email") if claims.get("email_verified") in (True, "true") else None]
    names += [claims.get(name) for name in ("preferred_username", "cognito:username", "username")]
    return next((name for name in names if isinstance(name, str) and READABLE.fullmatch(name)), None)
