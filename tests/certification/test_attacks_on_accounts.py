"""Whose account a sign-in opens: by issuer and subject, whatever name or address a provider was talked into saying."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from gatepost.settings import ClaimRule
from tests.certification.conftest import RelyingParty, Start
from tests.certification.hostile_provider import Handler, HostileProvider, running
from tests.certification.test_bent_claims import VALUES, attempt, bend, require_all_still_works
from tests.dice import FakeDice
from tests.server.calling import Headers, as_admin, make_user, ok


@pytest.fixture
def evil(dice: FakeDice) -> Iterator[HostileProvider]:
    """Another provider, whose people call themselves what they like."""
    with running("127.0.0.1") as provider:
        provider.now, provider.sub = dice.clock, "666"
        yield provider


def come(rp: RelyingParty, op: HostileProvider, path: str = "/oauth/op/login", **person: Any) -> tuple[int, str]:
    """Somebody new signs in: the status, and who they are then."""
    op.person, op.userinfo = person, {}
    visitor = rp.visitor()
    with visitor.client:
        return visitor.come_back(visitor.begin(path)).status_code, visitor.who()


def account(rp: RelyingParty, name: str, **more: Any) -> Headers:
    admin = as_admin(rp.running.client)
    make_user(rp.running.client, admin, name)
    if more:
        ok(rp.running.client.patch(f"/api/v1/users/{name}", json=more, headers=admin))
    return admin


@pytest.mark.parametrize("trust_email", [True, False])
@pytest.mark.parametrize("verified", [None, False, "true", 1, "yes", ["true"], {}])
def test_an_address_that_is_not_verified_opens_nothing(
    start: Start, op: HostileProvider, verified: object, trust_email: bool
) -> None:
    """Trap 1: literally `true`, and only of a provider that is trusted with it."""
    rp = start(trust_email=trust_email)
    account(rp, "victim", email="victim@corp.example", email_verified=True)
    said: dict[str, Any] = {} if verified is None else {"email_verified": verified}

    status, who = come(rp, op, preferred_username="attacker", email="victim@corp.example", **said)

    assert who in ("", "attacker")
    assert status in (303, 403)
    assert come(rp, op, preferred_username="victim", email="victim@corp.example", **said)[1] != "victim"


def test_a_verified_address_makes_nobody_an_admin(start: Start, op: HostileProvider) -> None:
    """Trap 1: a trusted provider included."""
    rp = start(trust_email=True)
    admin = as_admin(rp.running.client)
    ok(
        rp.running.client.patch(
            "/api/v1/users/admin", json={"email": "a@corp.example", "email_verified": True}, headers=admin
        )
    )

    for name in ("attacker", "admin", "Admin"):
        _, who = come(rp, op, preferred_username=name, email="a@corp.example", email_verified=True)
        assert who != "admin"


def test_an_address_that_names_the_account_has_to_be_verified(start: Start, op: HostileProvider) -> None:
    rp = start(username_claim="email")

    for said in ({}, {"email_verified": False}, {"email_verified": "true"}):
        assert come(rp, op, email="boss@corp.example", **said) == (403, "")
    assert rp.people() == set()
    assert come(rp, op, email="boss@corp.example", email_verified=True) == (303, "boss@corp.example")


def test_a_name_of_another_provider_is_taken(start: Start, op: HostileProvider, evil: HostileProvider) -> None:
    """A collision between providers: refused, kept for admins to see, and the first one's account goes on."""
    rp = start(evil.settings(name="evil"))
    assert come(rp, op, preferred_username="jane") == (303, "jane")

    for name in ("jane", "JANE", "Jane"):
        assert come(rp, evil, "/oauth/evil/login", preferred_username=name) == (403, "")

    evil.sub = op.sub
    assert come(rp, evil, "/oauth/evil/login", preferred_username="jane") == (403, ""), "the same subject elsewhere"
    assert come(rp, op, preferred_username="renamed") == (303, "jane"), "the identity counts, and no name"
    clashes = ok(rp.running.client.get("/api/v1/conflicts", headers=as_admin(rp.running.client)))["items"]
    assert {(clash["provider"], clash["username"]) for clash in clashes} == {("evil", "jane")}


@pytest.mark.parametrize(
    "address", ["jane@evil.example", "jane@corp.example@evil.example", "jane", "@corp.example", "jane@corp.example\n"]
)
def test_a_pattern_that_drops_the_domain_merges_nobody(
    start: Start, op: HostileProvider, evil: HostileProvider, address: str
) -> None:
    """Trap 2: the rewritten name is somebody's already, or the address is none."""
    rewriting = {"username_claim": "email", "username_regexp": re.compile("^(.*)@.*"), "username_substitution": r"\1"}
    rp = start(replace(evil.settings(name="evil"), **rewriting), **rewriting)  # type: ignore[arg-type]
    assert come(rp, op, email="jane@corp.example", email_verified=True) == (303, "jane")

    assert come(rp, evil, "/oauth/evil/login", email=address, email_verified=True) == (403, "")
    op.sub = "another-subject"
    assert come(rp, op, email=address, email_verified=True) == (403, "")


def test_a_first_sign_in_from_many_tabs_at_once_is_one_account(start: Start, op: HostileProvider) -> None:
    """IF-7, IF-X7: and none of them is a bug."""
    rp = start()

    def sign_in(_: int) -> tuple[int, str]:
        visitor = rp.visitor()
        with visitor.client:
            return visitor.sign_in().status_code, visitor.who()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(sign_in, range(12))) == {(303, "jane")}
    assert rp.people() == {"jane"}


@pytest.mark.slow
def test_whatever_an_oauth2_userinfo_says(start: Start, op: HostileProvider) -> None:
    """Without an ID token everything comes from there: a person under their own name, or nobody."""
    rp = start(
        protocol="oauth2",
        issuer=None,
        authorization_endpoint=f"{op.issuer}/authorize",
        token_endpoint=f"{op.issuer}/token",
        userinfo_endpoint=f"{op.issuer}/userinfo",
        scopes=("profile",),
        scopes_configured=True,
        groups_claim="groups",
        claims_map={"roles": ClaimRule("$..roles", ("user",))},
    )
    whole = {"sub": op.sub, "preferred_username": "jane", "email": "jane@op.example", "groups": ["a"], "name": "Jane"}
    wrong = []
    for claim in ("sub", "preferred_username", "email", "email_verified", "groups", "name", "roles", "iss", "events"):
        for label, value in VALUES.items():

            def answer(handler: Handler, claim: str = claim, value: str = value) -> None:
                handler.send(200, bend(whole, claim, value), "application/json")

            op.change.instead["/userinfo"] = answer
            if outcome := attempt(rp):
                wrong.append((claim, label, outcome))
    assert wrong == []
    assert rp.people() == {"jane"}, "somebody did come in"
    require_all_still_works(rp.running)


def test_a_page_shows_what_a_provider_said_as_text(start: Start, op: HostileProvider) -> None:
    """Markup in a name is a name, on the pages of admins too; and no text turns what stands beside it round."""
    rp = start(groups_claim="groups")
    visitor = rp.visitor()
    with visitor.client:
        op.person = {
            "preferred_username": "jane",
            "name": '<img src=x onerror="alert(1)">{{7*7}}',
            "groups": ["<b>staff</b>", "\u202effats", "a\nb"],
        }
        visitor.require_in(visitor.sign_in())
        pages = [visitor.client.get("/account").text, *pages_of_an_admin(rp)]
    assert not any(
        "<img src=x" in page or "<b>staff" in page or "49" in re.findall(r"alert.*?49", page) for page in pages
    )
    assert any("&lt;img src=x" in page for page in pages)
    assert not any("\u202e" in page for page in pages)


def pages_of_an_admin(rp: RelyingParty) -> list[str]:
    with rp.running.another_client(verify=False, follow_redirects=True) as client:
        ours = {"Origin": rp.running.url}
        client.post("/login", data={"username": "admin", "password": "an-admin-of-the-tests"}, headers=ours)
        answers: list[httpx2.Response] = [client.get(path) for path in ("/users", "/users/jane", "/audit")]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    return [answer.text for answer in answers]
