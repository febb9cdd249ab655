"""`/api/v1` to the letter of the contract: each path, its statuses, the names of its members, its headers."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
import pytest

from tests.conftest import ADMIN_PASSWORD
from tests.server.calling import (
    Company,
    api_token,
    basic,
    bearer,
    make_user,
    ok,
    password_of,
    problem,
    service_token,
    share,
    sign_in,
)

USER = {
    "id",
    "username",
    "display_name",
    "email",
    "email_verified",
    "disabled",
    "external",
    "has_password",
    "created_at",
    "created_by",
}
TOKEN = {"id", "name", "owner", "scopes", "issuer", "created_at", "expires_at", "last_used_at"}
MEMBER = {"subject", "origin", "author", "created_at", "expires_at"}
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_signing_in_refreshing_and_out(client: httpx2.Client) -> None:
    pair = sign_in(client, "admin", ADMIN_PASSWORD)
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 1800
    fresh = ok(client.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}))
    assert set(fresh) == set(pair)
    assert fresh["refresh_token"] != pair["refresh_token"]
    answer = client.post("/api/v1/auth/logout", headers=bearer(fresh["access_token"]))
    assert answer.status_code == 204
    assert answer.content == b""
    problem(client.get("/api/v1/me", headers=bearer(pair["access_token"])), 401, "invalid_token")
    problem(client.get("/api/v1/me", headers=bearer(fresh["access_token"])), 401, "invalid_token")
    problem(client.post("/api/v1/auth/refresh", json={"refresh_token": fresh["refresh_token"]}), 401)


def test_a_wrong_password_and_an_unknown_user_read_alike(client: httpx2.Client, company: Company) -> None:
    wrong = client.post("/api/v1/auth/login", json={"username": "ann", "password": "not-this-one"})
    nobody = client.post("/api/v1/auth/login", json={"username": "nobody", "password": "not-this-one"})
    assert problem(wrong, 401, "invalid_credentials") == problem(nobody, 401, "invalid_credentials")
    assert wrong.headers["www-authenticate"] == nobody.headers["www-authenticate"]


def test_too_many_wrong_passwords_are_429_with_the_seconds_to_wait(client: httpx2.Client, company: Company) -> None:
    wrong = {"username": "ann", "password": "not-this-one"}
    for _ in range(5):
        problem(client.post("/api/v1/auth/login", json=wrong), 401)
    problem(client.post("/api/v1/auth/login", json=wrong), 429, "too_many_requests")
    problem(client.get("/api/v1/me", headers=basic("ann", "not-this-one")), 429)


def test_a_bad_token_costs_401_however_often(client: httpx2.Client) -> None:
    for _ in range(100):
        problem(client.get("/api/v1/me", headers=bearer("gp_" + "x" * 38)), 401, "invalid_token")


def test_me(client: httpx2.Client, company: Company) -> None:
    me = ok(client.get("/api/v1/me", headers=company.ben))
    members = {"kind", "id", "username", "display_name", "email", "groups", "roles", "method", "provider"}
    assert set(me) == members
    assert (me["kind"], me["username"], me["groups"], me["roles"]) == ("user", "ben", ["data-team"], ["user"])
    assert (me["method"], me["provider"]) == ("access_token", None)
    nobody = ok(client.get("/api/v1/me"))
    assert set(nobody) == members
    assert (nobody["kind"], nobody["username"], nobody["method"]) == ("anonymous", None, "anonymous")
    service = ok(client.get("/api/v1/me", headers=bearer(service_token(client, company.admin))))
    assert (service["kind"], service["username"], service["roles"]) == ("service", "etl", ["reader"])


def test_users(client: httpx2.Client, company: Company) -> None:
    admin = company.admin
    made = make_user(
        client, admin, "Dan", password=password_of("dan"), email="dan@example.org", display_name="Dan Dare"
    )
    assert set(made) == USER
    assert (made["username"], made["email_verified"], made["has_password"]) == ("dan", False, True)
    assert ok(client.get("/api/v1/users/DAN", headers=admin)) == made
    changed = ok(client.patch("/api/v1/users/dan", json={"email_verified": True}, headers=admin))
    assert changed["email_verified"] is True
    moved = ok(client.patch("/api/v1/users/dan", json={"email": "d@example.org"}, headers=admin))
    assert moved["email_verified"] is False, "a changed e-mail is unverified"
    dan = bearer(sign_in(client, "dan")["access_token"])
    problem(client.patch("/api/v1/users/dan", json={"email_verified": True}, headers=dan), 403)
    problem(client.delete("/api/v1/users/dan", headers=dan), 403)
    disabled = ok(client.patch("/api/v1/users/dan", json={"disabled": True}, headers=admin))
    assert disabled["disabled"] is True
    problem(client.get("/api/v1/me", headers=dan), 401, "invalid_token")
    assert client.delete("/api/v1/users/dan", headers=admin).status_code == 204
    problem(client.get("/api/v1/users/dan", headers=admin), 404)
    problem(client.delete("/api/v1/users/dan", headers=admin), 404)


def test_what_somebody_alone_owns_stands_in_the_way_of_deletion(client: httpx2.Client, company: Company) -> None:
    refused = problem(client.delete("/api/v1/users/ann", headers=company.admin), 409)
    assert refused["items"] == ["collection:sales"]
    assert refused["detail"] == "user:ann alone owns 1 resource: say whom to transfer to (transfer_to)"
    for nobody in ("nobody", "user:nobody", "group:data-team%23member", "service:ben", "user:ann"):
        problem(client.delete(f"/api/v1/users/ann?transfer_to={nobody}", headers=company.admin), 422)
    assert client.delete("/api/v1/users/ann?transfer_to=ben", headers=company.admin).status_code == 204
    ok(client.patch("/api/v1/resources/collection/sales", json={"display_name": "S"}, headers=company.ben))
    assert client.delete("/api/v1/users/ben?transfer_to=user:Cy", headers=company.admin).status_code == 204
    (record,) = ok(client.get("/api/v1/audit?event=user.deleted&target=user:ben", headers=company.admin))["items"]
    assert record["detail"]["transferred_to"] == "cy"
    ok(client.patch("/api/v1/resources/collection/sales", json={"display_name": "S"}, headers=company.cy))


def test_ones_own_password_takes_the_current_one(client: httpx2.Client, company: Company) -> None:
    place = "/api/v1/users/ann/password"
    new = {"password": "a-new-lantern-at-quay-9"}
    problem(client.put(place, json=new, headers=company.ann), 422)
    problem(client.put(place, json={**new, "current_password": "wrong"}, headers=company.ann), 401)
    problem(client.put(place, json=new, headers=company.ben), 404)
    common = {"password": "password123", "current_password": password_of("ann")}
    assert "password" in problem(client.put(place, json=common, headers=company.ann), 422)["errors"]
    changed = client.put(place, json={**new, "current_password": password_of("ann")}, headers=company.ann)
    assert changed.status_code == 204
    assert "gatepost-revision" in changed.headers
    ok(client.get("/api/v1/me", headers=company.ann))
    problem(client.post("/api/v1/auth/login", json={"username": "ann", "password": password_of("ann")}), 401)
    sign_in(client, "ann", new["password"])


def test_rights_say_where_each_comes_from(client: httpx2.Client, company: Company) -> None:
    share(client, company.ann, "group:data-team#member")
    found = ok(client.get("/api/v1/users/ben/rights", headers=company.admin))
    assert set(found) == {"username", "groups", "roles", "permissions", "relations", "vouched"}
    assert found["groups"] == ["data-team"]
    for right in found["permissions"] + found["relations"]:
        assert set(right) == {"kind", "right", "resource", "source", "sentence", "expires_at", "condition"}
    assert any(right["resource"] == "collection:sales" for right in found["relations"])
    ok(client.get("/api/v1/users/ben/rights", headers=company.ben))
    problem(client.get("/api/v1/users/ben/rights", headers=company.cy), 404)


def test_groups_and_their_members(client: httpx2.Client, company: Company) -> None:
    admin = company.admin
    group = ok(client.post("/api/v1/groups", json={"name": "analysts", "description": "They look"}, headers=admin), 201)
    assert set(group) == {"name", "description", "origin", "created_at", "created_by"}
    assert group["origin"] == "manual"
    nested = f"/api/v1/groups/data-team/members/{quote('group:analysts#member', safe='')}"
    assert "%23" in nested
    put = client.put(nested, headers=admin)
    assert put.status_code == 204
    assert "gatepost-revision" in put.headers
    ok(client.put("/api/v1/groups/analysts/members/user:cy", headers=admin), 204)
    members = ok(client.get("/api/v1/groups/data-team/members", headers=admin))["items"]
    assert {m["subject"] for m in members} == {"user:ben", "group:analysts#member"}
    assert all(set(m) == MEMBER and m["origin"] == "manual" for m in members)
    assert ok(client.get("/api/v1/me", headers=company.cy))["groups"] == ["analysts", "data-team"]
    until = {"expires_at": "2026-11-22T13:00:00Z"}
    ok(client.put("/api/v1/groups/analysts/members/user:ann", json=until, headers=admin), 204)
    assert client.delete(nested, headers=admin).status_code == 204
    problem(client.delete(nested, headers=admin), 404)
    assert ok(client.get("/api/v1/me", headers=company.cy))["groups"] == ["analysts"]
    ok(client.patch("/api/v1/groups/analysts", json={"description": "They read"}, headers=admin))
    assert client.delete("/api/v1/groups/analysts", headers=admin).status_code == 204
    problem(client.get("/api/v1/groups/analysts", headers=admin), 404)
    problem(client.put("/api/v1/groups/analysts/members/user:cy", headers=admin), 404)


def test_roles_and_their_assignees(client: httpx2.Client, company: Company) -> None:
    admin = company.admin
    body = {"name": "steward", "permissions": ["dataset:edit", "user:view"]}
    role = ok(client.post("/api/v1/roles", json=body, headers=admin), 201)
    assert set(role) == {"name", "description", "builtin", "permissions", "created_at", "created_by"}
    assert role["permissions"] == ["dataset:edit", "user:view"]
    ok(client.put("/api/v1/roles/steward/assignees/user:cy", headers=admin), 204)
    ok(client.get("/api/v1/users", headers=company.cy))
    changed = ok(client.patch("/api/v1/roles/steward", json={"permissions": ["dataset:edit"]}, headers=admin))
    assert changed["permissions"] == ["dataset:edit"]
    problem(client.get("/api/v1/users", headers=company.cy), 403)
    assignees = ok(client.get("/api/v1/roles/steward/assignees", headers=admin))["items"]
    assert [set(a) for a in assignees] == [MEMBER]
    problem(client.patch("/api/v1/roles/admin", json={"permissions": []}, headers=admin), 409)
    problem(client.delete("/api/v1/roles/reader", headers=admin), 409)
    problem(client.delete("/api/v1/roles/admin/assignees/user:admin", headers=admin), 409)
    assert client.delete("/api/v1/roles/steward/assignees/user:cy", headers=admin).status_code == 204
    assert client.delete("/api/v1/roles/steward", headers=admin).status_code == 204


def test_infrahubs_reading_for_all(client: httpx2.Client, company: Company) -> None:
    """IF: the role `reader` for `anonymous:*` opens every resource for reading, and nothing else to nobody."""
    assert ok(client.get("/api/v1/resources"))["items"] == []
    ok(client.put("/api/v1/roles/reader/assignees/anonymous:*", headers=company.admin), 204)
    assert [r["id"] for r in ok(client.get("/api/v1/resources"))["items"]] == ["sales"]
    ok(client.get("/api/v1/resources/collection/sales"))
    problem(client.put("/api/v1/roles/user/assignees/anonymous:*", headers=company.admin), 422)
    problem(client.put("/api/v1/roles/admin/assignees/anonymous:*", headers=company.admin), 422)
    for directory in ("users", "groups", "roles", "services", "subjects", "audit", "resources/collection/sales/access"):
        problem(client.get(f"/api/v1/{directory}"), 401, "unauthenticated")
    problem(client.patch("/api/v1/resources/collection/sales", json={"display_name": "x"}), 401, "unauthenticated")


def test_api_tokens(client: httpx2.Client, company: Company) -> None:
    made = client.post("/api/v1/tokens", json={"name": "nightly"}, headers=company.ann)
    token = ok(made, 201)
    assert set(token) == TOKEN | {"token"}
    assert made.headers["cache-control"] == "no-store"
    assert (token["owner"], token["issuer"], token["scopes"]) == ("user:ann", "user:ann", ["*:*"])
    assert token["token"].startswith("gp_")
    listed = ok(client.get("/api/v1/tokens", headers=company.ann))["items"]
    assert [set(t) for t in listed] == [TOKEN], "the secret is in the first answer only"
    mine = bearer(token["token"])
    problem(client.post("/api/v1/tokens", json={"name": "another"}, headers=mine), 403)
    problem(client.delete(f"/api/v1/tokens/{token['id']}", headers=company.ben), 404)
    assert client.delete(f"/api/v1/tokens/{token['id']}", headers=company.ann).status_code == 204
    problem(client.get("/api/v1/me", headers=mine), 401, "invalid_token")
    problem(client.delete(f"/api/v1/tokens/{token['id']}", headers=company.admin), 404)


def test_the_scope_of_a_token_is_a_ceiling(client: httpx2.Client, company: Company) -> None:
    reading = bearer(api_token(client, company.ann, scopes=["collection:view"]))
    ok(client.get("/api/v1/resources/collection/sales", headers=reading))
    problem(client.patch("/api/v1/resources/collection/sales", json={"display_name": "x"}, headers=reading), 403)
    asked = {"action": "edit", "resource": "collection:sales"}
    assert ok(client.post("/api/v1/check", json=asked, headers=reading))["allowed"] is False


def test_service_tokens(client: httpx2.Client, company: Company) -> None:
    body = {"name": "etl", "role": "reader"}
    made = ok(client.post("/api/v1/service-tokens", json=body, headers=company.admin), 201)
    assert set(made) == TOKEN | {"role", "token"}
    assert (made["owner"], made["issuer"], made["role"]) == ("service:etl", "user:admin", "reader")
    second = ok(client.post("/api/v1/service-tokens", json=body, headers=company.admin), 201)
    assert second["token"] != made["token"], "two tokens of one service, for rotation"
    problem(client.post("/api/v1/service-tokens", json={**body, "role": "user"}, headers=company.admin), 409)
    problem(client.post("/api/v1/service-tokens", json=body, headers=bearer(made["token"])), 403)
    problem(client.post("/api/v1/tokens", json={"name": "x"}, headers=bearer(made["token"])), 403)
    problem(client.post("/api/v1/service-tokens", json=body, headers=company.ann), 403)
    listed = ok(client.get("/api/v1/service-tokens", headers=company.admin))["items"]
    assert [set(t) for t in listed] == [TOKEN | {"role"}] * 2
    service = ok(client.get("/api/v1/services/etl", headers=company.admin))
    assert set(service) == {"name", "description", "role", "created_at", "created_by"}
    assert client.delete(f"/api/v1/service-tokens/{made['id']}", headers=company.admin).status_code == 204
    problem(client.get("/api/v1/me", headers=bearer(made["token"])), 401, "invalid_token")
    ok(client.get("/api/v1/me", headers=bearer(second["token"])))
    assert client.delete("/api/v1/services/etl", headers=company.admin).status_code == 204
    problem(client.get("/api/v1/me", headers=bearer(second["token"])), 401, "invalid_token")


def test_sessions(client: httpx2.Client, company: Company) -> None:
    sign_in(client, "ann")
    listed = ok(client.get("/api/v1/sessions", headers=company.ann))["items"]
    assert [set(s) for s in listed] == [
        {
            "id",
            "subject",
            "method",
            "provider",
            "address",
            "agent",
            "current",
            "created_at",
            "last_seen_at",
            "expires_at",
        }
    ] * 2
    assert sorted(s["current"] for s in listed) == [False, True]
    here = next(s["id"] for s in listed if s["current"])
    problem(client.delete(f"/api/v1/sessions/{here}", headers=company.ben), 404)
    assert client.delete(f"/api/v1/sessions/{here}", headers=company.ann).status_code == 204
    problem(client.get("/api/v1/me", headers=company.ann), 401, "invalid_token")


def test_resources_and_access(client: httpx2.Client, company: Company) -> None:
    ann, ben, cy = company.ann, company.ben, company.cy
    body = {"type": "dataset", "id": "q3", "display_name": "Q3", "parent": "collection:sales"}
    problem(client.post("/api/v1/resources", json=body, headers=ben), 404)
    made = ok(client.post("/api/v1/resources", json=body, headers=ann), 201)
    assert set(made) == {"type", "id", "display_name", "parent", "created_at", "created_by"}
    place = "/api/v1/resources/collection/sales"
    problem(client.get(place, headers=ben), 404)
    problem(client.patch(place, json={"display_name": "x"}, headers=ben), 404)
    problem(client.delete(place, headers=ben), 404)
    problem(client.get(f"{place}/access", headers=ben), 404)
    problem(client.get(place), 401, "unauthenticated")
    grant = client.post(
        f"{place}/access", json={"subject": "group:data-team#member", "relation": "viewer"}, headers=ann
    )
    row = {"subject", "relation", "origin", "author", "created_at", "expires_at", "inherited_from", "why"}
    assert set(ok(grant, 201)) == row
    ok(client.get(place, headers=ben))
    ok(client.get("/api/v1/resources/dataset/q3", headers=ben))
    problem(client.patch(place, json={"display_name": "x"}, headers=ben), 403)
    problem(client.delete(place, headers=ben), 403)
    problem(client.get(place, headers=cy), 404)
    rows = ok(client.get("/api/v1/resources/dataset/q3/access", headers=ben))["items"]
    assert all(set(r) == row and r["why"] for r in rows)
    assert any(r["inherited_from"] == "collection:sales" for r in rows)
    problem(client.delete(f"{place}/access/owner/user:ann", headers=ann), 409)
    revoke = f"{place}/access/viewer/{quote('group:data-team#member', safe='')}"
    assert client.delete(revoke, headers=ann).status_code == 204
    problem(client.get(place, headers=ben), 404)
    problem(client.delete(revoke, headers=ann), 404)
    assert client.delete(place, headers=ann).status_code == 204
    problem(client.get(place, headers=ann), 404)


def test_questions(client: httpx2.Client, company: Company) -> None:
    asked = {"action": "edit", "resource": "collection:sales"}
    yes = ok(client.post("/api/v1/check", json=asked, headers=company.ann))
    assert set(yes) == {"allowed", "revision"}
    assert yes["allowed"] is True
    assert ok(client.post("/api/v1/check", json=asked))["allowed"] is False, "about oneself anyone may ask"
    about_ann = {**asked, "subject": "user:ann"}
    problem(client.post("/api/v1/check", json=about_ann), 401, "unauthenticated")
    problem(client.post("/api/v1/check", json=about_ann, headers=company.ben), 403)
    assert ok(client.post("/api/v1/check", json=about_ann, headers=company.ann))["allowed"] is True
    ok(client.put("/api/v1/roles/decider/assignees/user:ben", headers=company.admin), 204)
    assert ok(client.post("/api/v1/check", json=about_ann, headers=company.ben))["allowed"] is True

    batch = {"checks": [asked, {**asked, "action": "fly"}, {**asked, "resource": "collection:other"}]}
    answers = ok(client.post("/api/v1/check/batch", json=batch, headers=company.ann))
    assert set(answers) == {"results", "revision"}
    assert [r["allowed"] for r in answers["results"]] == [True, None, False]
    assert list(answers["results"][1]["error"]["errors"]) == ["action"]

    found = ok(client.post("/api/v1/explain", json=asked, headers=company.ann))
    assert set(found) == {"allowed", "revision", "reason", "sentence", "path", "tried", "would_allow"}
    assert found["path"]
    assert set(found["path"][0]) == {"object", "relation", "subject", "text"}


def test_what_runs_it(client: httpx2.Client, company: Company) -> None:
    assert ok(client.get("/api/v1/providers", headers=company.admin)) == {"items": [], "next_cursor": None}
    keys = ok(client.get("/api/v1/keys", headers=company.admin))["items"]
    assert [set(k) for k in keys] == [{"kid", "algorithm", "state", "created_at", "activated_at", "retired_at"}] * 2
    assert sorted(k["state"] for k in keys) == ["active", "next"]
    rotated = client.post("/api/v1/keys/rotate", headers=company.admin)
    assert set(ok(rotated)) == {"kid"}
    ok(client.get("/api/v1/me", headers=company.ann)), "a token of the old key is good until it expires"
    assert ok(client.get("/api/v1/auth/providers")) == []
    assert ok(client.get("/api/v1/conflicts", headers=company.admin))["items"] == []
    assert ok(client.get("/api/v1/me/identities", headers=company.ann))["items"] == []
    found = ok(client.get("/api/v1/subjects?q=an", headers=company.ben))["items"]
    assert {"subject", "kind", "name", "display_name"} == set(found[0])
    problem(client.post("/api/v1/users/ann/sync", headers=company.admin), 409)


# A list that is not the caller's to read is 403; whoever is anonymous gets 401.
LISTS = ("users", "groups", "roles", "services", "service-tokens", "audit", "providers", "keys", "conflicts")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_not_the_callers(client: httpx2.Client, company: Company, name: str) -> None:
    problem(client.get(f"/api/v1/{name}"), 401, "unauthenticated")
    problem(client.get(f"/api/v1/{name}", headers=company.cy), 403)
    assert set(ok(client.get(f"/api/v1/{name}", headers=company.admin))) == {"items", "next_cursor"}


WRITES = (
    ("POST", "/users", {"username": "x"}),
    ("PATCH", "/users/ann", {"disabled": True}),
    ("DELETE", "/users/ann", None),
    ("PUT", "/users/ann/password", {"password": "x"}),
    ("POST", "/users/ann/sync", None),
    ("POST", "/groups", {"name": "x"}),
    ("PATCH", "/groups/data-team", {"description": "x"}),
    ("DELETE", "/groups/data-team", None),
    ("PUT", "/groups/data-team/members/user:ann", None),
    ("DELETE", "/groups/data-team/members/user:ben", None),
    ("POST", "/roles", {"name": "x", "permissions": []}),
    ("PATCH", "/roles/reader", {"description": "x"}),
    ("DELETE", "/roles/reader", None),
    ("PUT", "/roles/reader/assignees/user:ann", None),
    ("DELETE", "/roles/reader/assignees/user:ann", None),
    ("POST", "/services", {"name": "x"}),
    ("PATCH", "/services/x", {"description": "x"}),
    ("DELETE", "/services/x", None),
    ("POST", "/tokens", {"name": "x"}),
    ("DELETE", f"/tokens/{NOWHERE}", None),
    ("POST", "/service-tokens", {"name": "x", "role": "reader"}),
    ("DELETE", f"/service-tokens/{NOWHERE}", None),
    ("DELETE", f"/sessions/{NOWHERE}", None),
    ("DELETE", f"/me/identities/{NOWHERE}", None),
    ("POST", "/resources", {"type": "collection", "id": "x"}),
    ("PATCH", "/resources/collection/sales", {"display_name": "x"}),
    ("DELETE", "/resources/collection/sales", None),
    ("POST", "/resources/collection/sales/access", {"subject": "user:ben", "relation": "viewer"}),
    ("DELETE", "/resources/collection/sales/access/owner/user:ann", None),
    ("POST", "/keys/rotate", None),
    ("POST", "/auth/logout", None),
)


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=lambda part: part if isinstance(part, str) else "")
def test_whoever_is_anonymous_writes_nothing(
    client: httpx2.Client, company: Company, method: str, path: str, body: object
) -> None:
    answer = client.request(method, f"/api/v1{path}", json=body) if body else client.request(method, f"/api/v1{path}")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="gatepost"', "RFC 6750 section 3.1: no error code"


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, body in WRITES if body], ids=lambda part: part
)
def test_whoever_is_anonymous_learns_nothing_of_what_a_write_takes(
    client: httpx2.Client, company: Company, method: str, path: str
) -> None:
    """401 on every write: also where the body would be refused, or a stranger could read the fields off the errors."""
    bodies: tuple[object, ...] = ({}, {"there is": "no such field"}, [])
    for body in bodies:
        problem(client.request(method, f"/api/v1{path}", json=body), 401, "unauthenticated")
        assert client.request(method, f"/api/v1{path}", json=body, headers=company.admin).status_code in (200, 422)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("place", ["groups/data-team/members", "roles/reader/assignees"])
def test_whoever_is_anonymous_is_not_told_what_a_subject_looks_like(
    client: httpx2.Client, company: Company, place: str, method: str
) -> None:
    for subject in ("nonsense", "user:nobody", "user:*"):
        problem(client.request(method, f"/api/v1/{place}/{subject}"), 401, "unauthenticated")


def test_every_write_answers_its_revision(client: httpx2.Client, company: Company) -> None:
    def revision(answer: httpx2.Response) -> int:
        assert answer.is_success, answer.text
        return int(answer.headers["gatepost-revision"].partition(".")[2])

    admin = company.admin
    seen = [
        revision(client.post("/api/v1/groups", json={"name": "g"}, headers=admin)),
        revision(client.put("/api/v1/groups/g/members/user:cy", headers=admin)),
        revision(client.patch("/api/v1/users/cy", json={"display_name": "Cy"}, headers=admin)),
        revision(client.delete("/api/v1/groups/g", headers=admin)),
        revision(client.post("/api/v1/tokens", json={"name": "t"}, headers=admin)),
        revision(client.post("/api/v1/auth/login", json={"username": "cy", "password": password_of("cy")})),
        revision(client.post("/api/v1/keys/rotate", headers=admin)),
    ]
    assert seen == sorted(seen)
    assert len(set(seen[:4])) == 4, "each of these changed what every process holds"
    token = service_token(client, admin)
    form = {"grant_type": "client_credentials", "client_id": "etl", "client_secret": token}
    assert "gatepost-revision" in client.post("/oauth2/token", data=form).headers


def test_lists_go_on_where_they_stopped(client: httpx2.Client, company: Company) -> None:
    for name in ("analysts", "board", "crew"):
        ok(client.post("/api/v1/groups", json={"name": name}, headers=company.admin), 201)
    names, cursor, pages = [], "", 0
    while True:
        page = ok(client.get("/api/v1/groups", params={"limit": 3, "cursor": cursor}, headers=company.admin))
        names += [group["name"] for group in page["items"]]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["analysts", "board", "crew", "data-team"]
    assert pages == 2


@pytest.mark.parametrize("name", ["keys?", "subjects?q=n", "groups?", "resources/collection/sales/access?", "audit?"])
def test_every_list_takes_a_limit_and_a_cursor(client: httpx2.Client, company: Company, name: str) -> None:
    """Those that are short by nature, too: a program that walks one list walks them all."""
    ok(client.post("/api/v1/groups", json={"name": "n"}, headers=company.admin), 201)
    share(client, company.ann, "user:ben")
    place, found, cursor = f"/api/v1/{name}", [], ""
    whole = ok(client.get(place, headers=company.admin))["items"]
    while True:
        page = ok(client.get(f"{place}&limit=1&cursor={cursor}", headers=company.admin))
        found += page["items"]
        assert len(page["items"]) == 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole
    assert len(found) > 1
    bad = client.get(f"{place}&cursor=Wy0xXQ", headers=company.admin)
    assert list(problem(bad, 422)["errors"]) == ["cursor"]


def test_a_cursor_of_another_list_is_refused(client: httpx2.Client, company: Company) -> None:
    ok(client.post("/api/v1/groups", json={"name": "g"}, headers=company.admin), 201)
    ok(client.post("/api/v1/resources", json={"type": "collection", "id": "x"}, headers=company.admin), 201)
    cursor = ok(client.get("/api/v1/resources?limit=1", headers=company.admin))["next_cursor"]
    answer = client.get("/api/v1/groups", params={"cursor": cursor}, headers=company.admin)
    assert list(problem(answer, 422)["errors"]) == ["cursor"]


def test_an_unknown_path_is_a_problem_too(client: httpx2.Client, company: Company) -> None:
    for path in ("/api/v1/nothing", "/api/v2/users", "/api/v1/users/ann/nothing", "/api/", "/api/v1/users/"):
        problem(client.get(path, headers=company.admin), 404, "not_found")
    assert client.get("/oauth2/nothing").json()["error"] == "not_found"
    page = client.get("/nothing")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/users", {"GET", "POST"}),
        ("/api/v1/users/ann", {"GET", "PATCH", "DELETE"}),
        ("/api/v1/groups/data-team/members/user:ben", {"PUT", "DELETE"}),
        ("/api/v1/check", {"POST"}),
        ("/api/v1/me", {"GET"}),
        ("/api/v1/resources/collection/sales", {"GET", "PATCH", "DELETE"}),
    ],
)
def test_a_method_that_is_not_allowed_says_which_are(
    client: httpx2.Client, company: Company, path: str, allowed: set[str]
) -> None:
    """RFC 9110 section 15.5.6: Allow lists every method of the address, not those of one route of it."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} - allowed:
        answer = client.request(method, path, headers=company.admin)
        problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/users", 200),
        ("/api/v1/me", 200),
        ("/api/v1/audit", 200),
        ("/api/v1/auth/providers", 200),
        ("/api/v1/users/nobody", 404),
        ("/api/v1/check", 405),
    ],
)
def test_head_is_get_without_a_body(client: httpx2.Client, company: Company, path: str, status: int) -> None:
    """RFC 9110 section 9.3.2: link checkers and health probes ask so."""
    asked, got = (client.request(method, path, headers=company.admin) for method in ("HEAD", "GET"))
    assert (asked.status_code, got.status_code) == (status, status)
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]
    assert asked.headers["content-length"] == got.headers["content-length"] or path == "/api/v1/audit"
    assert ("allow" in asked.headers) == (status == 405)


def test_head_needs_the_credential_that_get_needs(client: httpx2.Client, company: Company) -> None:
    assert client.head("/api/v1/users").status_code == 401
    assert client.head("/api/v1/users", headers=company.cy).status_code == 403


def test_every_answer_has_the_headers_that_keep_it_harmless(client: httpx2.Client, company: Company) -> None:
    for path in ("/api/v1/me", "/api/v1/nothing", "/openapi.json", "/.well-known/jwks.json", "/healthz"):
        answer = client.get(path, headers=company.ann)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'", path
    page = client.get("/login").headers["content-security-policy"]
    assert "script-src 'self'" in page
    assert "unsafe" not in page


def test_a_bug_is_500_and_says_nothing_of_itself(
    client: httpx2.Client, company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret plan")

    monkeypatch.setattr("gatepost.directory.groups.get_group", broken)
    monkeypatch.setattr("gatepost.directory.profiles.known_profile", broken)
    monkeypatch.setattr("gatepost.server.hot.known_profile", broken)
    for path in ("/api/v1/groups/data-team", "/api/v1/me"):  # behind the framework, and in front of it
        body = problem(client.get(path, headers=company.admin), 500, "server_error")
        assert "secret plan" not in str(body)
        assert "the secret plan" in caplog.text
        caplog.clear()
