"""Key confusion and storms: a token is verified by the issuer's own key, of the right kind, and by nothing it brings."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.settings import DelegatedIssuer, DelegatedSettings, Settings
from tests.certification.conftest import RelyingParty, Start, Visitor
from tests.certification.hostile_provider import CLIENT_ID, Changes, Handler, HostileProvider, running, with_, without
from tests.certification.signing import (
    Document,
    SigningKey,
    b64,
    broken,
    compact,
    ec_key,
    hmac_with,
    no_signature,
    rsa_key,
)
from tests.dice import FakeDice
from tests.server.conftest import Served

MALLORY = rsa_key("mallory")
Prepare = Callable[[HostileProvider], None]


def forged(header: Document, key: SigningKey = MALLORY) -> Prepare:
    """Signed with the attacker's key, which the header brings along."""

    def prepare(op: HostileProvider) -> None:
        op.change.header = with_(**header)
        op.change.sign = lambda _: key.sign

    return prepare


def public_key_as_secret(shape: Callable[[SigningKey], bytes], alg: str = "HS256") -> Prepare:
    def prepare(op: HostileProvider) -> None:
        op.change.header = with_(alg=alg)
        op.change.sign = lambda _: hmac_with(shape(op.keys[0]))

    return prepare


def published(change: Callable[[Document], Document]) -> Prepare:
    """The key is in the set, and marked as one that may not verify this."""

    def prepare(op: HostileProvider) -> None:
        op.change.jwks = lambda document: {"keys": [change(key) for key in document["keys"]]}

    return prepare


def another_kind_of_key(op: HostileProvider) -> None:
    """`RS256` in the header, an elliptic curve's key of that name in the set."""
    op.keys = [ec_key("one")]
    op.change.header = with_(alg="RS256")


def weak(op: HostileProvider) -> None:
    op.keys = [rsa_key("weak", bits=1024)]


def secret_in_the_set(op: HostileProvider) -> None:
    op.change.jwks = lambda document: {"keys": [*document["keys"], {"kty": "oct", "k": b64(b"known"), "kid": "s"}]}
    op.change.header = with_(alg="HS256", kid="s")
    op.change.sign = lambda _: hmac_with(b"known")


def empty_signature(op: HostileProvider) -> None:
    op.change.sign = lambda _: no_signature


def wrapped(change: Callable[[str], object]) -> Prepare:
    def prepare(op: HostileProvider) -> None:
        op.change.tokens = lambda tokens: {**tokens, "id_token": change(tokens["id_token"])}

    return prepare


def twice(name: str, value: object) -> Prepare:
    """Two members of the same name: a parser that takes the first, and one that takes the last."""

    def prepare(op: HostileProvider) -> None:
        op.change.payload = lambda payload: payload[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()

    return prepare


FORGERIES: dict[str, Prepare] = {
    "HS256 with the public key as PEM": public_key_as_secret(SigningKey.pem),
    "HS256 with the public key as PEM, stripped": public_key_as_secret(lambda key: key.pem().strip()),
    "HS256 with the public key as JWK": public_key_as_secret(lambda key: json.dumps(key.jwk()).encode()),
    "HS256 with the modulus": public_key_as_secret(lambda key: str(key.jwk()["n"]).encode()),
    "HS256 with nothing": public_key_as_secret(lambda _: b""),
    "hs256 in small letters": public_key_as_secret(SigningKey.pem, "hs256"),
    "HS256 with a secret of the set": secret_in_the_set,
    "jwk": forged({"jwk": MALLORY.jwk()}),
    "jwk under the known kid": forged({"jwk": {**MALLORY.jwk(), "kid": "one"}, "kid": "one"}),
    "jku": forged({"jku": "https://evil.example/keys"}),
    "x5u": forged({"x5u": "https://evil.example/cert.pem"}),
    "x5c": forged({"x5c": [b64(b"a certificate")]}),
    "crit": forged({"crit": ["b64"], "b64": False}, rsa_key("one")),
    "an empty crit": forged({"crit": []}, rsa_key("one")),
    "kid as a path": forged({"kid": "../../../../dev/null"}),
    "kid as SQL": forged({"kid": "one' OR '1'='1"}),
    "kid as an object": forged({"kid": {"a": 1}}),
    "kid as half a character": forged({"kid": "\ud800"}),
    "kid as a megabyte": forged({"kid": "k" * (1 << 20)}),
    "alg none": forged({"alg": "none"}),
    "alg None": forged({"alg": "None"}),
    "alg as a list": forged({"alg": ["RS256"]}, rsa_key("one")),
    "alg null": forged({"alg": None}, rsa_key("one")),
    "alg not configured": forged({"alg": "PS256"}, rsa_key("one", "PS256")),
    "alg of another kind of key": another_kind_of_key,
    "alg of a key for ES256": published(with_(alg="ES256")),
    "alg of a key for RS512": published(with_(alg="RS512")),
    "a key for encryption": published(with_(use="enc")),
    "a key that may not verify": published(with_(key_ops=["encrypt"])),
    "a key that is private": forged({"kid": "mallory"}),
    "a weak key": weak,
    "an exponent of one": published(with_(e="AQ")),
    "no signature": empty_signature,
    "a signature with a bit turned": lambda op: setattr(op.change, "sign", broken),
    "a type of another purpose": forged({"typ": "logout+jwt"}, rsa_key("one")),
    "five parts": wrapped(lambda token: f"{token}.x.y"),
    "JSON serialisation": wrapped(lambda token: {"payload": token.split(".")[1], "signatures": []}),
    "padding": wrapped(lambda token: token.replace(".", "=.", 1)),
    "white space": wrapped(lambda token: f" {token}"),
    "sub twice": twice("sub", "248289761001-of-somebody-else"),
    "aud twice": twice("aud", CLIENT_ID),
    "iss twice": twice("iss", "https://evil.example"),
}


def test_a_forged_id_token_signs_nobody_in(rp: RelyingParty, op: HostileProvider, dice: FakeDice) -> None:
    """Key confusion, in every way that has been published; each begins with a key set that is fetched anew."""
    statuses: dict[str, int] = {}
    for name, prepare in FORGERIES.items():
        op.change, op.keys = Changes(), [rsa_key("one")]
        dice.advance(timedelta(days=2))
        prepare(op)
        visitor = rp.visitor()
        with visitor.client:
            answer = visitor.sign_in()
            statuses[name] = answer.status_code
            if answer.status_code == 502:
                visitor.require_nobody(answer)

    assert statuses == dict.fromkeys(FORGERIES, 502)
    ours = {"/.well-known/openid-configuration", "/authorize", "/token", "/keys"}
    assert {request.path for request in op.asked} == ours, "no key is fetched from where a token says"
    op.change, op.keys = Changes(), [rsa_key("one")]
    dice.advance(timedelta(days=2))
    with rp.visitor().client as client:
        honest = Visitor(rp, client)
        honest.require_in(honest.sign_in())


@pytest.mark.parametrize("mark", [{"use": "sig"}, {"key_ops": ["verify"]}, {"alg": "RS256"}], ids=str)
def test_a_key_that_is_marked_for_this_verifies(visitor: Visitor, op: HostileProvider, mark: Document) -> None:
    """The other side of the table above: those marks are read, and not the reason for every refusal."""
    published(with_(**mark))(op)

    visitor.require_in(visitor.sign_in())


def test_a_storm_of_unknown_keys_asks_the_provider_a_few_times(start: Start, op: HostileProvider) -> None:
    """Trap 12: a hundred ID tokens and a hundred logout tokens, each with another key id; then an honest sign-in."""
    rp = start()
    visitor = rp.visitor()
    with visitor.client, ThreadPoolExecutor(8) as pool:
        visitor.require_in(visitor.sign_in())
        before = len(op.asked_for("/keys"))
        claims = op.claims(preferred_username="jane")
        tokens = [
            compact({"alg": "RS256", "kid": f"k{n}"}, json.dumps(claims).encode(), MALLORY.sign) for n in range(200)
        ]

        def call(number: int) -> int:
            token = tokens[number]
            with rp.running.another_client(verify=False) as client:
                if number % 2:
                    return client.post("/oauth/op/logout", data={"logout_token": token}).status_code
                return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code

        assert set(pool.map(call, range(200))) <= {400, 401}
        assert len(op.asked_for("/keys")) - before <= 5
        assert visitor.who() == "jane"
        visitor.require_in(visitor.sign_in())


def test_many_who_come_at_once_cost_one_fetch(start: Start, op: HostileProvider) -> None:
    """Single flight: the first key set is asked for once, however many wait for it."""
    rp = start()
    let_go = threading.Event()

    def keys(handler: Handler) -> None:
        let_go.wait(timeout=10)
        handler.json({"keys": [key.jwk() for key in op.keys]})

    op.change.instead["/keys"] = keys
    token = op.sign(op.claims(preferred_username="jane"))

    def call(_: int) -> int:
        with rp.running.another_client(verify=False) as client:
            return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code

    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(call, number) for number in range(6)]
        let_go.set()
        assert {call.result() for call in calls} <= {200, 503}
    assert len(op.asked_for("/keys")) == 1


def test_a_delegated_token_of_one_issuer_signed_by_anothers_key(
    served: Served, op: HostileProvider, dice: FakeDice
) -> None:
    """Both issuers are configured, and each key is known: neither speaks for the other, whatever its key is called."""
    with running("127.0.0.1") as evil:
        evil.now, evil.keys = dice.clock, [MALLORY]
        tables = tuple(
            DelegatedIssuer(name=name, issuer=source.issuer, audience=("gatepost",), username_claim="name")
            for name, source in (("good", op), ("evil", evil))
        )

        def change(settings: Settings) -> Settings:
            return replace(settings, delegated=DelegatedSettings(issuers=tables))

        client = served(change).client

        def status(source: HostileProvider, kid: str, issuer: str) -> int:
            source.change.header = with_(kid=kid)
            token = source.sign(source.claims(iss=issuer, aud="gatepost", sub="s", name="root"))
            return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code

        assert status(evil, "mallory", op.issuer) == 401
        assert status(evil, "one", op.issuer) == 401
        evil.change.jwks = lambda document: {"keys": [{**key, "kid": "one"} for key in document["keys"]]}
        assert status(evil, "one", op.issuer) == 401
        assert status(op, "one", op.issuer) == 200
        op.change.header = without("kid")
        assert client.get("/api/v1/me", headers={"Authorization": "Bearer " + op.sign(op.claims())}).status_code == 401
