"""Who may what under `/stores` and `/access/v1`: each address, asked by each kind of caller."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.server.calling import Headers, api_token, as_admin, bearer, make_user, ok, service_token, sign_in
from tests.server.openfga_world import MODEL, Json, key, new_store

READ, WRITE, ASK = "store:read", "store:write", "decision:ask"
NEEDED = (READ, WRITE, ASK)
ANN = key(("user:ann", "viewer", "doc:1"))
QUESTION: Json = {
    "subject": {"type": "user", "id": "ann"},
    "action": {"name": "viewer"},
    "resource": {"type": "doc", "id": "1"},
}
ON_MAIN = QUESTION | {"action": {"name": "view"}, "resource": {"type": "collection", "id": "1"}}
LISTED: Json = {"object": {"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}]}
OBJECTS: Json = {"user": "user:ann", "relation": "viewer", "type": "doc"}

# Method, path, body, and the permission that it takes.  Deleting the store comes last.
ADDRESSES: tuple[tuple[str, str, Json | None, str], ...] = (
    ("GET", "/stores", None, READ),
    ("POST", "/stores", {"name": "another"}, WRITE),
    ("GET", "/stores/{store}", None, READ),
    ("GET", "/stores/{store}/authorization-models", None, READ),
    ("GET", "/stores/{store}/authorization-models/{model}", None, READ),
    ("POST", "/stores/{store}/authorization-models", MODEL, WRITE),
    ("POST", "/stores/{store}/write", {"writes": {"tuple_keys": [ANN], "on_duplicate": "ignore"}}, WRITE),
    ("POST", "/stores/{store}/read", {}, READ),
    ("GET", "/stores/{store}/changes", None, READ),
    ("PUT", "/stores/{store}/assertions/{model}", {"assertions": []}, WRITE),
    ("GET", "/stores/{store}/assertions/{model}", None, READ),
    ("POST", "/stores/{store}/check", {"tuple_key": ANN}, ASK),
    ("POST", "/stores/{store}/batch-check", {"checks": [{"tuple_key": ANN, "correlation_id": "a"}]}, ASK),
    ("POST", "/stores/{store}/expand", {"tuple_key": {"relation": "viewer", "object": "doc:1"}}, ASK),
    ("POST", "/stores/{store}/list-objects", OBJECTS, ASK),
    ("POST", "/stores/{store}/streamed-list-objects", OBJECTS, ASK),
    ("POST", "/stores/{store}/list-users", LISTED, ASK),
    ("POST", "/stores/{store}/access/v1/evaluation", QUESTION, ASK),
    ("POST", "/stores/{store}/access/v1/evaluations", {"evaluations": [QUESTION]}, ASK),
    ("POST", "/stores/{store}/access/v1/search/subject", QUESTION, ASK),
    ("POST", "/stores/{store}/access/v1/search/resource", QUESTION, ASK),
    ("POST", "/stores/{store}/access/v1/search/action", QUESTION, ASK),
    ("POST", "/access/v1/evaluation", ON_MAIN, ASK),
    ("POST", "/access/v1/search/subject", QUESTION, ASK),
    ("POST", "/access/v1/search/resource", QUESTION, ASK),
    ("POST", "/access/v1/search/action", QUESTION, ASK),
    ("DELETE", "/stores/{store}", None, WRITE),
)  # fmt: skip


@pytest.fixture
def admin(client: httpx2.Client) -> Headers:
    return as_admin(client)


def assign(client: httpx2.Client, admin: Headers, role: str, who: str) -> None:
    ok(client.put(f"/api/v1/roles/{role}/assignees/{who}", headers=admin), 204)


@pytest.fixture
def callers(client: httpx2.Client, admin: Headers) -> dict[str, tuple[Headers, frozenset[str]]]:
    """Everybody there may be, and what of the three they hold."""
    found: dict[str, tuple[Headers, frozenset[str]]] = {"admin": (admin, frozenset(NEEDED))}
    make_user(client, admin, "nobody")
    found["a person"] = bearer(sign_in(client, "nobody")["access_token"]), frozenset()
    make_user(client, admin, "all")
    for number, permission in enumerate(NEEDED):
        role, name = f"role-{number}", f"holder-{number}"
        ok(client.post("/api/v1/roles", json={"name": role, "permissions": [permission]}, headers=admin), 201)
        make_user(client, admin, name)
        assign(client, admin, role, f"user:{name}")
        assign(client, admin, role, "user:all")
        only = frozenset({permission})
        found[f"{permission} alone"] = bearer(sign_in(client, name)["access_token"]), only
        found[f"admin's token for {permission}"] = (
            bearer(api_token(client, admin, name=role, scopes=[permission])),
            only,
        )
        service = service_token(client, admin, name=f"service-{number}", role=role)
        found[f"a service with {permission}"] = bearer(service), only
    everything = bearer(sign_in(client, "all")["access_token"])
    found["all three"] = everything, frozenset(NEEDED)
    for number, permission in enumerate(NEEDED):
        narrowed = everything | {"X-Gatepost-Role": f"role-{number}"}
        found[f"all three, as {permission}"] = narrowed, frozenset({permission})
    return found


def test_each_address_takes_its_permission_and_no_other(
    client: httpx2.Client, admin: Headers, callers: dict[str, tuple[Headers, frozenset[str]]]
) -> None:
    for method, path, body, needed in ADDRESSES:
        store = new_store(client, admin)
        models = ok(client.get(f"/stores/{store.id}/authorization-models", headers=admin))["authorization_models"]
        url = path.format(store=store.id, model=models[0]["id"])
        for name, (headers, held) in sorted(callers.items(), key=lambda each: needed in each[1][1]):
            answer = client.request(method, url, json=body, headers=headers)
            if needed in held:
                assert answer.status_code < 300, f"{name}: {method} {path}: {answer.text}"
            else:
                assert answer.status_code == 403, f"{name}: {method} {path}: {answer.status_code} {answer.text}"


def test_whoever_may_not_learns_nothing_about_which_stores_there_are(
    client: httpx2.Client, admin: Headers, callers: dict[str, tuple[Headers, frozenset[str]]]
) -> None:
    """Not from the answer to a good question, and not from what is wrong with a bad one."""
    store = new_store(client, admin)
    nowhere = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    person, anonymous, bad = callers["a person"][0], {"X-Request-Id": "one"}, bearer("gp_" + "a" * 40)
    for method, path, body, _ in ADDRESSES:
        good = json.dumps(body).encode()
        for headers, status in ((person, 403), (anonymous, 401), (bad, 401)):
            for content in (good, b"{", b'{"tuple_key": 5}'):
                asked = {**headers, "Content-Type": "application/json", "X-Request-Id": "one"}
                there, elsewhere = (
                    client.request(method, path.format(store=each, model=nowhere), content=content, headers=asked)
                    for each in (store.id, nowhere)
                )
                assert (there.status_code, there.text) == (elsewhere.status_code, elsewhere.text), path
                assert there.status_code == status or (content != good and there.status_code in (400, 422)), path


def test_whoever_is_anonymous_is_asked_for_a_credential_before_the_body_is_read(
    client: httpx2.Client, admin: Headers
) -> None:
    """401 on every write: OpenFGA itself authenticates first, and its clients tell the two apart."""
    store = new_store(client, admin)
    for method, path, _, needed in ADDRESSES:
        if needed == WRITE:
            answer = client.request(method, path.format(store=store.id, model=store.id), json={"name": 5})
            assert (answer.status_code, answer.json()["code"]) == (401, "bearer_token_missing"), path
            assert answer.headers["www-authenticate"] == 'Bearer realm="gatepost"'
