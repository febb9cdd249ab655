"""Signing in and out through Keycloak, in a real browser.

Keycloak's host is `localhost` and Gatepost's `127.0.0.1`: two sites, so that a cookie that only works on one shows.
"""

from __future__ import annotations

import pytest

from gatepost.gate import Gatepost
from tests.peers.company import Place, Visitor, table, to
from tests.peers.conftest import Serve, Visit
from tests.peers.keycloak_server import SECRET, Keycloak, Realm, sign_in

pytestmark = [pytest.mark.peer, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def realm(keycloak: Keycloak, place: Place) -> Realm:
    return keycloak.realm(place.url)


@pytest.fixture
def gatepost(realm: Realm, serve: Serve) -> Gatepost:
    """As a person would configure it: the preset, with one provider for each of the two kinds of logout."""
    secret = {"client_secret": SECRET, "groups_claim": "groups", "issuer": realm.issuer}
    return serve(
        table("sso.providers", name="keycloak", preset="keycloak", client_id="gatepost", **secret)
        + table(
            "sso.providers", name="front", display_name="Front", client_id="gatepost-front", scopes=["openid"], **secret
        )
    )


@pytest.fixture
def visitor(gatepost: Gatepost, visit: Visit) -> Visitor:
    assert gatepost.settings.sso.providers[0].display_name == "Keycloak"  # from the preset
    return visit()


def leave_keycloak(visitor: Visitor, realm: Realm) -> None:
    """Sign out at Keycloak's own page, which knows nothing of the application and asks."""
    visitor.page.goto(f"{realm.issuer}/protocol/openid-connect/logout")
    visitor.page.locator("#kc-logout").click()


def test_groups_come_with_a_sign_in_and_go_with_a_later_one(realm: Realm, visitor: Visitor) -> None:
    """P-2, CO-X8: mirrored both ways, in a fresh sign-in each; whoever is in no group there is in none here."""
    sign_in(visitor)
    me = visitor.me()
    assert (me["groups"], me["email"], me["display_name"]) == (
        ["data-team", "staff"],
        "alice@people.example",
        "Alice Example",
    )
    visitor.sign_out()
    visitor.is_signed_out_there_too("Keycloak")

    realm.leave("alice", "staff")
    sign_in(visitor)
    assert visitor.me()["groups"] == ["data-team"]

    realm.join("alice", "staff")
    visitor.sign_out()
    visitor.is_signed_out_there_too("Keycloak")
    sign_in(visitor)
    assert visitor.me()["groups"] == ["data-team", "staff"]


def test_signing_out_here_signs_out_there_without_a_question(realm: Realm, visitor: Visitor) -> None:
    """RP-initiated logout: Keycloak takes our hint and address, and asks for the password the next time."""
    sign_in(visitor)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/logout" in request.url else None)

    visitor.sign_out()

    visitor.is_signed_out_there_too("Keycloak")
    (there,) = [url for url in asked if url.startswith(realm.issuer)]
    assert "id_token_hint=" in there
    assert "post_logout_redirect_uri=" in there
    assert realm.manage("GET", f"{realm.user('alice')}/sessions") == []
    visitor.choose("Keycloak")
    visitor.page.wait_for_url(to(realm.issuer))
    assert "prompt=login" in visitor.page.url
    assert visitor.page.locator("#password").is_visible()


def test_signing_out_there_ends_that_session_here_and_no_other(realm: Realm, visitor: Visitor, visit: Visit) -> None:
    """Back-channel logout: Keycloak's own token holds, and ends one browser's session."""
    sign_in(visitor)
    same_person, somebody_else = visit(), visit()
    sign_in(same_person)
    sign_in(somebody_else, "bob")

    leave_keycloak(visitor, realm)

    visitor.is_signed_out_soon()
    assert same_person.me()["username"] == "alice"
    assert somebody_else.me()["username"] == "bob"


def test_an_administrator_there_ends_all_sessions_of_a_person_here(
    realm: Realm, visitor: Visitor, visit: Visit
) -> None:
    """Back-channel logout of somebody everywhere: each of their sessions is told of."""
    sign_in(visitor)
    same_person, somebody_else = visit(), visit()
    sign_in(same_person)
    sign_in(somebody_else, "bob")

    realm.end_sessions("alice")

    visitor.is_signed_out_soon()
    same_person.is_signed_out_soon()
    assert somebody_else.me()["username"] == "bob"


def test_front_channel_logout(realm: Realm, visitor: Visitor, visit: Visit) -> None:
    """OpenID Connect Front-Channel Logout: a frame on Keycloak's page, on another site, ends the session here."""
    sign_in(visitor, provider="Front")
    same_person = visit()
    sign_in(same_person, provider="Front")

    leave_keycloak(visitor, realm)

    visitor.is_signed_out_soon()
    assert same_person.me()["username"] == "alice"
