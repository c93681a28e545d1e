"""Hostile bearer tokens: none lets anybody in, none makes traffic at the issuer's, and none shows in the log."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chartcoder.errors import IssuerUnavailable, SettingInvalid, TokenRefused
from functions.authorizer import issuer as keys_of
from functions.authorizer.issuer import IssuerKeys, fetch_plainly
from functions.authorizer.tokens import Caller, Expected, caller_of
from tests.contract.test_api import CONTEXT
from tests.issuer import AUDIENCE, SUBJECT, Issuer, part, public_jwk, rsa_key, serving

ADDRESS = "https://id.example.org/clinic"
EXPECTED = Expected(ADDRESS, frozenset({AUDIENCE, "scripts"}))
ANOTHER_KEY = rsa_key()
ARN = "arn:aws:execute-api:us-east-1:123456789012:api1/v1/GET/batches/b1"


class Net:
    """The issuer's addresses without a wire; counts what is asked for."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer, self.asked = issuer, 0
        self.answers: dict[str, Any] = {}

    def __call__(self, address: str) -> bytes:
        self.asked += 1
        if not self.issuer.answers:
            raise OSError("down")
        known = {
            f"{self.issuer.address}/.well-known/openid-configuration": self.issuer.discovery(),
            f"{self.issuer.address}/keys": {"keys": self.issuer.listed},
        }
        value = (known | self.answers)[address]
        return value if isinstance(value, bytes) else json.dumps(value).encode()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def made() -> Issuer:
    return Issuer(ADDRESS)


@pytest.fixture
def issuer(made: Issuer) -> Iterator[Issuer]:
    listed, private = list(made.listed), dict(made.private)
    yield made
    made.listed, made.private, made.answers = listed, private, True


@pytest.fixture
def net(issuer: Issuer) -> Net:
    return Net(issuer)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(net: Net, clock: Clock) -> IssuerKeys:
    return IssuerKeys(ADDRESS, fetch=net, clock=clock)


def handmade(header: Any, claims: Any, signature: bytes = b"x" * 256) -> str:
    return f"{part(header)}.{part(claims)}.{part(signature)}"


def by_secret(issuer: Issuer, secret: bytes) -> str:
    """HS256 with what everybody knows, the public key, as the secret."""
    signed = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(issuer.claims())}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def public_pem(issuer: Issuer) -> bytes:
    return issuer.private["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def resigned(issuer: Issuer, header: dict[str, Any]) -> str:
    """Signed by a key of the attacker's, which the header would like to be looked up somewhere."""
    return jwt.encode(issuer.claims(), ANOTHER_KEY, algorithm="RS256", headers={"kid": "k1", **header})


def tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{part(issuer.claims(sub='admin'))}.{signature}"


NOW = int(time.time())
HOSTILE: dict[str, Callable[[Issuer], str]] = {
    "nothing": lambda _: "",
    "words": lambda _: "let me in",
    "two dots": lambda _: "..",
    "no base64": lambda _: "!!.!!.!!",
    "nested without end": lambda i: f"{part(b'[' * 5000)}.{part(i.claims())}.eA",
    "a header that is a list": lambda i: handmade([1], i.claims()),
    "too long": lambda i: i.token(padding="x" * 9000),
    "alg none": lambda i: handmade({"alg": "none", "kid": "k1"}, i.claims(), b""),
    "alg none, no signature": lambda i: f"{part({'alg': 'none', 'kid': 'k1'})}.{part(i.claims())}.",
    "alg NONE": lambda i: handmade({"alg": "NONE", "kid": "k1"}, i.claims(), b""),
    "no alg": lambda i: handmade({"kid": "k1"}, i.claims()),
    "alg that is a list": lambda i: handmade({"alg": ["RS256"], "kid": "k1"}, i.claims()),
    "HS256 by the public key in PEM": lambda i: by_secret(i, public_pem(i)),
    "HS256 by the public key in JSON": lambda i: by_secret(i, json.dumps(i.listed[0]).encode()),
    "HS256 by nothing": lambda i: by_secret(i, b""),
    "another key": lambda i: resigned(i, {}),
    "a key in the header": lambda i: resigned(i, {"jwk": public_jwk(ANOTHER_KEY, "k1")}),
    "keys at an address of the header": lambda i: resigned(i, {"jku": "https://evil.example.net/keys"}),
    "a certificate at an address of the header": lambda i: resigned(i, {"x5u": "https://evil.example.net/c"}),
    "a certificate in the header": lambda i: resigned(i, {"x5c": ["MIIB"]}),
    "an extension that must be understood": lambda i: i.token(header={"crit": ["exp2"], "exp2": 1}),
    "a payload that was changed": tampered,
    "a signature that was cut off": lambda i: i.token().rpartition(".")[0] + ".",
    "another algorithm of the same key": lambda i: i.token(algorithm="PS256"),
    "the other key's id": lambda i: jwt.encode(i.claims(), i.private["e1"], algorithm="ES256", headers={"kid": "k1"}),
    "no key id": lambda i: jwt.encode(i.claims(), i.private["k1"], algorithm="RS256"),
    "a key id that is a path": lambda i: i.token(header={"kid": "../../../../dev/null"}),
    "a key id that is SQL": lambda i: i.token(header={"kid": "k1' UNION SELECT 'x'--"}),
    "a key id that is an address": lambda i: i.token(header={"kid": "https://evil.example.net/keys#k1"}),
    "a key id of another case": lambda i: i.token(header={"kid": "K1"}),
    "a key id that is a number": lambda i: handmade({"alg": "RS256", "kid": 1}, i.claims()),
    "a key id that is a list": lambda i: handmade({"alg": "RS256", "kid": ["k1"]}, i.claims()),
    "a key id without end": lambda i: i.token(header={"kid": "k" * 300}),
    "another kind of JWT": lambda i: i.token(header={"typ": "logout+jwt"}),
    "a proof of possession": lambda i: i.token(header={"typ": "dpop+jwt"}),
    "over": lambda i: i.token(exp=NOW - 3600),
    "just over": lambda i: i.token(exp=int(time.time()) - 11),
    "never over": lambda i: i.token(exp=None),
    "over at some word": lambda i: i.token(exp="never"),
    "not yet": lambda i: i.token(nbf=NOW + 3600),
    "issued tomorrow": lambda i: i.token(iat=NOW + 86400),
    "another issuer's": lambda i: i.token(iss="https://id.example.net/clinic"),
    "an issuer that begins alike": lambda i: i.token(iss=ADDRESS + "/other"),
    "an issuer with a slash more": lambda i: i.token(iss=ADDRESS + "/"),
    "several issuers": lambda i: handmade({"alg": "RS256", "kid": "k1"}, i.claims(iss=[ADDRESS])),
    "no issuer": lambda i: jwt.encode(
        {k: v for k, v in i.claims().items() if k != "iss"}, i.private["k1"], algorithm="RS256", headers={"kid": "k1"}
    ),
    "another audience": lambda i: i.token(aud="payroll"),
    "an audience that begins alike": lambda i: i.token(aud="chartcoder-test"),
    "both audiences in one word": lambda i: i.token(aud="chartcoder,scripts"),
    "no audience": lambda i: i.token(aud=None),
    "no audience but a client of ours, and no word that it is an access token": lambda i: i.token(
        aud=None, client_id=AUDIENCE
    ),
    "an access token of another client": lambda i: i.token(aud=None, client_id="payroll", token_use="access"),
    "another audience and a client of ours": lambda i: i.token(aud="payroll", client_id=AUDIENCE, token_use="access"),
    "an audience that is an object": lambda i: i.token(aud=[{"name": AUDIENCE}]),
    "no subject": lambda i: i.token(sub=None),
    "an empty subject": lambda i: i.token(sub=""),
    "a subject with a blank": lambda i: i.token(sub="anna (admin)"),
    "a subject with a line end": lambda i: i.token(sub="anna\nadmin"),
    "a subject without end": lambda i: i.token(sub="a" * 300),
}


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_token_lets_nobody_in(token: Callable[[Issuer], str], issuer: Issuer, keys: IssuerKeys) -> None:
    sent = token(issuer)
    with pytest.raises(TokenRefused) as refused:
        caller_of(sent, EXPECTED, keys)
    assert not [piece for piece in sent.split(".") if len(piece) > 8 and piece in str(refused.value)]
    assert caller_of(issuer.token(), EXPECTED, keys).subject == SUBJECT, "a good one still does"


GOOD: dict[str, Callable[[Issuer], str]] = {
    "RSA": lambda i: i.token(),
    "elliptic curve, a key without alg": lambda i: i.token(key_id="e1", algorithm="ES256"),
    "one audience of several": lambda i: i.token(aud=["payroll", AUDIENCE]),
    "the other audience": lambda i: i.token(aud="scripts"),
    "Cognito's access token": lambda i: i.token(aud=None, client_id=AUDIENCE, token_use="access"),
    "Cognito's id token": lambda i: i.token(token_use="id"),
    "an access token by its type": lambda i: i.token(header={"typ": "at+jwt"}),
    "without a type": lambda i: i.token(header={"typ": None}),
    "over since less than clocks differ": lambda i: i.token(exp=int(time.time()) - 2),
}


@pytest.mark.parametrize("token", GOOD.values(), ids=GOOD)
def test_a_good_token_names_its_owner(token: Callable[[Issuer], str], issuer: Issuer, keys: IssuerKeys) -> None:
    caller = caller_of(token(issuer), EXPECTED, keys)
    assert caller == Caller(SUBJECT, f"anna@example.org ({SUBJECT} of id.example.org/clinic)")


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email": "boss@example.org (1 of id.example.org)"},
        {"email": "anna@example.org\nX: 1"},
        {"email": ["boss@example.org"]},
        {"email": "\u0430nna@example.org"},
        {"email": None, "preferred_username": "<b>boss</b>"},
        {"email": None, "preferred_username": "boss (admin)"},
    ],
)
def test_a_name_that_is_not_vouched_for_or_reads_as_another_is_left_out(
    claims: dict[str, Any], issuer: Issuer, keys: IssuerKeys
) -> None:
    assert caller_of(issuer.token(**claims), EXPECTED, keys).name == f"{SUBJECT} of id.example.org/clinic"


def test_two_people_of_one_name_are_two(issuer: Issuer, keys: IssuerKeys) -> None:
    names = {caller_of(issuer.token(sub=sub), EXPECTED, keys).name for sub in ("1", "2")}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"scope": "openid chartcoder/use"}, True),
        ({"scp": "chartcoder/use"}, True),
        ({"scp": ["chartcoder/use"]}, True),
        ({"scope": "chartcoder/use2"}, False),
        ({"scope": "chartcoder"}, False),
        ({"scope": ["other"], "scp": {"chartcoder/use": 1}}, False),
        ({}, False),
    ],
)
def test_a_scope_that_is_asked_for_must_be_there(
    claims: dict[str, Any], good: bool, issuer: Issuer, keys: IssuerKeys
) -> None:
    scoped = Expected(ADDRESS, frozenset({AUDIENCE}), "chartcoder/use")
    token = issuer.token(**claims)
    if good:
        assert caller_of(token, scoped, keys).subject == SUBJECT
    else:
        with pytest.raises(TokenRefused, match="scope"):
            caller_of(token, scoped, keys)


# keys


UNFIT_KEYS: dict[str, Callable[[], dict[str, Any]]] = {
    "a shared secret": lambda: {"kty": "oct", "kid": "bad", "k": part(b"s" * 32)},
    "a short key": lambda: public_jwk(rsa_key(1024), "bad"),
    "a key to encrypt for": lambda: public_jwk(ANOTHER_KEY, "bad", use="enc"),
    "an algorithm that is none": lambda: public_jwk(ANOTHER_KEY, "bad", alg="none"),
    "an algorithm of secrets": lambda: public_jwk(ANOTHER_KEY, "bad", alg="HS256"),
    "an algorithm of another kind of key": lambda: public_jwk(ANOTHER_KEY, "bad", alg="ES256"),
    "a broken key": lambda: {"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"},
    "no object": lambda: ["bad"],  # type: ignore[dict-item,return-value]
    "an id that is a list": lambda: {**public_jwk(ANOTHER_KEY, "bad"), "kid": ["bad"]},
}


@pytest.mark.parametrize("entry", UNFIT_KEYS.values(), ids=UNFIT_KEYS)
def test_a_key_that_may_sign_nothing_is_passed_over(
    entry: Callable[[], dict[str, Any]], issuer: Issuer, keys: IssuerKeys
) -> None:
    issuer.listed = [entry(), *issuer.listed]
    assert keys.get("k1").key_id == "k1"
    with pytest.raises(TokenRefused):
        keys.get("bad")


def test_made_up_key_ids_make_no_traffic_at_the_issuers(issuer: Issuer, net: Net, keys: IssuerKeys) -> None:
    caller_of(issuer.token(), EXPECTED, keys)
    first = net.asked
    for number in range(200):
        with pytest.raises(TokenRefused):
            caller_of(issuer.token(header={"kid": f"made-up-{number}"}), EXPECTED, keys)
    assert net.asked == first == 2


def test_a_token_that_cannot_be_good_asks_nobody(issuer: Issuer, net: Net, keys: IssuerKeys) -> None:
    for name in ("alg none", "HS256 by the public key in PEM", "no key id", "another kind of JWT", "words", "too long"):
        with pytest.raises(TokenRefused):
            caller_of(HOSTILE[name](issuer), EXPECTED, keys)
    assert net.asked == 0


def test_a_new_key_is_known_within_half_a_minute(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    keys.get("k1")
    issuer.private["k2"] = ANOTHER_KEY
    issuer.listed = [*issuer.listed, public_jwk(ANOTHER_KEY, "k2")]
    clock.now += keys_of.BETWEEN_FETCHES_SECONDS + 1
    assert caller_of(issuer.token(key_id="k2"), EXPECTED, keys).subject == SUBJECT


def test_a_withdrawn_key_signs_nothing_after_five_minutes(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    token = issuer.token()
    caller_of(token, EXPECTED, keys)
    issuer.listed = issuer.listed[1:]
    clock.now += keys_of.FRESH_SECONDS + 1
    with pytest.raises(TokenRefused, match="no key"):
        caller_of(token, EXPECTED, keys)


def test_an_issuer_that_is_down_is_bridged_for_an_hour_and_then_nobody_comes_in(
    issuer: Issuer, net: Net, keys: IssuerKeys, clock: Clock
) -> None:
    caller_of(issuer.token(), EXPECTED, keys)
    issuer.answers = False
    clock.now += keys_of.LONGEST_KEPT_SECONDS - 60
    assert caller_of(issuer.token(), EXPECTED, keys).subject == SUBJECT
    asked = net.asked
    clock.now += 20
    caller_of(issuer.token(), EXPECTED, keys)
    assert net.asked == asked, "it is not asked again at each request"
    clock.now += 120
    with pytest.raises(IssuerUnavailable):
        caller_of(issuer.token(), EXPECTED, keys)
    issuer.answers = True
    clock.now += keys_of.BETWEEN_FETCHES_SECONDS + 1
    assert caller_of(issuer.token(), EXPECTED, keys).subject == SUBJECT


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://id.example.net", "jwks_uri": f"{ADDRESS}/keys"},
        {"issuer": ADDRESS, "jwks_uri": "http://id.example.org/keys"},
        {"issuer": ADDRESS, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ADDRESS, "jwks_uri": "ftp://id.example.org/keys"},
        {"issuer": ADDRESS, "jwks_uri": "https://[::1"},
        {"issuer": ADDRESS, "jwks_uri": None},
        {"issuer": ADDRESS},
        [ADDRESS],
        b"<html>sign in</html>",
        b'{"issuer": "' + ADDRESS.encode() + b'", "issuer": "https://id.example.net"}',
    ],
)
def test_a_discovery_document_of_another_or_to_an_open_address_is_not_followed(
    about: Any, net: Net, keys: IssuerKeys, issuer: Issuer
) -> None:
    net.answers[f"{ADDRESS}/.well-known/openid-configuration"] = about
    with pytest.raises(IssuerUnavailable):
        caller_of(issuer.token(), EXPECTED, keys)
    assert net.asked == 1


def test_neither_a_redirect_nor_a_flood_is_taken_for_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as issuer:
        assert json.loads(fetch_plainly(f"{issuer.address}/keys"))["keys"]
        monkeypatch.setattr(keys_of, "MOST_BYTES", 10)
        with pytest.raises(OSError, match="too long"):
            fetch_plainly(f"{issuer.address}/keys")
    assert keys_of.NoRedirect().redirect_request(None, None, 302, "", {}, "https://evil.example.net") is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AUTHORIZER_ISSUER": ADDRESS},
        {"AUTHORIZER_ISSUER": ADDRESS, "AUTHORIZER_AUDIENCE": " , "},
        {"AUTHORIZER_AUDIENCE": AUDIENCE},
        {"AUTHORIZER_ISSUER": "http://id.example.org", "AUTHORIZER_AUDIENCE": AUDIENCE},
    ],
)
def test_an_authorizer_that_would_let_anybody_in_does_not_start(environment: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid):
        Expected.read(environment)


# the function


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Callable[[str], dict[str, Any]], Issuer]]:
    """The handler, as Lambda starts it, with an issuer that answers on loopback."""
    with serving() as issuer:
        environment = {
            "AUTHORIZER_ISSUER": issuer.address,
            "AUTHORIZER_AUDIENCE": AUDIENCE,
            "POWERTOOLS_METRICS_NAMESPACE": "chartcoder",
            "POWERTOOLS_SERVICE_NAME": f"authorizer-{uuid.uuid4()}",  # a logger keeps its first stream
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        app = importlib.reload(importlib.import_module("functions.authorizer.app"))

        def ask(authorization: str) -> dict[str, Any]:
            event = {"type": "TOKEN", "authorizationToken": authorization, "methodArn": ARN}
            answered: dict[str, Any] = app.handler(event, CONTEXT)
            return answered

        yield ask, issuer


def test_who_is_let_in_may_ask_this_one_thing_in_his_own_name(function: Any) -> None:
    ask, issuer = function
    answered = ask(f"Bearer {issuer.token()}")
    assert answered["principalId"] == SUBJECT
    assert answered["policyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": ARN}
    ]
    assert answered["context"]["caller"].startswith(f"anna@example.org ({SUBJECT} of ")


def test_who_is_not_let_in_is_unauthorized_and_his_token_is_in_no_log(function: Any, capfd: Any) -> None:
    ask, issuer = function
    log = io.StringIO()
    importlib.import_module("functions.authorizer.app").logger.registered_handler.setStream(log)
    token = issuer.token(aud="payroll", email="quarrelwort@example.org")
    for authorization in (f"Bearer {token}", f"Basic {token}", "Bearer", "Quarrelwort"):
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            ask(authorization)
    told = "".join((log.getvalue(), *capfd.readouterr()))
    assert told.count("a token was refused") == 4
    assert "another audience" in told
    for word in ("uarrelwort", *token.split(".")):
        assert word not in told


def test_an_issuer_that_does_not_answer_is_counted_and_is_no_refusal(function: Any, capfd: Any) -> None:
    ask, issuer = function
    issuer.answers = False
    with pytest.raises(IssuerUnavailable):
        ask(f"Bearer {issuer.token()}")
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "_aws" in line]
    assert told[0]["IssuerUnavailable"] == [1.0]
    assert told[0]["service"].startswith("authorizer")
