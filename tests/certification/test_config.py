"""The plan "Config": what is discovered is used, what does not fit is not, and keys that change are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.certification.conftest import RelyingParty, Start, Visitor
from tests.certification.hostile_provider import HostileProvider, with_, without
from tests.certification.plans import CONFIG, C
from tests.certification.signing import ec_key, ed_key, rsa_key
from tests.certification.test_basic import MODULES, run
from tests.dice import FakeDice

WELL_KNOWN = "/.well-known/openid-configuration"
Case = Callable[[Start, HostileProvider], None]


def discovered(start: Start, op: HostileProvider) -> None:
    """Every endpoint is where the document says, under names that nobody could guess."""
    moved = {"authorize": "a-1", "token": "t-2", "userinfo": "u-3", "keys": "k-4"}
    op.change.discovery = lambda document: (
        {
            name: f"{op.issuer}/{moved.get(str(value).rpartition('/')[2], 'x')}" if "://" in str(value) else value
            for name, value in document.items()
            if name != "issuer"
        }
        | {"issuer": op.issuer}
    )
    visitor = start().visitor()
    with visitor.client:
        assert visitor.begin().startswith(f"{op.issuer}/a-1?")


def jwks_uri(start: Start, op: HostileProvider) -> None:
    run(MODULES[C], start, op)
    assert len(op.asked_for("/keys")) == 1


def issuer_mismatch(start: Start, op: HostileProvider) -> None:
    op.change.discovery = with_(issuer="https://another.example")
    visitor = start().visitor()
    with visitor.client:
        visitor.require_nobody(visitor.client.get("/oauth/op/login", follow_redirects=False), 502)
    assert {request.path for request in op.asked} == {WELL_KNOWN}


def unsigned(start: Start, op: HostileProvider) -> None:
    run(MODULES[f"{C}-idtoken-sig-none"], start, op)


def rotated_just_before_signing(start: Start, op: HostileProvider) -> None:
    rp = start()
    first, second = rp.visitor(), rp.visitor()
    with first.client, second.client:
        first.require_in(first.sign_in())
        address = second.begin()
        op.change.before_signing = lambda: setattr(op, "keys", [rsa_key("fresh")])
        second.require_in(second.come_back(address))


def rotated(start: Start, op: HostileProvider) -> None:
    rp = start()
    for key in (rsa_key("one"), rsa_key("two"), ec_key("three")):
        op.keys = [key, *op.keys[:1]]
        visitor = rp.visitor()
        with visitor.client:
            visitor.require_in(visitor.sign_in())
    assert len(op.asked_for("/keys")) == 3


CASES: dict[str, Case] = {
    f"{C}-discovery-openid-config": discovered,
    f"{C}-discovery-jwks-uri-keys": jwks_uri,
    f"{C}-discovery-issuer-mismatch": issuer_mismatch,
    f"{C}-idtoken-sig-none": unsigned,
    f"{C}-signing-key-rotation-just-before-signing": rotated_just_before_signing,
    f"{C}-signing-key-rotation": rotated,
}


@pytest.mark.parametrize("name", CONFIG)
def test_config(name: str, start: Start, op: HostileProvider) -> None:
    CASES[name](start, op)


@pytest.mark.parametrize("issuer", ["{}/", "{}/realm", "{}?x", "HTTP{}"])
def test_an_issuer_that_looks_alike_is_another(visitor: Visitor, op: HostileProvider, issuer: str) -> None:
    """Discovery 4.3: the same, to the byte."""
    alike = issuer.format(op.issuer if "{" in issuer[0] else op.issuer.removeprefix("http"))
    op.change.discovery = with_(issuer=alike)

    visitor.require_nobody(visitor.client.get("/oauth/op/login", follow_redirects=False), 502)


@pytest.mark.parametrize(
    "change",
    [
        without("authorization_endpoint"),
        without("token_endpoint"),
        without("jwks_uri"),
        with_(jwks_uri="file:///etc/passwd"),
        with_(jwks_uri="http://169.254.169.254/latest/meta-data"),
        with_(token_endpoint="gopher://127.0.0.1:6379/_FLUSHALL"),
        with_(token_endpoint=["https://op.example/token"]),
        with_(authorization_endpoint="javascript:alert(1)"),
        with_(authorization_endpoint="https://op.example/\r\nSet-Cookie: x=y"),
        with_(authorization_endpoint="https://op.example/\ud800"),
        with_(userinfo_endpoint="http://user:password@op.example/"),
        with_(end_session_endpoint={"a": 1}),
    ],
)
def test_a_document_that_sends_us_or_people_astray_is_refused(
    visitor: Visitor, op: HostileProvider, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    """No other scheme, no plain http beyond loopback, and so no cloud's metadata; nothing but text."""
    op.change.discovery = change

    visitor.require_nobody(visitor.client.get("/oauth/op/login", follow_redirects=False), 502)


def test_keys_that_are_none_are_left_aside(visitor: Visitor, op: HostileProvider) -> None:
    """One unreadable key does not spoil the set."""
    junk: list[object] = [
        "a text",
        None,
        [],
        {"kty": "XYZ"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "oct", "k": "eA"},
        {},
    ]
    op.change.jwks = lambda document: {"keys": [*junk, *document["keys"]]}

    visitor.require_in(visitor.sign_in())


def test_an_ed25519_key_without_alg_verifies_where_it_is_allowed(start: Start, op: HostileProvider) -> None:
    """Trap 13: OKP keys without `alg`."""
    op.keys = [ed_key("one")]
    visitor = start(algorithms=("EdDSA",)).visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())


def test_a_provider_that_was_wrong_at_first_is_asked_again(
    rp: RelyingParty, op: HostileProvider, dice: FakeDice
) -> None:
    """Trap (d): nothing is disabled for good."""
    op.change.discovery = with_(issuer="https://another.example")
    visitor = rp.visitor()
    with visitor.client:
        assert visitor.client.get("/oauth/op/login", follow_redirects=False).status_code == 502
        op.change.discovery = dict
        dice.advance(timedelta(seconds=6))
        visitor.require_in(visitor.sign_in())
