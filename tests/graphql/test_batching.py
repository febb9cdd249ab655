"""Lists of lists in a handful of queries, on both databases: counted, for nobody sees it otherwise until it is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from gatepost.directory import groups, resources, roles, services, sharing, users
from gatepost.directory.batches import access_of
from gatepost.directory.resources import NewResource
from gatepost.directory.sharing import NewGrant
from gatepost.errors import InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.graphql.engine import Engine
from gatepost.server.pools import Pools
from tests.conftest import OpenGate
from tests.graphql.asking import nodes
from tests.graphql.engines import answered

MANY = 100
CAN = "{ view edit delete manageAccess actions undecided }"


@pytest.fixture
def gate(open_gate: OpenGate, database_url: str) -> Gatepost:
    """Its tail stands still: what it asks the database is not counted here."""
    return open_gate(database_url, follow=False)


@pytest.fixture
def filled(gate: Gatepost, admin: Principal) -> Gatepost:
    """A hundred datasets in ten collections, each shared; and groups and roles."""
    for number in range(10):
        groups.create_group(gate, admin, f"group-{number}")
        groups.add_member(gate, admin, f"group-{number}", "user:admin")
        roles.create_role(gate, admin, f"role-{number}", ["dataset:view", "dataset:edit"])
        roles.assign_role(gate, admin, f"role-{number}", f"group:group-{number}#member")
        resources.create_resource(gate, admin, NewResource(type="collection", id=f"c-{number}"))
        wish = NewGrant(subject=f"group:group-{number}", relation="editor")
        sharing.grant_access(gate, admin, "collection", f"c-{number}", wish)
    for number in range(MANY):
        new = NewResource(type="dataset", id=f"d-{number:03}", parent=f"collection:c-{number % 10}")
        resources.create_resource(gate, admin, new)
    return gate


@contextmanager
def counted(gate: Gatepost) -> Iterator[list[str]]:
    """Every statement that goes to the database meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    engine = gate.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def engine() -> Iterator[tuple[Engine, Pools]]:
    engine, pools = Engine(), Pools(passwords=1)
    yield engine, pools
    engine.close()
    pools.close()


def test_a_hundred_resources_with_their_access(
    filled: Gatepost, admin: Principal, engine: tuple[Engine, Pools]
) -> None:
    every = "access { edges { node { subject relation inheritedFrom why } } }"
    query = f'{{ resources(type: "dataset") {{ edges {{ node {{ id viewerCan {CAN} {every} }} }} }} }}'
    with counted(filled) as statements:
        found = nodes(answered(engine, filled, admin, query)["resources"])

    assert len(found) == MANY
    assert [len(nodes(each["access"])) for each in found] == [3] * MANY  # its owner, the collection's, and a group
    actions = ["view", "edit", "delete", "manage_access"]
    everything = dict.fromkeys(("view", "edit", "delete", "manageAccess"), True)
    assert all(each["viewerCan"] == {**everything, "actions": actions, "undecided": []} for each in found)
    # The resources, their parents, which are made, the tuples on them, and those on their parents.
    assert len(statements) == 5, "\n".join(statements)


@pytest.mark.parametrize(("field", "below", "most"), [("groups", "members", 2), ("roles", "assignees", 3)])
def test_lists_with_who_is_in_them(
    field: str, below: str, most: int, filled: Gatepost, admin: Principal, engine: tuple[Engine, Pools]
) -> None:
    inside = f"{below} {{ edges {{ node {{ subject origin }} }} }}"
    query = f"{{ {field} {{ edges {{ node {{ name viewerCan {{ edit delete }} {inside} }} }} }} }}"
    with counted(filled) as statements:
        found = nodes(answered(engine, filled, admin, query)[field])

    assert len([each for each in found if nodes(each[below])]) >= 10
    assert len(statements) == most, "\n".join(statements)


def test_what_may_be_done_to_each_of_many_asks_the_database_nothing(
    filled: Gatepost, admin: Principal, engine: tuple[Engine, Pools]
) -> None:
    for number in range(MANY):
        users.create_user(filled, admin, users.NewUser(username=f"user-{number}"))
        services.create_service(filled, admin, f"service-{number}")

    def asked(can: str, token: str) -> int:
        people = f"users(first: 100) {{ edges {{ node {{ username {can} }} }} }}"
        machines = f"services(first: 100) {{ edges {{ node {{ name {token} }} }} }}"
        with counted(filled) as statements:
            found = answered(engine, filled, admin, f"{{ {people} {machines} }}")
        assert len(nodes(found["users"])) == len(nodes(found["services"])) == MANY
        return len(statements)

    without = asked("", "")
    assert asked("viewerCan { edit delete resetPassword sync }", "viewerCan { edit issueToken }") == without == 2


def test_each_of_many_is_answered_as_if_it_were_asked_for_alone(filled: Gatepost, admin: Principal) -> None:
    asked = [Entity("dataset", "d-007"), Entity("collection", "c-3"), Entity("dataset", "no"), Entity("user", "x")]
    found = access_of(filled, admin, asked)

    for resource in asked[:2]:
        assert found[resource] == sharing.list_access(filled, admin, resource.type, resource.id)
    assert isinstance(found[asked[2]], NotFound)
    assert isinstance(found[asked[3]], InvalidField)
