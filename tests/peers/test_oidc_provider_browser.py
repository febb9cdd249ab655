"""Signing in and out through node's oidc-provider, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.peers.company import Place, Visitor, table
from tests.peers.conftest import Serve, Visit, running

pytestmark = [pytest.mark.peer, pytest.mark.browser]


@pytest.fixture
def here(place: Place) -> Iterator[str]:
    """The issuer of a provider that knows the Gatepost of this test."""
    with running(f"{place.url}/oauth/peer/callback") as address:
        yield address


@pytest.fixture
def visitor(here: str, serve: Serve, visit: Visit) -> Visitor:
    serve(
        table(
            "sso.providers",
            name="peer",
            display_name="Peer",
            issuer=here,
            client_id="gatepost",
            client_secret="a-secret-of-the-test-client-only",
            groups_claim="groups",
        )
    )
    return visit()


def sign_in(visitor: Visitor, username: str = "alice") -> None:
    """Walk through the provider's pages: who, and whether the application may know."""
    page = visitor.page
    visitor.choose("Peer")
    page.locator("input[name=login]").fill(username)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    visitor.is_back()


def test_groups_come_with_a_sign_in_and_go_with_a_later_one(here: str, visitor: Visitor) -> None:
    """CO-X8, and RP-initiated logout between the two, after which the provider asks again."""
    sign_in(visitor)
    assert visitor.me()["groups"] == ["data-team", "staff"]
    httpx2.put(f"{here}/people/alice/groups", json=["staff"], trust_env=False).raise_for_status()

    visitor.sign_out()
    visitor.page.get_by_role("button", name="Yes, sign me out").click()
    visitor.is_signed_out_there_too("Peer")
    sign_in(visitor)

    assert visitor.me()["groups"] == ["staff"]


def test_signing_out_there_ends_that_session_here_and_no_other(here: str, visitor: Visitor, visit: Visit) -> None:
    """Back-channel logout, by the provider's own page."""
    sign_in(visitor)
    same_person = visit()
    sign_in(same_person)

    visitor.page.goto(f"{here}/session/end")
    visitor.page.get_by_role("button", name="Yes, sign me out").click()

    visitor.is_signed_out_soon()
    assert same_person.me()["username"] == "alice"
