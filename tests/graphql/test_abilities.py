"""What the caller may do, for each type and each object, so that a front end can disable its buttons (IF-X14).

What is promised is tried: a button that is offered works, and one that is not would have been refused.
"""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.access import builtin_model, format_model
from gatepost.directory.abilities import abilities_on_user
from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.gate import Gatepost
from gatepost.server.graphql.schema import schema
from tests.conftest import ADMIN
from tests.graphql.asking import ask, nodes, refused, send
from tests.server.calling import Company, Headers, api_token, bearer, ok, service_token

NOTEBOOK = """type notebook
  relations
    define owner: [user]
    define runner: [user with in_hours]
    define view: owner or runner
    define edit: owner or runner
    define run: owner or runner
    define export: owner
condition in_hours(hour: int) {
  hour >= 9
}
"""


def role_for(company: Company, name: str, permissions: list[str], who: str = "user:cy") -> None:
    body = {"name": name, "permissions": permissions}
    ok(company.client.post("/api/v1/roles", json=body, headers=company.admin), 201)
    ok(company.client.put(f"/api/v1/roles/{name}/assignees/{who}", headers=company.admin), 204)


def works(company: Company, who: Headers, mutation: str) -> bool:
    return "errors" not in send(company.client, f"mutation {{ {mutation} }}", who).json()


@pytest.fixture
def notebooks(company: Company) -> Company:
    """A type of one's own: Ann has a notebook, and Ben may run it in working hours."""
    desired = {"desired": {"model": f"{format_model(builtin_model())}\n{NOTEBOOK}"}}
    plan = ok(company.client.post("/api/v1/plans", json=desired, headers=company.admin))
    applied = desired | {"revision": plan["revision"], "digest": plan["digest"]}
    ok(company.client.post("/api/v1/plans/apply", json=applied, headers=company.admin))
    body = {"type": "notebook", "id": "n"}
    ok(company.client.post("/api/v1/resources", json=body, headers=company.ann), 201)
    runner = {"user": "user:ben", "relation": "runner", "object": "notebook:n", "condition": {"name": "in_hours"}}
    writes = {"writes": {"tuple_keys": [runner]}}
    ok(company.client.post("/stores/main/write", json=writes, headers=company.admin))
    return company


def test_every_type_and_noun_is_there(notebooks: Company) -> None:
    query = "{ kinds { name isResource permissions { permission description } } }"
    found = {kind["name"]: kind for kind in ask(notebooks.client, query, notebooks.cy)["kinds"]}

    resources = {name for name, kind in found.items() if kind["isResource"]}
    assert resources == {"collection", "dataset", "knowledge", "notebook"}
    assert set(found) - resources == {name.partition(":")[0] for name in PLATFORM_PERMISSIONS}
    permissions = {each["permission"] for kind in found.values() for each in kind["permissions"]}
    assert permissions >= set(PLATFORM_PERMISSIONS)
    assert {"notebook:create", "notebook:view", "notebook:edit"} <= permissions
    assert {"notebook:run", "notebook:export"} <= permissions, "what the model's own types can do beyond"
    assert not {"notebook:owner", "notebook:runner", "notebook:delete"} & permissions
    assert all(each["description"] for kind in found.values() for each in kind["permissions"])


def test_an_object_of_ones_own_type_says_everything_that_can_be_done_to_it(notebooks: Company) -> None:
    """What hangs on a condition is no yes, and spoils nothing else of the answer."""
    query = '{ resource(type: "notebook", id: "n") { id viewerCan { view edit delete actions undecided } } }'

    def can(who: Headers) -> dict[str, Any] | None:
        body = send(notebooks.client, query, who).json()
        found = body["data"]["resource"]
        return None if found is None else dict(found["viewerCan"])

    owned = {"view": True, "edit": True, "delete": False, "actions": ["view", "edit", "run", "export"], "undecided": []}
    assert can(notebooks.ann) == owned
    assert can(notebooks.cy) is None
    # Ben's view hangs on the hour, so he sees it only where a role lets him.
    role_for(notebooks, "sees", ["notebook:view"], "user:ben")
    seen = {"view": True, "edit": False, "delete": False, "actions": ["view"], "undecided": ["edit", "run"]}
    assert can(notebooks.ben) == seen
    error = refused(notebooks.client, '{ check(action: "edit", resource: "notebook:n") { allowed } }', notebooks.ben)
    assert error["extensions"]["code"] == "condition_undecided"
    listed = "{ resources { edges { node { id viewerCan { edit undecided } } } } }"
    found = nodes(ask(notebooks.client, listed, notebooks.ben)["resources"])
    assert found == [{"id": "n", "viewerCan": {"edit": False, "undecided": ["edit", "run"]}}]


def test_whoever_has_every_permission_has_those_of_own_types(notebooks: Company) -> None:
    query = "{ kinds { name permissions { permission allowed } } }"

    def of(who: Headers) -> set[str]:
        kinds = ask(notebooks.client, query, who)["kinds"]
        return {each["permission"] for kind in kinds for each in kind["permissions"] if each["allowed"]}

    role_for(notebooks, "runs", ["notebook:run"])
    assert "notebook:run" in of(notebooks.cy)
    assert not {"notebook:export", "notebook:edit"} & of(notebooks.cy)
    assert {"notebook:run", "notebook:export"} <= of(notebooks.admin)


NOUNS = {
    "user": ('user(username: "ann") { viewerCan { edit delete resetPassword sync } }', 4),
    "group": ('group(name: "data-team") { viewerCan { edit delete } }', 2),
    "role": ('role(name: "own") { viewerCan { edit delete assign } }', 3),
    "service": ('service(name: "etl") { viewerCan { edit delete issueToken } }', 3),
}


@pytest.mark.parametrize("noun", NOUNS)
def test_people_groups_roles_and_services_say_it_too(noun: str, company: Company) -> None:
    text, members = NOUNS[noun]
    role_for(company, "own", ["dataset:view"], "user:ben")
    service_token(company.client, company.admin)
    query = f"{{ {text} }}"

    assert list(ask(company.client, query, company.admin)[noun]["viewerCan"].values()) == [True] * members
    role_for(company, "looks", [f"{noun}:view"])
    assert list(ask(company.client, query, company.cy)[noun]["viewerCan"].values()) == [False] * members
    role_for(company, "edits", [f"{noun}:edit"])
    assert ask(company.client, query, company.cy)[noun]["viewerCan"]["edit"] is True


def test_what_is_offered_works_and_what_is_not_is_refused(company: Company) -> None:
    role_for(company, "clerk", ["user:*", "group:view", "group:edit", "role:view", "role:edit", "role:delete"])
    ok(company.client.post("/api/v1/users", json={"username": "eve"}, headers=company.admin), 201)

    def can(text: str) -> dict[str, bool]:
        found = ask(company.client, f"{{ {text} }}", company.cy)
        return dict(next(iter(found.values()))["viewerCan"])

    eve = can('user(username: "eve") { viewerCan { edit delete resetPassword sync } }')
    assert eve == {"edit": True, "delete": True, "resetPassword": True, "sync": True}
    assert works(company, company.cy, 'setPassword(username: "eve", password: "another-quay-nine") { revision }')
    assert works(company, company.cy, 'changeUser(username: "eve", changes: {displayName: "E"}) { sessionsEnded }')
    assert works(company, company.cy, 'deleteUser(username: "eve") { revision }')
    group = can('group(name: "data-team") { viewerCan { edit delete } }')
    assert group == {"edit": True, "delete": False}
    assert works(company, company.cy, 'changeGroup(name: "data-team", description: "x") { name }')
    assert not works(company, company.cy, 'deleteGroup(name: "data-team") { revision }')
    builtin = can('role(name: "reader") { viewerCan { edit delete assign } }')
    assert builtin == {"edit": False, "delete": False, "assign": False}
    assert not works(company, company.cy, 'changeRole(name: "reader", permissions: []) { name }')
    assert not works(company, company.cy, 'deleteRole(name: "reader") { revision }')
    assert can('role(name: "clerk") { viewerCan { edit delete } }') == {"edit": True, "delete": True}


def test_one_may_change_ones_own_name_and_password_but_not_with_a_token_made_for_less(company: Company) -> None:
    query = '{ user(username: "cy") { viewerCan { edit delete resetPassword sync } } }'

    def can(who: Headers) -> dict[str, bool]:
        return dict(ask(company.client, query, who)["user"]["viewerCan"])

    token = bearer(api_token(company.client, company.cy))
    narrow = bearer(api_token(company.client, company.cy, scopes=["user:view"]))
    assert can(company.cy) == {"edit": True, "delete": False, "resetPassword": True, "sync": False}
    assert can(token) == {"edit": True, "delete": False, "resetPassword": False, "sync": False}
    assert can(narrow) == dict.fromkeys(("edit", "delete", "resetPassword", "sync"), False)
    rename = 'changeUser(username: "cy", changes: {displayName: "C"}) { sessionsEnded }'
    assert not works(company, narrow, rename)
    assert works(company, token, rename)


def test_whom_a_provider_vouches_for_has_no_password_to_be_set(gate: Gatepost) -> None:
    assert "reset_password" in abilities_on_user(gate, ADMIN, "eve", None)
    assert "reset_password" not in abilities_on_user(gate, ADMIN, "eve", "op")
    assert "reset_password" not in abilities_on_user(gate, ADMIN, "admin", "op")


def test_each_object_that_can_be_changed_says_it() -> None:
    for name in ("Resource", "User", "Group", "Role", "Service"):
        kind = schema._schema.get_type(name)
        assert kind is not None
        assert "viewerCan" in getattr(kind, "fields", {}), name
