"""Whatever a provider says, of whatever type: a person under their own name or a page, never a bug and never another name.

Every claim and every member of every answer, each with every value below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from gatepost.settings import ClaimRule, DelegatedIssuer, DelegatedSettings, Settings
from tests.certification.conftest import RelyingParty, Start
from tests.certification.hostile_provider import Changes, Handler, HostileProvider, without
from tests.conftest import ADMIN_PASSWORD
from tests.dice import FakeDice
from tests.server.calling import bearer, ok
from tests.server.conftest import Running, Served

# As JSON spells them, so that there is also what Python's own writer never would.
VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "false": "false",
    "nought": "0",
    "minus one": "-1",
    "a fraction": "1.5",
    "beyond every float": "1e400",
    "beyond every calendar": "1e30",
    "a whole number of 400 digits": "9" * 400,
    "a whole number of 5000 digits": "9" * 5000,
    "not a number": "NaN",
    "an empty text": '""',
    "an empty list": "[]",
    "an empty object": "{}",
    "a list of null": "[null]",
    "a list of everything": '[null, true, 0, "", [], {}, "\\u0000", "\\ud800"]',
    "an object of everything": '{"": null, "name": ["x"], "sub": {}, "\\ud800": "\\ud800"}',
    "deep": "[" * 60 + "]" * 60,
    "deeper": "[" * 5000 + "]" * 5000,
    "a long text": '"' + "x" * 60_000 + '"',
    "a megabyte": '"' + "x" * (1 << 20) + '"',
    "many": json.dumps([f"g{n}" for n in range(3000)]),
    "a NUL": '"jane\\u0000"',
    "a lone NUL": '"\\u0000"',
    "half a character": '"\\ud800"',
    "the other half first": '"\\udc00\\ud800 jane"',
    "a text that turns round": '"\\u202eenaj"',
    "a name with a bidi mark": '"jane\\u200f"',
    "a look-alike": '"j\\u0430ne"',
    "a ligature": '"\\ufb01ne"',
    "a space after it": '"jane "',
    "a line after it": '"jane\\n"',
    "a tab in it": '"ja\\tne"',
    "a header in it": '"x\\r\\nSet-Cookie: gp_session=x"',
    "markup": '"<script>alert(1)</script>"',
    "a path": '"../../admin"',
    "the administrator": '"admin"',
    "the administrator, loudly": '"ADMIN"',
    "a subject": '"user:admin"',
    "everybody": '"*"',
}
PROTOCOL = (
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "at_hash",
    "auth_time",
    "sid",
    "jti",
    "acr",
    "events",
)
PERSON = ("preferred_username", "name", "given_name", "email", "email_verified", "groups", "hasgroups", "_claim_names")
CLAIMS = (*PROTOCOL, *PERSON, "tid", "hd", "roles", "x-hasura-allowed-roles")
PLACEHOLDER = "@the value@"
ALLOWED = {303, 400, 403, 502}


@dataclass
class Tried:
    """One value in one place, and what came of it."""

    where: str
    value: str
    outcome: str


def bend(document: dict[str, Any], name: str, value: str) -> bytes:
    return json.dumps({**document, name: PLACEHOLDER}).replace(json.dumps(PLACEHOLDER), value).encode()


def bent_answer(document: Callable[[], dict[str, Any]], name: str, value: str) -> Callable[[Handler], None]:
    return lambda handler: handler.send(200, bend(document(), name, value), "application/json")


def attempt(rp: RelyingParty) -> str:
    """Sign in as far as it goes.  Empty if all is well, else what is wrong with it."""
    visitor = rp.visitor()
    with visitor.client:
        answer = visitor.client.get("/oauth/op/login", follow_redirects=False)
        if answer.status_code == 303:
            answer = visitor.come_back(str(answer.headers["location"]))
        if answer.status_code not in ALLOWED:
            return f"status {answer.status_code}"
        name = visitor.who()
        if answer.status_code == 303 and name != "jane":
            return f"in as {name!r}"
        if answer.status_code != 303 and ("gp_session" in answer.headers.get("set-cookie", "") or name):
            return f"refused, and in as {name!r}"
    return f"people are {rp.people()}" if rp.people() - {"jane"} else ""


def wrong(rp: RelyingParty, places: Iterable[str], bend_it: Callable[[str, str], None]) -> list[Tried]:
    found = []
    for where in places:
        for label, value in VALUES.items():
            rp.op.change = Changes()
            bend_it(where, value)
            if outcome := attempt(rp):
                found.append(Tried(where, label, outcome))
    return found


def require_all_still_works(running: Running) -> None:
    """What was stored on the way breaks no list."""
    pair = ok(running.client.post("/api/v1/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD}))
    admin = bearer(pair["access_token"])
    for path in ("users", "groups", "conflicts", "audit?limit=100", "providers"):
        ok(running.client.get(f"/api/v1/{path}", headers=admin))


@pytest.fixture
def rp(start: Start) -> RelyingParty:
    """A Gatepost that reads as many claims as it can."""
    return start(
        groups_claim="groups",
        group_sync="mirror",
        claims_map={"roles": ClaimRule("$..roles", ("user",)), "x-hasura-org": ClaimRule("$.tid")},
        role_map={"x": "user"},
        admin_roles=("boss",),
    )


@pytest.mark.slow
def test_in_the_id_token(rp: RelyingParty, op: HostileProvider) -> None:
    def bend_it(claim: str, value: str) -> None:
        op.change.payload = lambda payload: bend(json.loads(payload), claim, value)

    assert wrong(rp, CLAIMS, bend_it) == []
    assert rp.people() == {"jane"}, "somebody did come in"
    require_all_still_works(rp.running)


def test_in_the_userinfo(rp: RelyingParty, op: HostileProvider) -> None:
    """The ID token says only who it is, so that all else is read there."""
    person, op.person = {**op.person, **op.userinfo}, {"preferred_username": "jane"}

    def bend_it(claim: str, value: str) -> None:
        op.change.instead["/userinfo"] = bent_answer(lambda: {"sub": op.sub, **person}, claim, value)

    assert wrong(rp, ("sub", "name", "email", "email_verified", "groups", "_claim_names", "roles"), bend_it) == []
    assert rp.people() == {"jane"}, "somebody did come in"
    op.person = {}
    assert wrong(rp, ("preferred_username",), bend_it) == []
    require_all_still_works(rp.running)


def test_in_the_token_answer(rp: RelyingParty, op: HostileProvider) -> None:
    def bend_it(member: str, value: str) -> None:
        def answer(handler: Handler) -> None:
            tokens = op.redeem(op.asked[-1].form["code"])
            assert tokens is not None
            handler.send(200, bend(tokens, member, value), "application/json")

        op.change.instead["/token"] = answer

    members = ("id_token", "access_token", "token_type", "expires_in", "refresh_token", "scope", "error")
    assert wrong(rp, members, bend_it) == []
    assert rp.people() == {"jane"}, "somebody did come in"
    require_all_still_works(rp.running)


@pytest.mark.slow
def test_in_the_discovery_document_and_the_key_set(start: Start, op: HostileProvider, dice: FakeDice) -> None:
    """Read anew for each: the clock goes on by more than what either is kept for."""
    rp = start()

    def bend_discovery(member: str, value: str) -> None:
        dice.advance(timedelta(days=2))
        op.change.instead["/.well-known/openid-configuration"] = bent_answer(op.discovery, member, value)

    def bend_keys(member: str, value: str) -> None:
        dice.advance(timedelta(days=2))
        if member == "keys":
            op.change.instead["/keys"] = bent_answer(dict, member, value)
        else:
            key = bend(op.keys[0].jwk(), member, value).decode()
            body = f'{{"keys": [{key}, {json.dumps(op.keys[0].jwk())}]}}'.encode()
            op.change.instead["/keys"] = lambda handler: handler.send(200, body, "application/json")

    members = [*without("subject_types_supported")(op.discovery()), "authorization_response_iss_parameter_supported"]
    assert wrong(rp, members, bend_discovery) == []
    assert wrong(rp, ("keys", "kty", "n", "e", "kid", "use", "alg", "key_ops", "x5c", "crv"), bend_keys) == []
    assert rp.people() == {"jane"}, "somebody did come in"


def test_in_a_delegated_token(served: Served, op: HostileProvider) -> None:
    issuer = DelegatedIssuer(
        name="gateway",
        issuer=op.issuer,
        audience=("rp-under-test",),
        username_claim="preferred_username",
        claims_map={"roles": ClaimRule("$..roles", ("user",))},
        group_sync="add",
    )
    running = served(lambda settings: with_issuer(settings, issuer))
    claims = (*CLAIMS, "apikey", "act", "client_id", "scope")

    def status(claim: str, value: str) -> str:
        op.change.payload = lambda payload: bend(json.loads(payload), claim, value)
        token = op.sign(op.claims(**op.person, **op.userinfo))
        if len(token) > 19_000:
            return ""  # no header is as long as that
        answer = running.client.get("/api/v1/me", headers=bearer(token))
        if answer.status_code == 200:
            return "" if answer.json()["username"] == "jane" else f"in as {answer.json()['username']!r}"
        return "" if answer.status_code in (401, 403) else f"status {answer.status_code} {answer.text}"

    tried = [Tried(claim, label, status(claim, value)) for claim in claims for label, value in VALUES.items()]
    assert [case for case in tried if case.outcome] == []
    require_all_still_works(running)


def with_issuer(settings: Settings, issuer: DelegatedIssuer) -> Settings:
    return replace(settings, delegated=DelegatedSettings(issuers=(issuer,)))


def test_in_a_logout_token(rp: RelyingParty, op: HostileProvider) -> None:
    def status(claim: str, value: str) -> str:
        op.change.payload = lambda payload: bend(json.loads(payload), claim, value)
        answer = rp.running.client.post("/oauth/op/logout", data={"logout_token": op.logout_token(sid="nobody's")})
        return "" if answer.status_code in (200, 400, 413) else f"status {answer.status_code} {answer.text}"

    claims = ("iss", "sub", "aud", "exp", "iat", "jti", "sid", "events", "nonce", "nbf")
    tried = [Tried(claim, label, status(claim, value)) for claim in claims for label, value in VALUES.items()]
    assert [case for case in tried if case.outcome] == []
    require_all_still_works(rp.running)


@pytest.mark.parametrize(
    "name", ["state", "code", "iss", "error", "error_description", "session_state", "id_token", "x"]
)
def test_in_what_the_browser_brings_back(rp: RelyingParty, op: HostileProvider, name: str) -> None:
    """Bytes that are no text, twice the same, and everything above."""
    raw = ("%", "%zz", "%ff%fe", "%ed%a0%80", "%00", "a&" + name + "=b", "%F0%9F%98%80", "+", "%0d%0a", "x" * 20_000)
    visitor = rp.visitor()
    with visitor.client:
        for value in raw:
            answer = visitor.client.get(f"/oauth/op/callback?{name}={value}", follow_redirects=False)
            visitor.require_nobody(answer, 400)
