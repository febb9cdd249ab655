"""Each operation's method, path and body, as the contract's table has them."""

from __future__ import annotations

from datetime import UTC, datetime
from inspect import isfunction
from typing import Any

import pytest

from gatepost.client import requests
from gatepost.client.call import Call, path_of
from gatepost.client.errors import Misconfigured
from gatepost.client.operations import Listing, Operation, Operations

NO_BUILDERS = ("gatepost.client.call", "gatepost.client.reading")  # what builders are made of
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("call", "line", "body"),
    [
        (requests.login("a", "p"), "POST /auth/login", {"username": "a", "password": "p"}),
        (requests.refresh("r"), "POST /auth/refresh", {"refresh_token": "r"}),
        (requests.logout(), "POST /auth/logout", None),
        (requests.sign_in_options(), "GET /auth/providers", None),
        (requests.me(), "GET /me", None),
        (requests.identities(), "GET /me/identities", None),
        (requests.unlink_identity("1"), "DELETE /me/identities/1", None),
        (requests.conflicts(), "GET /conflicts", None),
        (requests.dismiss_conflict("1"), "DELETE /conflicts/1", None),
        (requests.look_at_provider("op"), "POST /providers/op/look", None),
        (requests.examine(), "POST /doctor", None),
        (requests.users(), "GET /users", None),
        (requests.create_user("b", external="keycloak"), "POST /users", {"username": "b", "external": "keycloak"}),
        (requests.change_user("b", disabled=False), "PATCH /users/b", {"disabled": False}),
        (requests.set_password("b", "new"), "PUT /users/b/password", {"password": "new"}),
        (requests.rights("b"), "GET /users/b/rights", None),
        (requests.sync_user("b"), "POST /users/b/sync", None),
        (requests.create_group("g"), "POST /groups", {"name": "g"}),
        (requests.add_member("g", "group:analysts#member"), "PUT /groups/g/members/group:analysts%23member", None),
        (requests.remove_member("g", "user:a"), "DELETE /groups/g/members/user:a", None),
        (requests.create_role("r", permissions=["a:b"]), "POST /roles", {"name": "r", "permissions": ["a:b"]}),
        (requests.assign_role("reader", "anonymous:*"), "PUT /roles/reader/assignees/anonymous:*", None),
        (requests.unassign_role("r", "user:a"), "DELETE /roles/r/assignees/user:a", None),
        (requests.create_token("t"), "POST /tokens", {"name": "t"}),
        (
            requests.create_token("t", scopes=["a:b"], expires_at=NOON),
            "POST /tokens",
            {"name": "t", "scopes": ["a:b"], "expires_at": "2027-01-31T12:00:00+00:00"},
        ),
        (
            requests.create_service_token("etl", role="reader"),
            "POST /service-tokens",
            {"name": "etl", "role": "reader"},
        ),
        (requests.revoke_service_token("1"), "DELETE /service-tokens/1", None),
        (requests.revoke_session("1"), "DELETE /sessions/1", None),
        (requests.create_resource("dataset:a/b"), "POST /resources", {"type": "dataset", "id": "a/b"}),
        (requests.resource("dataset:a/b"), "GET /resources/dataset/a%2Fb", None),
        (requests.access("collection:s"), "GET /resources/collection/s/access", None),
        (
            requests.grant("collection:s", "editor", "group:g#member"),
            "POST /resources/collection/s/access",
            {"subject": "group:g#member", "relation": "editor"},
        ),
        (
            requests.revoke("collection:s", "editor", "group:g#member"),
            "DELETE /resources/collection/s/access/editor/group:g%23member",
            None,
        ),
        (requests.check(None, "view", "c:s"), "POST /check", {"action": "view", "resource": "c:s"}),
        (
            requests.explain("user:a", "view", "c:s"),
            "POST /explain",
            {"subject": "user:a", "action": "view", "resource": "c:s"},
        ),
        (requests.stores(), "GET /stores", None),
        (requests.store(), "GET /stores/main", None),
        (requests.create_store("s"), "POST /stores", {"name": "s"}),
        (requests.delete_store("01J"), "DELETE /stores/01J", None),
        (requests.models("01J"), "GET /stores/01J/authorization-models", None),
        (requests.model(model_id="01K"), "GET /stores/main/authorization-models/01K", None),
        (
            requests.write_model({"schema_version": "1.1"}),
            "POST /stores/main/authorization-models",
            {"schema_version": "1.1"},
        ),
        (requests.tuples("01J", limit=5), "POST /stores/01J/read", {"page_size": 5}),
        (
            requests.write_tuples([{"user": "user:a"}], store="01J"),
            "POST /stores/01J/write",
            {"writes": {"tuple_keys": [{"user": "user:a"}], "on_duplicate": "error"}},
        ),
        (requests.audit(), "GET /audit", None),
        (requests.providers(), "GET /providers", None),
        (requests.keys(), "GET /keys", None),
        (requests.rotate_keys(), "POST /keys/rotate", None),
    ],
)
def test_an_operation_is_one_request(call: Call[object], line: str, body: object) -> None:
    assert f"{call.method} {call.path.removeprefix('/api/v1')}" == line
    assert call.body == body


def test_params_that_are_not_given_are_not_sent() -> None:
    assert requests.users().params == {}
    assert requests.users(limit=5, cursor="c").params == {"limit": "5", "cursor": "c"}
    assert requests.delete_user("a", transfer_to="user:b").params == {"transfer_to": "user:b"}


def test_only_what_may_happen_twice_is_repeatable() -> None:
    calls: list[Call[Any]] = [
        requests.check("user:a", "view", "c:s"),
        requests.users(),
        requests.add_member("g", "user:a"),
    ]
    assert all(call.repeatable for call in calls)
    # A second time the current password is another one, and a second token would be one too many.
    assert not requests.set_password("a", "new", current_password="old").repeatable
    assert not requests.create_token("t").repeatable


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_name_cannot_walk_through_paths(segment: str) -> None:
    with pytest.raises(Misconfigured):
        path_of("users", segment)


@pytest.mark.parametrize("resource", ["sales", "a:", ":b", "a:b c", "a:b#c"])
def test_a_resource_is_type_and_id(resource: str) -> None:
    with pytest.raises(Misconfigured):
        requests.resource(resource)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Misconfigured, match="zone"):
        requests.create_token("t", expires_at=NOON.replace(tzinfo=None))


def test_every_builder_is_an_operation_of_both_clients() -> None:
    built = {
        name for name, value in vars(requests).items() if isfunction(value) and value.__module__ not in NO_BUILDERS
    }
    table = {name: entry.build for name, entry in vars(Operations).items() if isinstance(entry, Operation | Listing)}

    # Signing in is the clients' own affair.
    assert {name for name in built if not name.startswith("_")} - {"login", "refresh"} == set(table)
    assert all(build.__name__ == name for name, build in table.items())


def test_no_repr_of_a_call_shows_its_body() -> None:
    assert "hunter2" not in repr(requests.login("a", "hunter2"))


def test_pages_are_turned_as_each_api_has_it() -> None:
    assert requests.users(limit=5).page_after("c").params == {"limit": "5", "cursor": "c"}
    assert requests.stores().page_after("c").params == {"continuation_token": "c"}
    assert requests.tuples(limit=5).page_after("c").body == {"page_size": 5, "continuation_token": "c"}
