"""What passes between Gatepost and Keycloak beside the plain sign-in: forms, keys, refresh tokens, and its tokens here."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from gatepost.gate import Gatepost
from tests.conftest import ADMIN_PASSWORD
from tests.peers.company import Place, table
from tests.peers.conftest import Serve, Visit
from tests.peers.keycloak_server import SECRET, Keycloak, Realm, sign_in

pytestmark = [pytest.mark.peer, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def realm(keycloak: Keycloak, place: Place) -> Realm:
    return keycloak.realm(place.url)


def provider(realm: Realm, **more: object) -> str:
    """The table of a provider, with the preset."""
    keys = {"name": "keycloak", "preset": "keycloak", "issuer": realm.issuer, "groups_claim": "groups"}
    return table("sso.providers", **{**keys, "client_id": "gatepost", "client_secret": SECRET, **more})


@pytest.fixture
def with_its_tokens(realm: Realm, serve: Serve) -> Gatepost:
    """A Gatepost that takes tokens which that realm made for it, though another client asked for them."""
    delegated = table(
        "delegated.issuers",
        name="company",
        issuer=realm.issuer,
        audience=["gatepost-api"],
        username_claim="preferred_username",
        groups_claim="groups",
        link="username",
    )
    return serve(provider(realm) + delegated)


def ask_me(place: Place, **credential: object) -> httpx2.Response:
    return httpx2.get(f"{place.url}/api/v1/me", trust_env=False, timeout=30, **credential)  # type: ignore[arg-type]


def sync(place: Place) -> Any:
    """Have alice's groups read again by an administrator, and return what became of them."""
    with httpx2.Client(base_url=place.url, trust_env=False, timeout=30, auth=("admin", ADMIN_PASSWORD)) as admin:
        answer = admin.post("/api/v1/users/alice/sync")
    assert answer.status_code == 200, answer.text
    (read,) = answer.json()["items"]
    assert read["refused"] == ""
    return read["groups"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_form_post(realm: Realm, serve: Serve, visit: Visit) -> None:
    """The answer is a form that Keycloak's page posts from another site, to which no cookie of ours is sent."""
    serve(provider(realm, response_mode="form_post"))
    visitor = visit()
    posted: list[str] = []
    visitor.page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)

    sign_in(visitor)

    assert [url for url in posted if url.startswith(visitor.url)] == [f"{visitor.url}/oauth/keycloak/callback"]
    assert visitor.me()["groups"] == ["data-team", "staff"]


def test_private_key_jwt(realm: Realm, serve: Serve, visit: Visit) -> None:
    """No secret: Keycloak reads our public keys at our own address, and trusts what is signed with them."""
    proof = {"token_endpoint_auth_method": "private_key_jwt", "client_id": "gatepost-key"}
    keys = {"name": "key", "preset": "keycloak", "issuer": realm.issuer, "groups_claim": "groups", **proof}
    serve(table("sso.providers", **keys))

    visitor = visit()
    sign_in(visitor)

    assert visitor.me()["groups"] == ["data-team", "staff"]


def test_groups_are_read_again_on_demand(realm: Realm, serve: Serve, visit: Visit, place: Place) -> None:
    """`offline_access`: the refresh token that Keycloak left with us tells what has changed, without a sign-in."""
    serve(provider(realm, scopes=["openid", "profile", "email", "offline_access"]))
    visitor = visit()
    sign_in(visitor)
    realm.leave("alice", "staff")
    assert visitor.me()["groups"] == ["data-team", "staff"]

    assert sync(place)["removed"] == ["staff"]
    assert visitor.me()["groups"] == ["data-team"]

    realm.leave("alice", "data-team")  # once more, with the refresh token that came with the first answer
    realm.join("alice", "staff")
    again = sync(place)
    assert (again["added"], again["removed"]) == (["staff"], ["data-team"])
    assert visitor.me()["groups"] == ["staff"]


def test_somebody_switched_off_there_is_signed_out_here_when_asked(
    realm: Realm, serve: Serve, visit: Visit, place: Place
) -> None:
    """A refresh token that Keycloak refuses ends the sessions that rested on it."""
    serve(provider(realm, scopes=["openid", "profile", "email", "offline_access"]))
    visitor = visit()
    sign_in(visitor)
    realm.manage("PUT", realm.user("alice"), json={"enabled": False})
    assert visitor.me()["username"] == "alice"  # Keycloak tells nobody of it

    with httpx2.Client(base_url=place.url, trust_env=False, timeout=30, auth=("admin", ADMIN_PASSWORD)) as admin:
        answer = admin.post("/api/v1/users/alice/sync")

    assert answer.status_code == 409
    assert "does not take the refresh token any more" in answer.json()["detail"]
    assert visitor.me() == {}


def test_roles_of_the_realm_become_roles_here(realm: Realm, serve: Serve, visit: Visit) -> None:
    """With the mapper `realm roles` added to the ID token, as docs/how-to says; they end with the role there."""
    roles = {
        "claims_map": {"roles": {"path": "$.realm_access.roles", "default": []}},
        "role_map": {"curator": "reader"},
    }
    serve(provider(realm, **roles))
    visitor = visit()
    sign_in(visitor)
    assert "reader" in visitor.me()["roles"]

    (curator,) = [role for role in realm.manage("GET", "/roles") if role["name"] == "curator"]
    realm.manage("DELETE", f"{realm.user('alice')}/role-mappings/realm", json=[curator])
    visitor.sign_out()
    visitor.is_signed_out_there_too("Keycloak")
    sign_in(visitor)

    assert "reader" not in visitor.me()["roles"]


@pytest.mark.usefixtures("with_its_tokens")
def test_a_token_that_another_client_got_for_us(realm: Realm, place: Place) -> None:
    """A delegated issuer: the audience says that it is meant for us, and its groups hold for that call."""
    mine = ask_me(place, headers=bearer(realm.tokens("etl", "alice")["access_token"]))

    assert mine.status_code == 200, mine.text
    assert (mine.json()["username"], mine.json()["groups"]) == ("alice", ["data-team", "staff"])
    other = ask_me(place, headers=bearer(realm.tokens("gatepost", "alice")["access_token"]))
    assert other.status_code == 401  # it names no audience at all


@pytest.mark.usefixtures("with_its_tokens")
def test_an_id_token_on_the_api(realm: Realm, place: Place, visit: Visit) -> None:
    """As Bearer, and as the password in Basic with the same user and no other."""
    sign_in(visit())
    token = realm.tokens("gatepost", "alice")["id_token"]

    assert ask_me(place, headers=bearer(token)).json()["username"] == "alice"
    assert ask_me(place, auth=("alice", token)).json()["username"] == "alice"
    assert ask_me(place, auth=("bob", token)).status_code == 401
    assert ask_me(place, headers=bearer(token[:-4] + "AAAA")).status_code == 401
