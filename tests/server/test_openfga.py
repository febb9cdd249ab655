"""`/stores` in OpenFGA's words: shapes, codes and limits (P-8), as OpenFGA 1.22 answers but where a test says."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.server.calling import Company, Headers, api_token, as_admin, bearer, make_user, ok, service_token, sign_in
from tests.server.openfga_world import MODEL, Json, Store, huge_model, key, kind, new_store, refused

NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
ANN = ("user:ann", "viewer", "doc:1")


@pytest.fixture
def admin(client: httpx2.Client) -> Headers:
    return as_admin(client)


@pytest.fixture
def store(client: httpx2.Client, admin: Headers) -> Store:
    return new_store(client, admin)


def tuple_with(**changed: Any) -> Json:
    return {"writes": {"tuple_keys": [key(ANN) | changed]}}


def many(count: int) -> list[Json]:
    return [key((f"user:u{number}", "viewer", "doc:1")) for number in range(count)]


NOT_WRITTEN: dict[str, tuple[Json, str]] = {
    "nothing": ({}, "invalid_write_input"),
    "no tuples": ({"writes": {"tuple_keys": []}}, "validation_error"),
    "an unknown type": (tuple_with(object="nope:1"), "validation_error"),
    "an unknown relation": (tuple_with(relation="nope"), "validation_error"),
    "an unknown type of user": (tuple_with(user="nope:1"), "validation_error"),
    "a wildcard that the model does not allow": (tuple_with(user="user:*"), "validation_error"),
    "a userset that the model does not allow": (tuple_with(user="folder:1#viewer"), "validation_error"),
    "a blank in the user": (tuple_with(user="user:a b"), "validation_error"),
    "a blank in the object": (tuple_with(object="doc:a b"), "validation_error"),
    "two hashes": (tuple_with(user="user:a#b#c"), "validation_error"),
    "a second colon": (tuple_with(object="doc:1:2"), "validation_error"),
    "no id": (tuple_with(object="doc:"), "validation_error"),
    "no type": (tuple_with(user="ann"), "validation_error"),
    "every object": (tuple_with(object="doc:*"), "validation_error"),
    "no relation": (tuple_with(relation=""), "validation_error"),
    "no user": (tuple_with(user=""), "validation_error"),
    "a NUL": (tuple_with(user="user:a\0b"), "validation_error"),
    "a line end": (tuple_with(user="user:a\n"), "validation_error"),
    "a user that is no text": (tuple_with(user=5), "validation_error"),
    "a user of 513 bytes": (tuple_with(user="user:" + "a" * 508), "validation_error"),
    "what is so anyhow": (
        {"writes": {"tuple_keys": [key(("group:a#member", "member", "group:a"))]}},
        "validation_error",
    ),
    "an unknown condition": (tuple_with(condition={"name": "nope", "context": {}}), "validation_error"),
    "a condition that the model does not have there": (tuple_with(condition={"name": "cheap"}), "validation_error"),
    "a context of a wrong type": (
        {
            "writes": {
                "tuple_keys": [
                    key(("user:ann", "member", "group:a"), condition={"name": "cheap", "context": {"price": "x"}})
                ]
            }
        },
        "validation_error",
    ),
    "a context that the condition does not know": (
        {
            "writes": {
                "tuple_keys": [
                    key(("user:ann", "member", "group:a"), condition={"name": "cheap", "context": {"prize": 1}})
                ]
            }
        },
        "validation_error",
    ),
    "the same tuple twice": (
        {"writes": {"tuple_keys": [key(ANN), key(ANN)]}},
        "cannot_allow_duplicate_tuples_in_one_request",
    ),
    "the same tuple written and deleted": (
        {"writes": {"tuple_keys": [key(ANN)]}, "deletes": {"tuple_keys": [key(ANN)]}},
        "cannot_allow_duplicate_tuples_in_one_request",
    ),
    "101 tuples": ({"writes": {"tuple_keys": many(101)}}, "exceeded_entity_limit"),
    "a good tuple beside a bad one": (
        {"writes": {"tuple_keys": [*many(3), key(("user:ann", "nope", "doc:1"))]}},
        "validation_error",
    ),
    "a good tuple, and deleting what is not there": (
        {"writes": {"tuple_keys": many(3)}, "deletes": {"tuple_keys": [key(ANN)]}},
        "write_failed_due_to_invalid_input",
    ),
    "an unknown model": (tuple_with() | {"authorization_model_id": NOWHERE}, "authorization_model_not_found"),
    "a model that is no id": (tuple_with() | {"authorization_model_id": "x"}, "validation_error"),
    "an unknown option": (
        {"writes": {"tuple_keys": [key(ANN)], "on_duplicate": "replace"}},
        "validation_error",
    ),
}


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_what_cannot_be_written_changes_nothing(store: Store, case: str) -> None:
    body, code = NOT_WRITTEN[case]
    before = ok(store.get("changes"))

    refused(store.post("write", body), 400, code)

    assert ok(store.post("read", {})) == {"tuples": [], "continuation_token": ""}
    assert ok(store.get("changes")) == before


CHECKED = {"user": "user:ann", "relation": "viewer", "object": "doc:1"}
NOT_ANSWERED: dict[str, tuple[str, Json, str]] = {
    "no tuple key": ("check", {}, "tuple_key_value_not_specified"),
    "an empty one": ("check", {"tuple_key": {}}, "validation_error"),
    "an unknown relation": ("check", {"tuple_key": CHECKED | {"relation": "nope"}}, "validation_error"),
    "an unknown type": ("check", {"tuple_key": CHECKED | {"object": "nope:1"}}, "validation_error"),
    "an unknown type of user": ("check", {"tuple_key": CHECKED | {"user": "nope:1"}}, "validation_error"),
    "an unknown userset": ("check", {"tuple_key": CHECKED | {"user": "group:a#nope"}}, "validation_error"),
    "every object": ("check", {"tuple_key": CHECKED | {"object": "doc:*"}}, "validation_error"),
    "a blank": ("check", {"tuple_key": CHECKED | {"user": "user:a b"}}, "validation_error"),
    "a second colon": ("check", {"tuple_key": CHECKED | {"user": "user:a:b"}}, "validation_error"),
    "an unknown model": (
        "check",
        {"tuple_key": CHECKED, "authorization_model_id": NOWHERE},
        "authorization_model_not_found",
    ),
    "a contextual tuple that the model does not allow": (
        "check",
        {"tuple_key": CHECKED, "contextual_tuples": {"tuple_keys": [key(("user:ann", "nope", "doc:1"))]}},
        "invalid_tuple",
    ),
    "101 contextual tuples": (
        "check",
        {"tuple_key": CHECKED, "contextual_tuples": {"tuple_keys": many(101)}},
        "validation_error",
    ),
    "a context that is no object": ("check", {"tuple_key": CHECKED, "context": [1]}, "validation_error"),
    "a consistency that is no word": ("check", {"tuple_key": CHECKED, "consistency": 7}, "validation_error"),
    "reading with a consistency that is no word": ("read", {"consistency": True}, "validation_error"),
    "an empty batch": ("batch-check", {"checks": []}, "validation_error"),
    "a batch without ids": ("batch-check", {"checks": [{"tuple_key": CHECKED}]}, "validation_error"),
    "a batch with one id twice": (
        "batch-check",
        {"checks": [{"tuple_key": CHECKED, "correlation_id": "a"}] * 2},
        "validation_error",
    ),
    "51 checks": (
        "batch-check",
        {"checks": [{"tuple_key": CHECKED, "correlation_id": str(number)} for number in range(51)]},
        "validation_error",
    ),
    "expand without an object": ("expand", {"tuple_key": {"relation": "viewer"}}, "invalid_expand_input"),
    "expand of an unknown relation": (
        "expand",
        {"tuple_key": {"relation": "nope", "object": "doc:1"}},
        "validation_error",
    ),
    "objects of an unknown type": (
        "list-objects",
        {"user": "user:ann", "relation": "viewer", "type": "nope"},
        "type_not_found",
    ),
    "objects by an unknown relation": (
        "list-objects",
        {"user": "user:ann", "relation": "nope", "type": "doc"},
        "relation_not_found",
    ),
    "objects without a type": ("list-objects", {"user": "user:ann", "relation": "viewer"}, "type_invalid_pattern"),
    "objects for nobody": ("list-objects", {"relation": "viewer", "type": "doc"}, "validation_error"),
    "users without a filter": (
        "list-users",
        {"object": {"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": []},
        "validation_error",
    ),
    "users of an unknown type": (
        "list-users",
        {"object": {"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "nope"}]},
        "type_not_found",
    ),
    "users by an unknown relation": (
        "list-users",
        {"object": {"type": "doc", "id": "1"}, "relation": "nope", "user_filters": [{"type": "user"}]},
        "relation_not_found",
    ),
    "a page of 0": ("read", {"page_size": 0}, "page_size_invalid"),
    "a page of 101": ("read", {"page_size": 101}, "page_size_invalid"),
    "a token that was never given": ("read", {"continuation_token": "YWJj"}, "invalid_continuation_token"),
    "a token that is none": ("read", {"continuation_token": "bad!"}, "validation_error"),
    "tuples of a user, but of no type": ("read", {"tuple_key": {"user": "user:ann"}}, "validation_error"),
    "tuples of a user of 513 bytes": (
        "read",
        {"tuple_key": {"user": "user:" + "a" * 508, "object": "doc:"}},
        "validation_error",
    ),
    "tuples of a type, but of nobody": ("read", {"tuple_key": {"object": "doc:"}}, "validation_error"),
}


@pytest.mark.parametrize("case", NOT_ANSWERED)
def test_what_cannot_be_answered_is_an_error_and_never_a_no(store: Store, case: str) -> None:
    verb, body, code = NOT_ANSWERED[case]
    refused(store.post(verb, body), 400, code)


UNKNOWN_MEMBERS: dict[str, tuple[str, Json]] = {
    "of a request": ("check", {"tuple_key": CHECKED, "nope": [1]}),
    "a word for the consistency": ("check", {"tuple_key": CHECKED, "consistency": "NOPE"}),
    "a model and a consistency of one check of a batch": (
        "batch-check",
        {"checks": [{"tuple_key": CHECKED, "correlation_id": "a", "authorization_model_id": "x", "consistency": 7}]},
    ),
    "the condition of a tuple to delete": (
        "write",
        {"deletes": {"tuple_keys": [key(ANN, condition={"name": ""})], "on_missing": "ignore"}},
    ),
}


@pytest.mark.parametrize("case", UNKNOWN_MEMBERS)
def test_what_nobody_knows_is_passed_over(store: Store, case: str) -> None:
    verb, body = UNKNOWN_MEMBERS[case]
    ok(store.post(verb, body))


NO_MODEL: dict[str, tuple[Json, str]] = {
    "no types": (MODEL | {"type_definitions": []}, "type_definitions_too_few_items"),
    "a type twice": (MODEL | {"type_definitions": [{"type": "user"}] * 2}, "invalid_authorization_model"),
    "101 types": (
        MODEL | {"type_definitions": [{"type": f"t{number}"} for number in range(101)]},
        "exceeded_entity_limit",
    ),
    "an unknown schema": (MODEL | {"schema_version": "9"}, "validation_error"),
    "no schema": ({"type_definitions": [{"type": "user"}]}, "validation_error"),
    "a type with a colon": (MODEL | {"type_definitions": [{"type": "a:b"}]}, "type_invalid_pattern"),
    "a relation with a blank": (
        MODEL | {"type_definitions": [{"type": "user"}, kind("doc", {"a b": {"this": {}}})]},
        "relations_invalid_pattern",
    ),
    "an exclusion from nothing": (
        MODEL | {"type_definitions": [kind("doc", {"a": {"union": {"child": [{"difference": {"subtract": {}}}]}}})]},
        "difference_base_missing_value",
    ),
    "an exclusion of nothing": (
        MODEL | {"type_definitions": [kind("doc", {"a": {"difference": {"base": {"this": {}}}}})]},
        "subtract_base_missing_value",
    ),
    "a condition with a hash": (MODEL | {"conditions": {"a#b": MODEL["conditions"]["cheap"]}}, "validation_error"),
    "a relation that leads nowhere": (
        {
            "schema_version": "1.1",
            "type_definitions": [
                {"type": "doc", "relations": {"a": {"computedUserset": {"relation": "nope"}}}, "metadata": {}}
            ],
        },
        "invalid_authorization_model",
    ),
    "more than 256 KB": (huge_model(), "exceeded_entity_limit"),
}


@pytest.mark.parametrize("case", NO_MODEL)
def test_what_is_no_sound_model_changes_nothing(store: Store, case: str) -> None:
    body, code = NO_MODEL[case]
    before = ok(store.get("authorization-models"))
    refused(store.post("authorization-models", body), 400, code)
    assert ok(store.get("authorization-models")) == before


def test_a_store_that_is_not_there(client: httpx2.Client, admin: Headers) -> None:
    """A question about one has no model, as in OpenFGA; reading one is 404, where OpenFGA shows an empty store."""
    gone = Store(client, admin, NOWHERE)
    asked = {"tuple_key": CHECKED}
    refused(gone.post("check", asked), 400, "latest_authorization_model_not_found")
    refused(gone.post("write", tuple_with()), 400, "latest_authorization_model_not_found")
    refused(client.get(f"/stores/{NOWHERE}", headers=admin), 404, "store_id_not_found")
    for verb in ("changes", "authorization-models"):
        refused(gone.get(verb), 404, "store_id_not_found")
    refused(gone.post("read", {}), 404, "store_id_not_found")
    refused(gone.post("authorization-models", MODEL), 404, "store_id_not_found")
    refused(client.get("/stores/abc", headers=admin), 400, "validation_error")
    assert client.delete(f"/stores/{NOWHERE}", headers=admin).status_code == 204
    empty = new_store(client, admin, model=None)
    refused(empty.post("check", asked), 400, "latest_authorization_model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/stores/{NOWHERE}/nothing", "undefined_endpoint"),
        ("GET", f"/stores/{NOWHERE}/check", "unimplemented"),
        ("PUT", f"/stores/{NOWHERE}", "unimplemented"),
    ],
)
def test_an_address_that_is_not_there(client: httpx2.Client, admin: Headers, method: str, path: str, code: str) -> None:
    refused(client.request(method, path, headers=admin), 404, code)


@pytest.mark.parametrize("body", [b"{bad", b"[]", b'{"a": 1, "a": 2}', b"\xff", b'{"name": "\\ud800 shop"}'])
def test_a_body_that_is_no_json_object(client: httpx2.Client, admin: Headers, body: bytes) -> None:
    refused(client.post("/stores", content=body, headers=admin), 400, "validation_error")


def test_the_content_type_does_not_matter(client: httpx2.Client, admin: Headers) -> None:
    answer = client.post("/stores", content=b'{"name": "shop"}', headers=admin | {"Content-Type": "text/plain"})
    assert set(ok(answer, 201)) == {"id", "name", "created_at", "updated_at"}


def test_what_an_assertion_expects_is_said_and_not_guessed(client: httpx2.Client, admin: Headers) -> None:
    store = new_store(client, admin, model=None)
    url = f"/stores/{store.id}/assertions/{store.put_model()}"
    unclear: Any
    for unclear in ("true", 1, []):
        body = {"assertions": [{"tuple_key": CHECKED, "expectation": unclear}]}
        refused(client.put(url, json=body, headers=admin), 400, "validation_error")
    beside = {"tuple_key": CHECKED, "expectation": True, "contextual_tuples": [key(ANN)]}
    assert client.put(url, json={"assertions": [beside]}, headers=admin).status_code == 204
    (kept,) = ok(client.get(url, headers=admin))["assertions"]
    assert kept == beside | {"contextual_tuples": [key(ANN, condition=None)], "context": None}


def test_a_name_is_what_openfga_allows(client: httpx2.Client, admin: Headers) -> None:
    for name in ("ab", "x" * 65, "a;b;c", "", 7):
        refused(client.post("/stores", json={"name": name}, headers=admin), 400, "validation_error")
        if name:
            refused(client.get("/stores", params={"name": name}, headers=admin), 400, "validation_error")


# -- who may ----------------------------------------------------------------------------------------------------------


def with_permissions(client: httpx2.Client, admin: Headers, name: str, *permissions: str) -> Headers:
    make_user(client, admin, name)
    role = {"name": f"role-of-{name}", "permissions": list(permissions)}
    ok(client.post("/api/v1/roles", json=role, headers=admin), 201)
    ok(client.put(f"/api/v1/roles/role-of-{name}/assignees/user:{name}", headers=admin), 204)
    return bearer(sign_in(client, name)["access_token"])


READING: tuple[tuple[str, str, Json | None], ...] = (
    ("GET", "", None),
    ("GET", "/authorization-models", None),
    ("GET", "/changes", None),
    ("POST", "/read", {}),
)
WRITING: tuple[tuple[str, str, Json | None], ...] = (
    ("POST", "/write", tuple_with()),
    ("POST", "/authorization-models", MODEL),
    ("DELETE", "", None),
)
ASKING: tuple[tuple[str, str, Json | None], ...] = (
    ("POST", "/check", {"tuple_key": CHECKED}),
    ("POST", "/batch-check", {"checks": [{"tuple_key": CHECKED, "correlation_id": "a"}]}),
    ("POST", "/expand", {"tuple_key": {"relation": "viewer", "object": "doc:1"}}),
    ("POST", "/list-objects", {"user": "user:ann", "relation": "viewer", "type": "doc"}),
    ("POST", "/streamed-list-objects", {"user": "user:ann", "relation": "viewer", "type": "doc"}),
    (
        "POST",
        "/list-users",
        {"object": {"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}]},
    ),
)
NEEDED = (("store:read", READING), ("decision:ask", ASKING), ("store:write", WRITING))


def test_each_operation_takes_its_permission(client: httpx2.Client, admin: Headers, store: Store) -> None:
    for number, (wanted, calls) in enumerate(NEEDED):
        others = [permission for permission, _ in NEEDED if permission != wanted]
        without = with_permissions(client, admin, f"without{number}", *others)
        for method, path, body in calls:
            answer = client.request(method, f"/stores/{store.id}{path}", json=body, headers=without)
            refused(answer, 403, "forbidden")
    for number, (wanted, calls) in enumerate(NEEDED):
        holder = with_permissions(client, admin, f"with{number}", wanted)
        for method, path, body in calls:
            answer = client.request(method, f"/stores/{store.id}{path}", json=body, headers=holder)
            assert answer.status_code < 300, f"{method} {path}: {answer.text}"


def says_who_answered(store: Store, first: str, second: str) -> None:
    """Ours and OpenFGA's: the model that counted is in a header, whether the request names it or not."""
    for wanted, named in ((second, {}), (first, {"authorization_model_id": first})):
        body = tuple_with(user=f"user:{wanted}".lower()) | named
        for verb, sent in (("write", body), *((path[1:], sent) for _, path, sent in ASKING)):
            answer = store.post(verb, {**(sent or {}), **named})
            assert answer.status_code == 200, answer.text
            assert answer.headers["openfga-authorization-model-id"] == wanted, verb
            assert answer.headers["openfga-store-id"] == store.id
    for answer in (store.get("changes"), store.get("authorization-models"), store.post("read", {})):
        assert answer.headers["openfga-store-id"] == store.id
        assert "openfga-authorization-model-id" not in answer.headers
    answer = store.get(f"assertions/{first}")
    assert answer.headers["openfga-authorization-model-id"] == first


def test_each_answer_says_which_store_and_which_model_it_is_of(client: httpx2.Client, admin: Headers) -> None:
    store = new_store(client, admin, model=None)
    says_who_answered(store, store.put_model(), store.put_model())
    plain = {"tuple_key": CHECKED, "consistency": "HIGHER_CONSISTENCY"}
    answer = Store(client, admin, "main").post("check", plain | {"tuple_key": key(("user:admin", "member", "group:x"))})
    main = ok(client.get("/stores/main", headers=admin))["id"]
    assert answer.headers["openfga-store-id"] == main


def test_whoever_comes_without_a_credential_or_with_a_bad_one(client: httpx2.Client, store: Store) -> None:
    for method, path, body in (*READING, *ASKING, *WRITING):
        url = f"/stores/{store.id}{path}"
        refused(client.request(method, url, json=body), 401, "bearer_token_missing")
        refused(client.request(method, url, json=body, headers=bearer("gp_" + "a" * 40)), 401, "unauthenticated")


def test_a_tokens_scope_is_a_ceiling_here_too(client: httpx2.Client, admin: Headers, store: Store) -> None:
    asks = bearer(api_token(client, admin, scopes=["decision:ask"]))
    decider = bearer(service_token(client, admin, name="gateway", role="decider"))
    for headers in (asks, decider):
        mine = Store(client, headers, store.id)
        assert not mine.check("user:ann", "viewer", "doc:1")
        refused(mine.post("read", {}), 403, "forbidden")
        refused(mine.post("write", tuple_with()), 403, "forbidden")


def test_every_write_answers_its_revision(client: httpx2.Client, store: Store) -> None:
    first = store.post("write", tuple_with())
    second = store.post("write", {"deletes": {"tuple_keys": [key(ANN)]}})
    assert first.headers["gatepost-revision"] != second.headers["gatepost-revision"]
    asked = store.headers | {"Gatepost-At-Least": second.headers["gatepost-revision"]}
    assert not Store(client, asked, store.id).check(*ANN)


# -- the platform's own -----------------------------------------------------------------------------------------------


def test_the_platforms_own_store_is_one_of_them(client: httpx2.Client, company: Company) -> None:
    main = next(s for s in ok(client.get("/stores", headers=company.admin))["stores"] if s["name"] == "main")
    assert ok(client.get("/stores/main", headers=company.admin))["id"] == main["id"]
    store, by_id = Store(client, company.admin, "main"), Store(client, company.admin, main["id"])
    assert store.check("user:ann", "owner", "collection:sales")
    assert by_id.check("user:ann", "owner", "collection:sales")
    assert not store.check("user:cy", "view", "collection:sales")
    assert store.check("user:admin", "delete", "collection:sales"), "a role's permission counts"
    store.write(("group:data-team#member", "viewer", "collection:sales"))
    assert ok(client.get("/api/v1/resources/collection/sales", headers=company.ben))["id"] == "sales"
    audit = ok(client.get("/api/v1/audit?event=access.granted", headers=company.admin))["items"]
    assert audit[0]["target"] == "collection:sales"
    assert audit[0]["detail"]["subject"] == "group:data-team#member"
    assert ok(store.post("list-objects", {"user": "user:ben", "relation": "view", "type": "collection"})) == {
        "objects": ["collection:sales"]
    }
    users = {"object": {"type": "collection", "id": "sales"}, "relation": "view", "user_filters": [{"type": "user"}]}
    found = {each["object"]["id"] for each in ok(store.post("list-users", users))["users"]}
    assert found == {"admin", "ann", "ben"}


def test_the_last_owner_stays(client: httpx2.Client, company: Company) -> None:
    store = Store(client, company.admin, "main")
    body = {"deletes": {"tuple_keys": [key(("user:ann", "owner", "collection:sales"))]}}
    assert "owner" in refused(store.post("write", body), 409, "conflict")
    assert store.check("user:ann", "owner", "collection:sales")
    handed = {"writes": {"tuple_keys": [key(("user:ben", "owner", "collection:sales"))]}}
    ok(store.post("write", body | handed))
    assert not store.check("user:ann", "owner", "collection:sales")


def test_who_is_disabled_may_nothing_here_either(client: httpx2.Client, company: Company) -> None:
    ok(client.patch("/api/v1/users/ann", json={"disabled": True}, headers=company.admin))
    store = Store(client, company.admin, "main")
    assert not store.check("user:ann", "owner", "collection:sales")
    users = {"object": {"type": "collection", "id": "sales"}, "relation": "owner", "user_filters": [{"type": "user"}]}
    assert {"object": {"type": "user", "id": "ann"}} not in ok(store.post("list-users", users))["users"]
    listed = {"user": "user:ann", "relation": "owner", "type": "collection"}
    assert ok(store.post("list-objects", listed)) == {"objects": []}
