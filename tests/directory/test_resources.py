"""Resources: who may do what, said without telling what is there (DH-20 to DH-26, the contract's 401, 403 and 404)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gatepost.directory.groups import add_member
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import (
    NewResource,
    ResourceChange,
    change_resource,
    create_resource,
    delete_resource,
    get_resource,
    list_resources,
)
from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.sharing import NewGrant, grant_access, list_access, revoke_access
from gatepost.errors import AlreadyExists, Forbidden, GatepostError, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.relations import relate
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.directory.people import (
    ADMIN,
    NOBODY,
    machine,
    make_collection,
    make_dataset,
    make_group,
    make_people,
    may,
    narrowed,
    person,
    share,
    tuples_naming,
)

Attempt = Callable[[Gatepost, Principal], object]


@pytest.fixture
def company(gate: Gatepost) -> Gatepost:
    """A collection of olga's, which vera sees and ed edits; and a role of vera's that has nothing to do with it."""
    make_people(gate, "olga", "ed", "vera", "eve", "ruth")
    make_collection(gate, "olga", "sales")
    share(gate, "olga", "collection:sales", "editor", "user:ed")
    share(gate, "olga", "collection:sales", "viewer", "user:vera")
    create_role(gate, ADMIN, "owners", [])
    create_role(gate, ADMIN, "idle", [])
    share(gate, "olga", "collection:sales", "owner", "role:owners")
    assign_role(gate, ADMIN, "owners", "user:ruth")
    assign_role(gate, ADMIN, "idle", "user:ruth")
    return gate


CALLERS: dict[str, Principal] = {
    "anonymous": NOBODY,
    "stranger": person("eve"),
    "service": machine("etl"),
    "viewer": person("vera"),
    "editor": person("ed"),
    "owner": person("olga"),
    "admin": ADMIN,
    "owner's token to view": person("olga", scope="collection:view"),
    "owner's token for datasets": person("olga", scope="dataset:*"),
    "owner's token to edit blindly": person("olga", scope="collection:edit collection:delete"),
    "owner by a role": person("ruth"),
    "owner by a role, narrowed to it": narrowed(person("ruth"), "owners"),
    "owner by a role, narrowed to another": narrowed(person("ruth"), "idle"),
}

GRANT = NewGrant(subject="user:eve", relation="viewer")
OPERATIONS: dict[str, Attempt] = {
    "get": lambda gate, who: get_resource(gate, who, "collection", "sales"),
    "rename": lambda gate, who: change_resource(gate, who, "collection", "sales", ResourceChange(display_name="S")),
    "who has access": lambda gate, who: list_access(gate, who, "collection", "sales"),
    "share": lambda gate, who: grant_access(gate, who, "collection", "sales", GRANT),
    "unshare": lambda gate, who: revoke_access(gate, who, "collection", "sales", "viewer", "user:vera"),
    "delete": lambda gate, who: delete_resource(gate, who, "collection", "sales"),
}
A401, A403, A404, OK = Unauthenticated, Forbidden, NotFound, None
EXPECTED: dict[str, dict[str, type[GatepostError] | None]] = {
    "anonymous": dict.fromkeys(OPERATIONS, A401),
    "stranger": dict.fromkeys(OPERATIONS, A404),
    "service": dict.fromkeys(OPERATIONS, A404),
    "viewer": {"get": OK, "rename": A403, "who has access": OK, "share": A403, "unshare": A403, "delete": A403},
    "editor": {"get": OK, "rename": OK, "who has access": OK, "share": A403, "unshare": A403, "delete": A403},
    "owner": dict.fromkeys(OPERATIONS, OK),
    "admin": dict.fromkeys(OPERATIONS, OK),
    "owner's token to view": {
        **dict.fromkeys(OPERATIONS, A403),
        "get": OK,
        "who has access": OK,
    },
    "owner's token for datasets": dict.fromkeys(OPERATIONS, A404),
    "owner's token to edit blindly": dict.fromkeys(OPERATIONS, A404),
    "owner by a role": dict.fromkeys(OPERATIONS, OK),
    "owner by a role, narrowed to it": dict.fromkeys(OPERATIONS, OK),
    "owner by a role, narrowed to another": dict.fromkeys(OPERATIONS, A404),
}


@pytest.mark.parametrize("who", CALLERS)
def test_what_one_cannot_see_is_not_there_and_what_one_cannot_do_is_forbidden(company: Gatepost, who: str) -> None:
    """DH-21, DH-22, DH-26: viewer, editor, owner, and nothing else; 404, 403, 401 as the contract has them."""
    found: dict[str, type[GatepostError] | None] = {}
    for name, attempt in OPERATIONS.items():
        try:
            attempt(company, CALLERS[who])
        except GatepostError as error:
            found[name] = type(error)
        else:
            found[name] = OK
    assert found == EXPECTED[who]


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_not_there_reads_like_what_is_not_to_be_seen(company: Gatepost, name: str) -> None:
    """Else every name could be tried: the two sentences differ in the name alone."""
    sentences = set()
    for there in (True, False):
        if not there:
            delete_resource(company, ADMIN, "collection", "sales")
        with pytest.raises(NotFound) as refused:
            OPERATIONS[name](company, person("eve"))
        sentences.add(str(refused.value))
    assert len(sentences) == 1


def test_whoever_makes_a_resource_owns_it(gate: Gatepost) -> None:
    """DH-25."""
    make_people(gate, "alice", "bob")
    made = create_resource(gate, person("alice"), NewResource(type="knowledge", id="k"))
    assert (made.created_by, made.display_name, made.parent) == ("user:alice", "k", None)
    for action in ("view", "edit", "delete", "manage_access"):
        assert may(gate, "user:alice", action, "knowledge:k")
        assert not may(gate, "user:bob", action, "knowledge:k")
    with pytest.raises(AlreadyExists):
        create_resource(gate, person("bob"), NewResource(type="knowledge", id="k"))
    assert not may(gate, "user:bob", "view", "knowledge:k")


def test_who_may_create(gate: Gatepost) -> None:
    make_people(gate, "alice")
    issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    issue_service_token(gate, ADMIN, WantedServiceToken(name="eyes", role="reader"))
    wanted = NewResource(type="dataset", id="d")
    with pytest.raises(Unauthenticated):
        create_resource(gate, NOBODY, wanted)
    for caller in (machine("eyes"), person("alice", scope="dataset:view collection:create"), machine("etl", "*:view")):
        with pytest.raises(Forbidden):
            create_resource(gate, caller, wanted)
    create_resource(gate, machine("etl"), wanted)
    assert may(gate, "service:etl", "delete", "dataset:d")


def test_under_a_parent_it_takes_edit_there(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "c")
    wanted = NewResource(type="dataset", id="d", parent="collection:c")
    with pytest.raises(NotFound):
        create_resource(gate, person("bob"), wanted)
    share(gate, "alice", "collection:c", "viewer", "user:bob")
    with pytest.raises(Forbidden):
        create_resource(gate, person("bob"), wanted)
    share(gate, "alice", "collection:c", "editor", "user:bob")
    with pytest.raises(NotFound):
        create_resource(gate, person("bob", scope="dataset:create"), wanted)
    with pytest.raises(Forbidden):
        create_resource(gate, person("bob", scope="dataset:create collection:view"), wanted)
    assert create_resource(gate, person("bob"), wanted).parent == "collection:c"
    assert may(gate, "user:alice", "delete", "dataset:d"), "what is inside hers is hers"


@pytest.mark.parametrize(
    ("kind", "name", "parent", "field"),
    [
        ("collection", "", None, "id"),
        ("collection", "a b", None, "id"),
        ("collection", "a:b", None, "id"),
        ("collection", "*", None, "id"),
        ("collection", "a#owner", None, "id"),
        ("collection", "a\0", None, "id"),
        ("collection", "..", None, "id"),
        ("user", "eve", None, "type"),
        ("group", "eve", None, "type"),
        ("role", "eve", None, "type"),
        ("platform", "main", None, "type"),
        ("", "x", None, "type"),
        ("warehouse", "x", None, "type"),
        ("dataset", "x", "sales", "parent"),
        ("dataset", "x", "", "parent"),
        ("dataset", "x", "dataset:y", "parent"),
        ("dataset", "x", "user:admin", "parent"),
        ("dataset", "x", "collection:*", "parent"),
        ("collection", "x", "collection:sales", "parent"),
    ],
)
def test_a_bad_field_of_a_new_resource_is_named(
    gate: Gatepost, kind: str, name: str, parent: str | None, field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        create_resource(gate, ADMIN, NewResource(type=kind, id=name, parent=parent))
    assert set(refused.value.fields) == {field}
    assert list_resources(gate, ADMIN, Wanted()).items == []


def test_a_type_that_is_not_here_is_a_wrong_field_for_who_is_signed_in(gate: Gatepost) -> None:
    make_people(gate, "alice")
    for kind in ("user", "group", "platform", "warehouse"):
        with pytest.raises(InvalidField):
            get_resource(gate, person("alice"), kind, "x")
        with pytest.raises(Unauthenticated):
            get_resource(gate, NOBODY, kind, "x")


def test_a_parent_that_is_not_there_takes_no_children(gate: Gatepost) -> None:
    """An admin may edit any collection, the ones that are not there included."""
    with pytest.raises(NotFound):
        create_resource(gate, ADMIN, NewResource(type="dataset", id="d", parent="collection:ghost"))
    assert tuples_naming(gate, "dataset:d") == []


def test_a_deleted_resource_leaves_no_tuple_and_its_id_no_rights(gate: Gatepost) -> None:
    """Trap 24: deleting left tuples, and making the id again revived them."""
    make_people(gate, "alice", "bob", "eve")
    make_group(gate, "team", "user:bob")
    make_collection(gate, "alice", "c")
    make_dataset(gate, "alice", "inside", "collection:c")
    share(gate, "alice", "collection:c", "owner", "group:team")
    share(gate, "alice", "collection:c", "viewer", "user:*")
    delete_resource(gate, person("alice"), "collection", "c")
    assert tuples_naming(gate, "collection:c") == []

    make_collection(gate, "eve", "c")

    for who in ("alice", "bob"):
        assert not may(gate, f"user:{who}", "view", "collection:c")
    assert not may(gate, "user:eve", "view", "dataset:inside"), "what was inside the old one is not inside the new"
    assert get_resource(gate, person("alice"), "dataset", "inside").parent is None


@pytest.mark.parametrize("relation", ["viewer", "editor", "owner"])
def test_nothing_is_granted_on_what_was_never_made(gate: Gatepost, relation: str) -> None:
    """Trap 24, ahead of time: a right on a free id would wait for whoever makes it."""
    make_people(gate, "alice", "mallory")
    keeper = NewGrant(subject="user:mallory", relation=relation)
    with pytest.raises(NotFound):
        grant_access(gate, ADMIN, "collection", "plans", keeper)
    with pytest.raises((NotFound, InvalidField)):
        grant_access(gate, ADMIN, "collection", "*", keeper)
    with pytest.raises(NotFound):
        list_access(gate, ADMIN, "collection", "plans")
    make_collection(gate, "alice", "plans")
    assert not may(gate, "user:mallory", "view", "collection:plans")


def test_a_list_is_what_one_may_view_and_complete(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_group(gate, "team")
    for n in range(12):
        make_collection(gate, "alice", f"c{n:02}")
    make_dataset(gate, "alice", "d", "collection:c00")
    share(gate, "alice", "collection:c00", "viewer", "group:team")
    share(gate, "alice", "collection:c05", "viewer", "user:*")
    share(gate, "alice", "collection:c07", "viewer", "anonymous:*")

    def listed(who: Principal, limit: int = 5) -> list[str]:
        found, cursor = [], ""
        while True:
            page = list_resources(gate, who, Wanted(limit=limit, cursor=cursor))
            found += [str(r.entity) for r in page.items]
            if not (cursor := page.next_cursor):
                return found

    everything = [*(f"collection:c{n:02}" for n in range(12)), "dataset:d"]
    assert listed(person("alice")) == listed(ADMIN) == everything
    assert listed(person("alice"), 1) == everything
    assert listed(person("bob")) == ["collection:c05"]
    assert listed(NOBODY) == ["collection:c07"]
    assert listed(person("alice", scope="dataset:view")) == ["dataset:d"]
    assert listed(person("alice", scope="collection:edit")) == []
    add_member(gate, ADMIN, "team", "user:bob", expires_at=gate.now() + timedelta(hours=1))
    assert listed(person("bob")) == ["collection:c00", "collection:c05", "dataset:d"]


def test_a_list_shows_nothing_that_was_never_made(gate: Gatepost) -> None:
    make_people(gate, "alice")
    with gate.change_unasked() as tx:
        relate(tx, "collection:elsewhere", "viewer", "user:alice", author="user:admin")
    assert may(gate, "user:alice", "view", "collection:elsewhere")
    assert list_resources(gate, person("alice"), Wanted()).items == []
    with pytest.raises(NotFound):
        get_resource(gate, person("alice"), "collection", "elsewhere")


def test_moving_changes_who_inherits(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob", "carol")
    for name in ("from", "to"):
        make_collection(gate, "alice", name)
    make_dataset(gate, "alice", "d", "collection:from")
    share(gate, "alice", "collection:from", "owner", "user:bob")
    share(gate, "alice", "collection:to", "viewer", "user:carol")
    moved = change_resource(gate, person("alice"), "dataset", "d", ResourceChange(parent="collection:to"))
    assert moved.parent == "collection:to"
    assert not may(gate, "user:bob", "view", "dataset:d")
    assert may(gate, "user:carol", "view", "dataset:d")
    change_resource(gate, person("alice"), "dataset", "d", ResourceChange(parent=""))
    assert not may(gate, "user:carol", "view", "dataset:d")
    assert tuples_naming(gate, "dataset:d") == [("dataset:d", "owner", "user:alice")]


def test_an_editor_renames_and_does_not_move(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "bob", "his")
    make_dataset(gate, "alice", "d")
    share(gate, "alice", "dataset:d", "editor", "user:bob")
    change_resource(gate, person("bob"), "dataset", "d", ResourceChange(display_name="Named by Bob"))
    for parent in ("collection:his", ""):
        with pytest.raises(Forbidden):
            change_resource(gate, person("bob"), "dataset", "d", ResourceChange(parent=parent))
    assert get_resource(gate, person("alice"), "dataset", "d").display_name == "Named by Bob"


def test_whoever_is_anonymous_writes_nothing_whatever_a_tuple_says(gate: Gatepost) -> None:
    """The contract: 401 on every write.  A posted model may let `anonymous:*` stand where ours does not."""
    make_people(gate, "alice")
    make_collection(gate, "alice", "c")
    with gate.change_unasked() as tx:
        relate(tx, "collection:c", "editor", "role:open#assignee", author="user:admin")
        relate(tx, "role:open", "assignee", "anonymous:*", author="user:admin")
    for attempt in (
        lambda: change_resource(gate, NOBODY, "collection", "c", ResourceChange(display_name="Mine")),
        lambda: delete_resource(gate, NOBODY, "collection", "c"),
        lambda: grant_access(gate, NOBODY, "collection", "c", GRANT),
        lambda: revoke_access(gate, NOBODY, "collection", "c", "viewer", "user:alice"),
        lambda: create_resource(gate, NOBODY, NewResource(type="dataset", id="d", parent="collection:c")),
        lambda: list_access(gate, NOBODY, "collection", "c"),
    ):
        with pytest.raises(Unauthenticated):
            attempt()
    assert get_resource(gate, ADMIN, "collection", "c").display_name == "c"
