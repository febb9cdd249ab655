"""Design rule 9: the platform's own store is not a back door."""

from __future__ import annotations

import pytest

from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import UserChange, change_user
from gatepost.errors import Conflict, Forbidden, GatepostError, InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.relations import relate
from gatepost.stores.authority import feeds_exclusion
from gatepost.stores.errors import StoreError
from gatepost.stores.models import write_version
from gatepost.stores.pages import Paging
from gatepost.stores.reads import read_tuples
from tests.directory.people import make_group, make_officer, make_people, person
from tests.stores.shop import drop, history, key, lines_of, parsed, put

PROTECTED_TUPLES = (
    "group:admins#member@user:mallory",
    "role:admin#assignee@user:mallory",
    "role:user#permission@platform:*.*",
    "role:mine#assignee@user:mallory",
)


@pytest.fixture
def writer(gate: Gatepost) -> Principal:
    """Somebody who may write stores, and otherwise what any person may."""
    return make_officer(gate, "mallory", ["store:write", "store:read", "collection:create"])


@pytest.mark.parametrize("line", PROTECTED_TUPLES)
def test_tuples_on_protected_types_are_nobodys_to_write_or_delete(
    gate: Gatepost, admin: Principal, writer: Principal, line: str
) -> None:
    before = gate.memory.revision
    for caller in (admin, writer):
        with pytest.raises(StoreError, match="protected"):
            put(gate, "main", line, caller=caller)
        with pytest.raises(StoreError, match="protected"):
            drop(gate, "main", "role:admin#assignee@user:admin", caller=caller)
    assert gate.memory.revision == before


def test_nobody_writes_what_they_do_not_hold(gate: Gatepost, admin: Principal, writer: Principal) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="payroll"))
    for line in (
        "collection:payroll#owner@user:mallory",
        "collection:payroll#viewer@user:mallory",
        "collection:payroll#editor@group:all#member",
        "collection:not-made-yet#owner@user:mallory",
        "dataset:secret#parent@collection:mine",
    ):
        with pytest.raises(Forbidden):
            put(gate, "main", line, caller=writer)
    assert not gate.check("user:mallory", "view", "collection:payroll").allowed


def test_moving_into_ones_own_collection_is_handing_out_too(
    gate: Gatepost, admin: Principal, writer: Principal
) -> None:
    create_resource(gate, admin, NewResource(type="dataset", id="secret"))
    create_resource(gate, writer, NewResource(type="collection", id="mine"))
    with pytest.raises(Forbidden, match="hands out"):
        put(gate, "main", "dataset:secret#parent@collection:mine", caller=writer)
    assert not gate.check("user:mallory", "view", "dataset:secret").allowed
    put(gate, "main", "dataset:secret#parent@collection:mine", caller=admin)
    assert gate.check("user:mallory", "view", "dataset:secret").allowed


def test_what_one_holds_one_may_write_and_take(gate: Gatepost, writer: Principal) -> None:
    make_people(gate, "ann")
    create_resource(gate, writer, NewResource(type="collection", id="mine"))
    put(gate, "main", "collection:mine#editor@user:ann", caller=writer)
    assert gate.check("user:ann", "edit", "collection:mine").allowed
    drop(gate, "main", "collection:mine#editor@user:ann", caller=writer)
    assert not gate.check("user:ann", "edit", "collection:mine").allowed


def test_nobody_takes_what_they_could_not_give(gate: Gatepost, admin: Principal, writer: Principal) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="payroll"))
    grant_access(gate, admin, "collection", "payroll", NewGrant(subject="user:mallory", relation="viewer"))
    put(gate, "main", "collection:payroll#editor@user:admin")
    with pytest.raises(Forbidden):
        drop(gate, "main", "collection:payroll#editor@user:admin", caller=writer)


def test_a_relation_that_takes_away_is_for_whoever_holds_all(
    gate: Gatepost, admin: Principal, writer: Principal
) -> None:
    """To delete `blocked` is to give `view`: a comparison of single relations would not see it."""
    blocking = parsed(
        """
model
  schema 1.1
type user
type folder
  relations
    define banned: [user]
type report
  relations
    define folder: [folder]
    define blocked: [user]
    define away: blocked or banned from folder
    define owner: [user]
    define reader: [user]
    define view: reader but not away
"""
    )
    write_version(gate, admin, "main", blocking)
    put(gate, "main", "report:1#reader@user:mallory", "report:1#blocked@user:mallory")
    put(gate, "main", "report:1#folder@folder:1", "folder:1#banned@user:mallory")
    for line in ("report:1#blocked@user:mallory", "folder:1#banned@user:mallory", "report:1#folder@folder:1"):
        with pytest.raises(Forbidden):
            drop(gate, "main", line, caller=writer)
    model = gate.memory.graph.model
    assert feeds_exclusion(model, "folder", "banned")
    assert not feeds_exclusion(model, "report", "reader")
    drop(gate, "main", "report:1#blocked@user:mallory", "folder:1#banned@user:mallory")
    assert gate.check("user:mallory", "view", "report:1").allowed


def test_whoever_is_anonymous_is_given_no_more_than_to_view(gate: Gatepost, admin: Principal) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="open"))
    put(gate, "main", "collection:open#viewer@anonymous:*")
    with pytest.raises((InvalidField, StoreError)):
        put(gate, "main", "collection:open#editor@anonymous:*")
    assert not gate.check("anonymous:*", "edit", "collection:open").allowed


def test_the_last_owner_stays_whoever_asks(gate: Gatepost, admin: Principal) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="sales"))
    with pytest.raises(Conflict, match="owner"):
        drop(gate, "main", "collection:sales#owner@user:admin")
    assert "collection:sales#owner@user:admin" in lines_of(gate, "main")
    put(gate, "main", "collection:loose#owner@user:ann")
    drop(gate, "main", "collection:loose#owner@user:ann")  # nobody made that one here


def test_what_a_provider_brings_stays_its_own(gate: Gatepost, admin: Principal) -> None:
    """Trap 7: by hand nobody removes what a synchronisation would bring back; together they hold."""
    create_resource(gate, admin, NewResource(type="collection", id="sales"))
    with gate.change_unasked() as tx:
        relate(tx, "collection:sales", "viewer", "user:ann", author="sso:corp", origin="sso:corp")
    with pytest.raises(StoreError, match="sso:corp") as refused:
        drop(gate, "main", "collection:sales#viewer@user:ann")
    assert refused.value.status == 409
    with gate.change_unasked() as tx:
        relate(tx, "collection:sales", "viewer", "user:ann", author="user:admin")
    assert lines_of(gate, "main").count("collection:sales#viewer@user:ann") == 1
    drop(gate, "main", "collection:sales#viewer@user:ann")
    assert gate.check("user:ann", "view", "collection:sales").allowed


def test_store_read_is_no_key_to_the_directory(gate: Gatepost, admin: Principal) -> None:
    """Tuples on groups and roles are shown to whoever may view groups and roles."""
    make_group(gate, "board")
    make_people(gate, "ann")
    put(gate, "main", "collection:sales#viewer@user:ann")
    reader = make_officer(gate, "rita", ["store:read"])
    clerk = make_officer(gate, "cleo", ["store:read", "group:view"])
    with gate.change_unasked() as tx:
        relate(tx, "group:board", "member", "user:ann", author="user:admin")

    assert lines_of(gate, "main", reader) == ["collection:sales#viewer@user:ann"]
    assert history(gate, "main", reader) == ["+ collection:sales#viewer@user:ann"]
    assert lines_of(gate, "main", clerk) == ["collection:sales#viewer@user:ann", "group:board#member@user:ann"]
    assert any(line.startswith("role:") for line in lines_of(gate, "main", admin))
    assert any(line.startswith("+ role:") for line in history(gate, "main", admin))
    for line in ("group:board#member@user:ann", "role:admin#assignee@"):
        with pytest.raises(StoreError) as refused:
            read_tuples(gate, reader, "main", key(line), Paging())
        assert refused.value.status == 403


def test_a_revocation_a_moment_ago_counts(gate: Gatepost, second_gate: Gatepost, writer: Principal) -> None:
    """Decided under the lock: the other process has not even heard of it."""
    create_resource(gate, writer, NewResource(type="collection", id="mine"))
    change_user(second_gate, person("admin"), "mallory", UserChange(disabled=True))
    with pytest.raises(GatepostError):
        put(gate, "main", "collection:mine#viewer@user:ann", caller=writer)
    assert not gate.check("user:ann", "view", "collection:mine").allowed
