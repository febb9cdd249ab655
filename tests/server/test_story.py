"""Issue 2's main story over a real connection: people, a script, a service and a passer-by."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from gatepost.settings import Settings
from tests.server.calling import (
    Headers,
    api_token,
    as_admin,
    basic,
    bearer,
    make_user,
    ok,
    password_of,
    problem,
    service_token,
    settle,
    share,
    sign_in,
)
from tests.server.conftest import Served

SALES = "/api/v1/resources/collection/sales"


def test_a_colleague_in_the_group_sees_what_is_shared_with_it(server_client: httpx2.Client) -> None:
    client = server_client
    admin = as_admin(client)
    for name in ("ann", "ben"):
        make_user(client, admin, name)
    ok(client.post("/api/v1/groups", json={"name": "data-team"}, headers=admin), 201)
    ann, ben = (bearer(sign_in(client, name)["access_token"]) for name in ("ann", "ben"))

    ok(client.post("/api/v1/resources", json={"type": "collection", "id": "sales"}, headers=ann), 201)
    problem(client.get(SALES, headers=ben), 404)

    share(client, ann, "group:data-team#member", "editor")
    problem(client.get(SALES, headers=ben), 404)
    ok(client.put("/api/v1/groups/data-team/members/user:ben", headers=admin), 204)

    assert ok(client.get(SALES, headers=ben))["created_by"] == "user:ann"
    assert [r["id"] for r in ok(client.get("/api/v1/resources", headers=ben))["items"]] == ["sales"]
    asked = {"action": "edit", "resource": "collection:sales"}
    assert ok(client.post("/api/v1/check", json=asked, headers=ben))["allowed"] is True
    assert "data-team" in ok(client.post("/api/v1/explain", json=asked, headers=ben))["sentence"]


@pytest.mark.parametrize("form", ["bearer", "basic", "basic with __token__"])
def test_a_script_does_the_same_with_an_api_token(client: httpx2.Client, form: str) -> None:
    company = settle(client)
    token = api_token(client, company.ann)
    script: Headers = {
        "bearer": bearer(token),
        "basic": basic("ann", token),
        "basic with __token__": basic("__token__", token),
    }[form]
    ok(client.post("/api/v1/resources", json={"type": "collection", "id": "nightly"}, headers=script), 201)
    share(client, script, "group:data-team#member")
    bens = bearer(api_token(client, company.ben))
    assert ok(client.get(SALES, headers=bens))["id"] == "sales"
    assert ok(client.get("/api/v1/me", headers=script))["method"] == "api_token"
    problem(client.get("/api/v1/me", headers=basic("ben", token)), 401, "invalid_token")


def test_a_service_does_what_its_role_says(client: httpx2.Client) -> None:
    company = settle(client)
    token = service_token(client, company.admin, "etl", "reader")
    for service in (bearer(token), basic("etl", token), basic("__token__", token)):
        assert ok(client.get(SALES, headers=service))["id"] == "sales"
        problem(client.patch(SALES, json={"display_name": "x"}, headers=service), 403)
        problem(client.get("/api/v1/users", headers=service), 403)
    problem(client.get("/api/v1/me", headers=basic("other", token)), 401, "invalid_token")
    client.patch(SALES, json={"display_name": "x"}, headers=company.ann)


def test_one_role_for_one_call(client: httpx2.Client) -> None:
    """X-Gatepost-Role narrows to one of the caller's own roles; their own and their groups' shares still count."""
    company = settle(client)
    ok(client.put("/api/v1/roles/reader/assignees/user:cy", headers=company.admin), 204)
    assert ok(client.get(SALES, headers=company.cy))["id"] == "sales"
    as_user = {**company.cy, "X-Gatepost-Role": "user"}
    problem(client.get(SALES, headers=as_user), 404)
    problem(client.get(SALES, headers={**company.cy, "X-Gatepost-Role": "admin"}), 403)
    problem(client.get(SALES, headers={**company.cy, "X-Gatepost-Role": "no such role"}), 403)
    problem(client.get("/api/v1/users", headers={**company.admin, "X-Gatepost-Role": "user"}), 403)
    twice = [*company.cy.items(), ("X-Gatepost-Role", "reader"), ("X-Gatepost-Role", "user")]
    problem(client.get(SALES, headers=twice), 400)
    share(client, company.ann, "group:data-team#member")
    ok(client.get(SALES, headers={**company.ben, "X-Gatepost-Role": "user"}))
    problem(client.post("/api/v1/tokens", json={"name": "t"}, headers=as_user), 403)


def test_whoever_sends_no_credential_cannot_choose_a_role(client: httpx2.Client) -> None:
    """Trap 22: a role that is claimed in a header is nothing."""
    problem(client.get("/api/v1/me", headers={"X-Gatepost-Role": "admin"}), 401, "unauthenticated")


def test_a_passer_by_sees_what_is_public_and_no_more(client: httpx2.Client) -> None:
    company = settle(client)
    assert ok(client.get("/api/v1/resources"))["items"] == []
    share(client, company.ann, "anonymous:*")
    assert [r["id"] for r in ok(client.get("/api/v1/resources"))["items"]] == ["sales"]
    ok(client.get(SALES))
    for subject in ("user:*", "service:*"):  # "public" in the console writes all three
        share(client, company.ann, subject)
    ok(client.get(SALES, headers=company.cy))
    ok(client.get(SALES, headers=bearer(service_token(client, company.admin, "gateway", "decider"))))
    problem(client.get(f"{SALES}/access"), 401)
    problem(client.get("/api/v1/users"), 401)
    problem(client.delete(SALES), 401)


def closed(settings: Settings) -> Settings:
    return replace(settings, main=replace(settings.main, allow_anonymous_access=False))


# What answers without a credential even so: signing in, discovery, health.
OPEN = (
    ("GET", "/api/v1/auth/providers", 200),
    ("POST", "/api/v1/auth/login", 422),
    ("POST", "/api/v1/auth/refresh", 422),
    ("GET", "/.well-known/jwks.json", 200),
    ("GET", "/.well-known/oauth-authorization-server", 200),
    ("GET", "/openapi.json", 200),
    ("POST", "/oauth2/token", 400),
    ("GET", "/login", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
)


def test_without_anonymous_access_everything_else_is_401(served: Served) -> None:
    """IF-19: every call without a credential, but sign-in, discovery and health."""
    client = served(closed).client
    for method, path, status in OPEN:
        answer = client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
    for method, path in (
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/resources"),
        ("POST", "/api/v1/check"),
        ("POST", "/api/v1/check/batch"),
        ("POST", "/api/v1/explain"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/graphql"),
        ("GET", "/forward-auth"),
        ("POST", "/access/v1/evaluation"),
        ("POST", "/api/v1/auth/logout"),
    ):
        problem(client.request(method, path), 401, "unauthenticated")
    stores = client.get("/stores")  # in OpenFGA's words
    assert (stores.status_code, stores.json()["code"]) == (401, "bearer_token_missing")
    assert "www-authenticate" in stores.headers
    home = client.get("/", follow_redirects=False)
    assert (home.status_code, home.headers["location"].partition("?")[0]) == (303, "/login")
    assert ok(client.get("/api/v1/me", headers=as_admin(client)))["username"] == "admin"


def test_a_disabled_person_is_out_at_once_with_everything_of_theirs(client: httpx2.Client) -> None:
    """Trap 11, IF-X4: one switch, and how much it ended is in its answer."""
    company = settle(client)
    token = bearer(api_token(client, company.ann))
    ok(client.get(SALES, headers=token))
    ended = ok(client.patch("/api/v1/users/ann", json={"disabled": True}, headers=company.admin))
    assert ended["sessions_ended"] == 1
    assert ended["tokens_refused"] == 1
    assert ended["left_without_owner"] == ["collection:sales"]
    for credential in (company.ann, token, basic("ann", password_of("ann"))):
        problem(client.get("/api/v1/me", headers=credential), 401)
    ok(client.patch("/api/v1/users/ann", json={"disabled": False}, headers=company.admin))
    problem(client.get("/api/v1/me", headers=company.ann), 401)
    ok(client.get("/api/v1/me", headers=basic("ann", password_of("ann"))))
