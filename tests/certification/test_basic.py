"""The plan "Basic", module by module, and what the suite has beyond it: the code flow with a provider that errs.

A good module ends with the person signed in; every other one with a page, no session and no account.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.certification.conftest import Start
from tests.certification.hostile_provider import CLIENT_ID, CLIENT_SECRET, HostileProvider, with_, without
from tests.certification.plans import BASIC, BEYOND_BASIC, C
from tests.certification.signing import broken, ec_key, hmac_with, no_signature, rsa_key

NAMELESS = without("kid")


def nameless_keys(op: HostileProvider) -> None:
    """Nothing has a key id: neither the tokens nor the keys."""
    op.change.header = NAMELESS
    op.change.jwks = lambda document: {"keys": [NAMELESS(key) for key in document["keys"]]}


def several_nameless_keys(op: HostileProvider) -> None:
    nameless_keys(op)
    op.change.jwks = lambda _: {"keys": [NAMELESS(rsa_key(kid).jwk()) for kid in ("two", "three", "one")]}


def unsigned(op: HostileProvider) -> None:
    op.change.header = with_(alg="none")
    op.change.sign = lambda _: no_signature


def with_the_secret(op: HostileProvider) -> None:
    op.change.header = with_(alg="HS256")
    op.change.sign = lambda _: hmac_with(CLIENT_SECRET.encode())


def ec_and_broken(op: HostileProvider) -> None:
    op.keys = [ec_key("one")]
    op.change.sign = broken


def broken_signature(op: HostileProvider) -> None:
    op.change.sign = broken


def honest(_op: HostileProvider) -> None:
    """Nothing is wrong."""


def claims(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[HostileProvider], None]:
    def apply(op: HostileProvider) -> None:
        op.change.claims = change

    return apply


def userinfo(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[HostileProvider], None]:
    def apply(op: HostileProvider) -> None:
        op.change.userinfo = change

    return apply


def everything_in_userinfo(op: HostileProvider) -> None:
    op.userinfo = {**op.userinfo, **op.person}
    op.person = {}


def aggregated(op: HostileProvider) -> None:
    """A claim that another party signed: it is not taken from there, and nothing breaks."""
    op.change.userinfo = with_(_claim_names={"eye_color": "src"}, _claim_sources={"src": {"JWT": "x.y.z"}})


def distributed(op: HostileProvider) -> None:
    """A claim to be fetched elsewhere: no address that a provider names is called."""
    source = {"endpoint": f"{op.issuer}/elsewhere", "access_token": "x"}
    op.change.userinfo = with_(_claim_names={"credit_score": "src"}, _claim_sources={"src": source})


def error_of_the_provider(op: HostileProvider) -> None:
    op.change.answer = lambda answer: {"error": "login_required", "state": answer["state"]}


@dataclass(frozen=True)
class Module:
    """What the provider does, and whether the person is in at the end."""

    prepare: Callable[[HostileProvider], None]
    good: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


MODULES: Mapping[str, Module] = {
    C: Module(honest, good=True),
    f"{C}-invalid-iss": Module(claims(with_(iss="https://wrong.example"))),
    f"{C}-missing-sub": Module(claims(without("sub"))),
    f"{C}-invalid-aud": Module(claims(with_(aud="another-client"))),
    f"{C}-missing-aud": Module(claims(without("aud"))),
    f"{C}-missing-iat": Module(claims(without("iat"))),
    f"{C}-kid-absent-single-jwks": Module(nameless_keys, good=True),
    f"{C}-kid-absent-multiple-jwks": Module(several_nameless_keys, good=True),  # it may be refused; ours tries them
    f"{C}-idtoken-sig-rs256": Module(honest, good=True),
    f"{C}-idtoken-sig-none": Module(unsigned),
    f"{C}-invalid-sig-rs256": Module(broken_signature),
    f"{C}-invalid-sig-hs256": Module(with_the_secret),
    f"{C}-invalid-sig-es256": Module(ec_and_broken),
    f"{C}-userinfo-invalid-sub": Module(userinfo(with_(sub="somebody-else"))),
    f"{C}-nonce-invalid": Module(claims(with_(nonce="of-another-sign-in"))),
    f"{C}-nonce-unless-code-flow": Module(honest, good=True),
    f"{C}-missing-athash": Module(claims(without("at_hash")), good=True),  # the code flow may leave it out
    f"{C}-invalid-athash": Module(claims(with_(at_hash="x" * 22))),
    f"{C}-scope-userinfo-claims": Module(everything_in_userinfo, good=True),
    f"{C}-userinfo-bearer-header": Module(everything_in_userinfo, good=True),
    f"{C}-client-secret-basic": Module(honest, good=True),
    f"{C}-aggregated": Module(aggregated, good=True),
    f"{C}-distributed": Module(distributed, good=True),
    f"{C}-mtls-endpoint-aliases": Module(
        lambda op: setattr(
            op.change, "discovery", with_(mtls_endpoint_aliases={"token_endpoint": "https://x.example/"})
        ),
        good=True,
    ),
    f"{C}-form-post-error": Module(error_of_the_provider),
}


def run(module: Module, start: Start, op: HostileProvider, **settings: Any) -> None:
    module.prepare(op)
    visitor = start(**module.settings, **settings).visitor()
    with visitor.client:
        answer = visitor.sign_in()
        (visitor.require_in if module.good else visitor.require_nobody)(answer)


@pytest.mark.parametrize("name", [*BASIC, *BEYOND_BASIC])
def test_basic(name: str, start: Start, op: HostileProvider) -> None:
    run(MODULES[name], start, op)


def test_the_request_is_what_the_plan_wants(start: Start, op: HostileProvider) -> None:
    """`code`, `openid`, a nonce although the code flow needs none, a state, PKCE; nothing secret in an address."""
    visitor = start().visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
    (asked,) = op.asked_for("/authorize")
    assert (asked.query["response_type"], asked.query["client_id"]) == ("code", CLIENT_ID)
    assert "openid" in asked.query["scope"].split()
    assert min(len(asked.query[name]) for name in ("nonce", "state", "code_challenge")) >= 43
    (token,) = op.asked_for("/token")
    assert (token.method, token.query, token.form["redirect_uri"]) == ("POST", {}, asked.query["redirect_uri"])
    (info,) = op.asked_for("/userinfo")
    assert (info.query, info.headers["Authorization"].partition(" ")[0]) == ({}, "Bearer")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_proves_itself_one_way(start: Start, op: HostileProvider, method: str) -> None:
    visitor = start(token_endpoint_auth_method=method).visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
    (token,) = op.asked_for("/token")
    if method == "client_secret_basic":
        pair = base64.b64decode(token.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        assert [unquote_plus(part) for part in pair] == [CLIENT_ID, CLIENT_SECRET]
        assert "client_secret" not in token.form
    else:
        assert (token.form["client_id"], token.form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        assert "Authorization" not in token.headers


def test_no_address_in_a_claim_is_called(start: Start, op: HostileProvider) -> None:
    distributed(op)
    visitor = start().visitor()
    with visitor.client:
        visitor.sign_in()
    assert op.asked_for("/elsewhere") == []


def test_what_userinfo_says_is_in_the_account(start: Start, op: HostileProvider) -> None:
    """`-scope-userinfo-claims`: claims that only userinfo has."""
    visitor = start().visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        me = visitor.client.get("/api/v1/me").json()
    assert (me["email"], me["display_name"]) == ("jane@op.example", "Jane Doe")
