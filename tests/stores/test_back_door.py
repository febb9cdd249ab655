"""Design rule 9, by way of the model: no model and no older version of one hands out what its author does not hold."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from gatepost.access import groups_of, permissions_of, read_model, roles_of
from gatepost.access.model_json import write_model
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.stores.errors import StoreError
from gatepost.stores.models import write_version
from gatepost.stores.writes import TupleWrite, write_tuples
from tests.directory.people import make_officer
from tests.stores.shop import history, key, lines_of, parsed, put

REPORT = """
model
  schema 1.1
type user
type service
type platform
type report
  relations
    define owner: [user]
    define view: owner
"""
BOSS = REPORT + "    define boss: [user]\n"
LOOKALIKES = (
    REPORT
    + """
type platform2
  relations
    define assignee: [user]
    define permission: [user]
    define member: [user]
type roles
  relations
    define assignee: [user, service]
    define permission: [platform]
"""
)
DOTTED = """
model
  schema 1.1
type user
type a
  relations
    define bQc: [user]
type aQb
  relations
    define c: [user]
"""


@pytest.fixture
def writer(gate: Gatepost) -> Principal:
    """Somebody who may write stores, and otherwise what any person may."""
    return make_officer(gate, "mallory", ["store:write", "store:read", "collection:create"])


def built_in(old: str = "", new: str = "", more: str = "") -> dict[str, Any]:
    """The built-in model as it is posted, with one thing in another way, or with more types."""
    text = files("gatepost.access").joinpath("builtin.fga").read_text("utf-8")
    assert old in text
    return parsed(text.replace(old, new, 1) + more)


REDEFINED = (
    ("define manage_access: owner", "define manage_access: viewer"),
    ("define view: viewer or view from parent", "define view: viewer"),
)


@pytest.mark.parametrize(("old", "new"), REDEFINED)
def test_who_does_not_hold_all_gives_no_type_another_meaning(
    gate: Gatepost, admin: Principal, writer: Principal, old: str, new: str
) -> None:
    """A viewer of payroll who may write stores would post that viewers manage access."""
    create_resource(gate, admin, NewResource(type="collection", id="payroll"))
    grant_access(gate, admin, "collection", "payroll", NewGrant(subject="user:mallory", relation="viewer"))
    before = gate.memory.revision

    with pytest.raises(Forbidden, match="another meaning"):
        write_version(gate, writer, "main", built_in(old, new))

    assert gate.memory.revision == before
    assert not gate.check("user:mallory", "manage_access", "collection:payroll").allowed
    write_version(gate, admin, "main", built_in(old, new))


def test_neither_does_a_condition_get_another_meaning(gate: Gatepost, admin: Principal, writer: Principal) -> None:
    guarded = REPORT + "    define reader: [user with open]\ncondition open(x: int) {\n  x > 5\n}\n"
    write_version(gate, admin, "main", parsed(guarded))
    with pytest.raises(Forbidden, match="open"):
        write_version(gate, writer, "main", parsed(guarded.replace("x > 5", "x > 0")))


def test_new_types_are_free_for_whoever_may_write_stores(gate: Gatepost, writer: Principal) -> None:
    write_version(gate, writer, "main", built_in(more="\ntype report\n  relations\n    define view: [user]\n"))
    assert "report" in gate.memory.graph.model.types
    with pytest.raises(Forbidden):
        put(gate, "main", "report:1#view@user:mallory", caller=writer)


def test_no_tuple_is_written_under_an_older_model_for_a_later_one_to_bring_to_life(
    gate: Gatepost, admin: Principal, writer: Principal
) -> None:
    """Nothing follows from the relation now, so nothing would be asked of its writer."""
    older = write_version(gate, admin, "main", parsed(BOSS))
    write_version(gate, admin, "main", parsed(REPORT))
    put(gate, "main", "report:1#owner@user:admin")
    wanted = TupleWrite(writes=[key("report:1#boss@user:mallory")], model=older)
    for caller in (writer, admin):
        with pytest.raises((Forbidden, StoreError)):
            write_tuples(gate, caller, "main", wanted)
    assert not any("boss" in line for line in (*lines_of(gate, "main"), *history(gate, "main")))
    write_version(gate, admin, "main", parsed(BOSS))
    assert not gate.check("user:mallory", "boss", "report:1").allowed


def test_types_that_look_like_roles_and_groups_are_none(gate: Gatepost, admin: Principal) -> None:
    write_version(gate, admin, "main", parsed(LOOKALIKES))
    put(gate, "main", "roles:admin#assignee@user:bob", "roles:admin#permission@platform:*.*")
    put(gate, "main", *(f"platform2:{name}#{relation}@user:bob" for name, relation in LOOKED_AT))
    bob, graph = Subject("user", "bob"), gate.memory.graph

    assert not gate.check("user:bob", "user:create", "platform:main").allowed
    assert not permissions_of(bob, graph) | roles_of(bob, graph) | groups_of(bob, graph)
    assert gate.check("user:bob", "permission", "platform2:main").allowed


LOOKED_AT = (("main", "permission"), ("main", "assignee"), ("*.*", "member"), ("admin", "member"))


def test_a_type_with_a_dot_would_take_the_permissions_of_another(gate: Gatepost, admin: Principal) -> None:
    """`a:b.c` and `a.b:c` are both written `platform:a.b.c`."""
    document = json.dumps(write_model(read_model(DOTTED))).replace("Q", ".")
    with pytest.raises(StoreError, match="dots") as refused:
        write_version(gate, admin, "main", json.loads(document))
    assert refused.value.code == "invalid_authorization_model"
