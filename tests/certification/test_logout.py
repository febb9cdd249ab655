"""The logout plans: RP-initiated, front-channel and back-channel, from a sign-in over HTTP to what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.certification.conftest import RelyingParty, Visitor
from tests.certification.hostile_provider import EVENT, HostileProvider, with_, without
from tests.certification.plans import BACK_CHANNEL_LOGOUT, FRONT_CHANNEL_LOGOUT, RP_INITIATED_LOGOUT, C
from tests.certification.signing import ec_key, no_signature

BACK = f"{C}-rp-backchannel-rpinitlogout"
LOGOUT = "/oauth/op/logout"


def sign_out(visitor: Visitor) -> str:
    """Press the button; the address at the provider that the browser is sent to."""
    origin = visitor.rp.running.url
    answer = visitor.client.post("/logout", headers={"Origin": origin}, follow_redirects=False)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def return_from(address: str, visitor: Visitor) -> httpx2.Response:
    there = httpx2.get(address, trust_env=False)
    assert there.status_code == 302
    return visitor.client.get(str(there.headers["location"]))


def one(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


RP_INITIATED: Mapping[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], int]] = {
    f"{C}-rp-init-logout": (dict, 200),
    f"{C}-rp-init-logout-other-state": (with_(state="another"), 400),
    f"{C}-rp-init-logout-no-state": (without("state"), 400),
}


@pytest.mark.parametrize("name", RP_INITIATED_LOGOUT)
def test_rp_initiated(visitor: Visitor, op: HostileProvider, name: str) -> None:
    """Our session is over before the provider is asked, so a wrong answer of its costs nobody's sign-out."""
    change, status = RP_INITIATED[name]
    visitor.require_in(visitor.sign_in())
    op.change.answer = change
    stolen = dict(visitor.client.cookies)

    address = sign_out(visitor)

    asked = one(address)
    assert address.startswith(f"{op.issuer}/end?")
    assert asked["post_logout_redirect_uri"] == f"{visitor.rp.running.url}/oauth/op/signed-out"
    assert asked["id_token_hint"].count(".") == 2
    assert asked["state"]
    assert visitor.who() == ""
    back = return_from(address, visitor)
    assert back.status_code == status
    visitor.client.cookies.update(stolen)
    assert visitor.client.get("/api/v1/me").status_code == 401, "the old cookie opens nothing"


def test_other_parameters_of_the_return_change_nothing(visitor: Visitor, op: HostileProvider) -> None:
    visitor.require_in(visitor.sign_in())
    op.change.answer = with_(next="https://evil.example", iss="https://evil.example", open="true", x="<script>alert(1)")

    back = return_from(sign_out(visitor), visitor)

    assert back.status_code == 200
    assert "evil.example" not in back.text
    assert "<script>alert" not in back.text


@dataclass(frozen=True)
class Token:
    """How a logout token differs from one that holds."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    unsigned: bool = False
    good: bool = False


BACK_CHANNEL: Mapping[str, Token] = {
    BACK: Token(good=True),
    f"{BACK}-alg-none": Token(header={"alg": "none"}, unsigned=True),
    f"{BACK}-no-event": Token({"events": None}),
    f"{BACK}-with-nonce": Token({"nonce": "n-0S6_WzA2Mj"}),
    f"{BACK}-wrong-alg": Token(header={"alg": "ES256", "kid": "ec"}),
    f"{BACK}-wrong-aud": Token({"aud": "another-client"}),
    f"{BACK}-wrong-event": Token({"events": {"http://schemas.openid.net/event/another": {}}}),
    f"{BACK}-wrong-iss": Token({"iss": "https://wrong.example"}),
}
MORE: Mapping[str, Token] = {
    "a jti that is half a character": Token({"jti": "\ud800"}),
    "a sid with a NUL": Token({"sid": "the-session\0"}),
    "a sub that is half a character": Token({"sid": None, "sub": "\udfff"}),
    "an iss that is half a character": Token({"iss": "\udfff"}),
    "events within events": Token({"events": {EVENT: {EVENT: [[[]]]}}}, good=True),
    "two events": Token({"events": {EVENT: {}, "urn:another": {}}}, good=True),
    "another client beside us": Token({"aud": ["rp-under-test", "another"]}, good=True),
    "an exp beyond every calendar": Token({"exp": 10**300}),
    "a number for every text": Token({"jti": 1, "sid": 2, "sub": 3}),
}


@pytest.mark.parametrize("name", [*BACK_CHANNEL_LOGOUT, *MORE])
def test_back_channel(rp: RelyingParty, op: HostileProvider, name: str) -> None:
    """200 and the session is over, or 400 and it goes on; never cached, never anything else."""
    case = {**BACK_CHANNEL, **MORE}[name]
    visitor = rp.visitor()
    with visitor.client, rp.running.another_client() as provider:
        visitor.require_in(visitor.sign_in())
        op.change.header = with_(**case.header)
        if case.unsigned:
            op.change.sign = lambda _: no_signature
        elif case.header:
            op.change.sign = lambda _: ec_key("ec").sign

        answer = provider.post(LOGOUT, data={"logout_token": op.logout_token(**case.claims)})

        assert answer.status_code == (200 if case.good else 400), answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert visitor.who() == ("" if case.good else "jane")


def frame(rp: RelyingParty, **query: str) -> httpx2.Response:
    """The provider's page loads our address in a frame: no cookie comes along."""
    with rp.running.another_client() as client:
        return client.get(LOGOUT, params=query)


@pytest.mark.parametrize("name", FRONT_CHANNEL_LOGOUT)
def test_front_channel(rp: RelyingParty, op: HostileProvider, name: str) -> None:
    visitor, another = rp.visitor(), rp.visitor()
    with visitor.client, another.client:
        visitor.require_in(visitor.sign_in())
        op.change.claims = with_(sid="another-session")
        another.require_in(another.sign_in())
        op.change.claims = dict
        address = sign_out(visitor) if name.endswith("rpinitlogout") else ""

        framed = frame(rp, iss=op.issuer, sid="the-session")

        assert framed.status_code == 200
        assert f"frame-ancestors {op.issuer}" in framed.headers["content-security-policy"]
        assert framed.headers["cache-control"] == "no-store"
        assert (visitor.who(), another.who()) == ("", "jane")
        if address:
            assert return_from(address, visitor).status_code == 200


@pytest.mark.parametrize(
    "query",
    [{"sid": "the-session"}, {"iss": "https://wrong.example", "sid": "the-session"}, {"iss": "{op}"}, {}],
    ids=["no iss", "another iss", "no sid", "nothing"],
)
def test_a_front_channel_call_that_does_not_fit_ends_nothing(
    rp: RelyingParty, op: HostileProvider, query: dict[str, str]
) -> None:
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())

        assert frame(rp, **{name: value.format(op=op.issuer) for name, value in query.items()}).status_code == 400
        assert visitor.who() == "jane"
