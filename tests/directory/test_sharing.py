"""Access Control: Add Permission, with whom, until when, and why (DH-20 to DH-26)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.directory.groups import add_member, remove_member
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import NewResource, create_resource, get_resource, list_resources
from gatepost.directory.sharing import (
    Grant,
    NewGrant,
    grant_access,
    grant_all,
    grantable_relations,
    list_access,
    revoke_access,
)
from gatepost.directory.users import NewUser, create_user
from gatepost.errors import Conflict, Forbidden, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store.relations import relate
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import (
    ADMIN,
    NOBODY,
    make_collection,
    make_dataset,
    make_group,
    make_people,
    may,
    person,
    share,
    tuples_naming,
)
from tests.waiting import A_BUSY_SECOND, eventually

ACTIONS = ("view", "edit", "delete", "manage_access")


@pytest.fixture
def shared(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob", "carol")
    make_group(gate, "team", "user:carol")
    make_collection(gate, "alice", "c")
    return gate


def rights(gate: Gatepost, who: str, resource: str = "collection:c") -> set[str]:
    return {action for action in ACTIONS if may(gate, who, action, resource)}


def give(gate: Gatepost, who: str, relation: str, subject: str) -> Grant:
    return grant_access(gate, person(who), "collection", "c", NewGrant(subject=subject, relation=relation))


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("viewer", {"view"}), ("editor", {"view", "edit"}), ("owner", {"view", "edit", "delete", "manage_access"})],
)
@pytest.mark.parametrize("subject", ["user:bob", "group:team"])
def test_the_three_relations_give_exactly_this(
    shared: Gatepost, relation: str, expected: set[str], subject: str
) -> None:
    """DH-20, DH-21, DH-22: to a user or a group, and nothing else."""
    who = "user:bob" if subject == "user:bob" else "user:carol"
    other = "user:carol" if subject == "user:bob" else "user:bob"
    give(shared, "alice", relation, subject)
    assert rights(shared, who) == expected
    assert rights(shared, other) == set()


def test_it_takes_effect_at_once_here_and_within_a_second_elsewhere(
    shared: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    """DH-23, trap 24: after Save the next check sees it; and after a removal."""
    other = open_gate(gate_url)
    give(shared, "alice", "editor", "user:bob")
    assert rights(shared, "user:bob") == {"view", "edit"}
    eventually(lambda: rights(other, "user:bob") == {"view", "edit"}, within=A_BUSY_SECOND)
    revoke_access(shared, person("alice"), "collection", "c", "editor", "user:bob")
    assert rights(shared, "user:bob") == set()
    eventually(lambda: rights(other, "user:bob") == set(), within=A_BUSY_SECOND)


def test_a_share_with_a_group_follows_its_members(shared: Gatepost) -> None:
    """DH-24."""
    give(shared, "alice", "viewer", "group:team")
    add_member(shared, ADMIN, "team", "user:bob")
    assert rights(shared, "user:bob") == {"view"}
    remove_member(shared, ADMIN, "team", "user:bob")
    assert rights(shared, "user:bob") == set()


def test_only_an_owner_adds_and_removes(shared: Gatepost) -> None:
    """DH-26: an editor and a viewer cannot, not even for themselves."""
    give(shared, "alice", "editor", "user:bob")
    give(shared, "alice", "viewer", "user:carol")
    for who in ("bob", "carol"):
        for relation in ("viewer", "owner"):
            with pytest.raises(Forbidden):
                give(shared, who, relation, f"user:{who}")
        with pytest.raises(Forbidden):
            revoke_access(shared, person(who), "collection", "c", "owner", "user:alice")
    give(shared, "alice", "owner", "user:bob")
    give(shared, "bob", "editor", "user:carol")
    assert rights(shared, "user:carol") == {"view", "edit"}


def test_a_share_ends_at_its_moment_in_every_question(shared: Gatepost, dice: FakeDice) -> None:
    until = shared.now() + timedelta(hours=1)
    wanted = NewGrant(subject="user:bob", relation="editor", expires_at=until)
    assert grant_access(shared, person("alice"), "collection", "c", wanted).expires_at == until
    dice.advance(timedelta(hours=1) - timedelta(microseconds=1))
    assert rights(shared, "user:bob") == {"view", "edit"}
    dice.advance(timedelta(microseconds=1))
    assert rights(shared, "user:bob") == set()
    assert [g.subject for g in list_access(shared, person("alice"), "collection", "c")] == ["user:alice"]
    with pytest.raises(InvalidField, match="past"):
        grant_access(shared, person("alice"), "collection", "c", wanted)


def test_giving_again_changes_the_end_and_does_not_double(shared: Gatepost, dice: FakeDice) -> None:
    soon = shared.now() + timedelta(hours=1)
    grant_access(
        shared, person("alice"), "collection", "c", NewGrant(subject="user:bob", relation="viewer", expires_at=soon)
    )
    give(shared, "alice", "viewer", "user:bob")
    dice.advance(timedelta(days=1))
    assert rights(shared, "user:bob") == {"view"}
    assert len(tuples_naming(shared, "user:bob")) == 2, "this share, and the role `user`"


@pytest.mark.parametrize(
    ("subject", "relation", "field"),
    [
        ("user:nobody", "viewer", "subject"),
        ("group:nobody", "viewer", "subject"),
        ("service:nobody", "viewer", "subject"),
        ("role:nobody", "viewer", "subject"),
        ("bob", "viewer", "subject"),
        ("user:", "viewer", "subject"),
        (":bob", "viewer", "subject"),
        ("user:bob#member", "viewer", "subject"),
        ("group:team#owner", "viewer", "subject"),
        ("collection:c", "viewer", "subject"),
        ("collection:c#viewer", "viewer", "subject"),
        ("platform:main", "viewer", "subject"),
        ("group:*", "viewer", "subject"),
        ("role:*", "viewer", "subject"),
        ("user:*", "editor", "subject"),
        ("user:*", "owner", "subject"),
        ("service:*", "owner", "subject"),
        ("anonymous:*", "editor", "subject"),
        ("anonymous:*", "owner", "subject"),
        ("anonymous:me", "viewer", "subject"),
        ("user:bob", "view", "relation"),
        ("user:bob", "delete", "relation"),
        ("user:bob", "parent", "relation"),
        ("user:bob", "", "relation"),
        ("user:bob", "god", "relation"),
    ],
)
def test_what_cannot_be_shared_is_a_field_that_is_wrong(
    shared: Gatepost, subject: str, relation: str, field: str
) -> None:
    before = tuples_naming(shared, "collection:c")
    with pytest.raises(InvalidField) as refused:
        give(shared, "alice", relation, subject)
    assert set(refused.value.fields) == {field}
    assert tuples_naming(shared, "collection:c") == before


def test_the_structure_is_not_a_grant(gate: Gatepost) -> None:
    """Whoever could grant `parent` would move a dataset under a collection of their own."""
    make_people(gate, "alice", "mallory")
    make_collection(gate, "mallory", "trap")
    make_dataset(gate, "alice", "d")
    assert grantable_relations(gate, "dataset") == ["owner", "editor", "viewer"]
    for subject in ("collection:trap", "user:mallory"):
        with pytest.raises(InvalidField, match="relation"):
            grant_access(gate, person("alice"), "dataset", "d", NewGrant(subject=subject, relation="parent"))
    with pytest.raises(InvalidField, match="relation"):
        revoke_access(gate, person("alice"), "dataset", "d", "parent", "user:mallory")


def test_public_is_three_wildcards_and_each_means_its_own(shared: Gatepost) -> None:
    for subject, mine in (("user:*", "user:bob"), ("service:*", "service:etl"), ("anonymous:*", "anonymous:*")):
        give(shared, "alice", "viewer", subject)
        for who in ("user:bob", "service:etl", "anonymous:*"):
            assert rights(shared, who) == ({"view"} if who == mine else set())
        revoke_access(shared, person("alice"), "collection", "c", "viewer", subject)


def test_a_group_is_meant_by_its_members(shared: Gatepost) -> None:
    assert give(shared, "alice", "viewer", "group:team").subject == "group:team#member"
    revoke_access(shared, person("alice"), "collection", "c", "viewer", "group:team")
    assert rights(shared, "user:carol") == set()


def test_every_row_says_why(shared: Gatepost) -> None:
    make_dataset(shared, "alice", "d", "collection:c")
    share(shared, "alice", "collection:c", "viewer", "group:team")
    share(shared, "alice", "dataset:d", "viewer", "user:*")
    until = shared.now() + timedelta(hours=6)
    wanted = NewGrant(subject="user:bob", relation="editor", expires_at=until)
    grant_access(shared, person("alice"), "dataset", "d", wanted)
    sentences = [grant.why for grant in list_access(shared, person("alice"), "dataset", "d")]
    assert sentences == [
        "bob may view and edit: editor here, granted by alice, until 2026-11-22 18:00 UTC",
        "alice may view, edit, delete and manage access: owner here, granted by alice",
        "Everyone signed in may view: viewer here, granted by alice",
        "alice may view, edit, delete and manage access: owner of collection:c, in which d is, granted by alice",
        "Every member of team may view: viewer of collection:c, in which d is, granted by alice",
    ]


def test_a_reader_without_a_name_does_not_learn_the_names_of_others(shared: Gatepost) -> None:
    give(shared, "alice", "viewer", "anonymous:*")
    with pytest.raises(Unauthenticated):
        list_access(shared, NOBODY, "collection", "c")


def test_what_a_provider_gave_is_not_taken_by_hand(shared: Gatepost) -> None:
    with shared.change_unasked() as tx:
        relate(tx, "collection:c", "viewer", "user:bob", author="scim", origin="scim")
    with pytest.raises(Conflict, match="scim"):
        revoke_access(shared, person("alice"), "collection", "c", "viewer", "user:bob")
    with pytest.raises(NotFound):
        revoke_access(shared, person("alice"), "collection", "c", "editor", "user:bob")


def test_a_role_that_alone_has_it_by_permission_cannot_be_revoked_here(shared: Gatepost) -> None:
    """An admin sees everything by a role, and stands in no row."""
    assert rights(shared, "user:admin") == set(ACTIONS)
    with pytest.raises(NotFound):
        revoke_access(shared, person("alice"), "collection", "c", "owner", "user:admin")


def test_several_grants_are_made_together_or_not_at_all(gate: Gatepost, admin: Principal) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="plans"))
    wanted = [NewGrant(subject=who, relation="viewer") for who in ("user:*", "service:*", "user:nobody-here")]

    with pytest.raises(InvalidField, match="there is no user:nobody-here"):
        grant_all(gate, admin, "collection", "plans", wanted)

    assert [grant.subject for grant in list_access(gate, admin, "collection", "plans")] == ["user:admin"]


def test_a_parent_that_one_cannot_view_is_not_named(gate: Gatepost, admin: Principal) -> None:
    create_user(gate, admin, NewUser(username="guest", password="seven-wet-herons"))
    guest = Principal(subject=Entity("user", "guest"), method=Method.EMBEDDED, scope=None)
    create_resource(gate, admin, NewResource(type="collection", id="takeover-of-rival"))
    create_resource(gate, admin, NewResource(type="dataset", id="prices", parent="collection:takeover-of-rival"))
    grant_access(gate, admin, "dataset", "prices", NewGrant(subject="user:guest", relation="viewer"))

    assert get_resource(gate, guest, "dataset", "prices").parent is None
    assert list_resources(gate, guest, Wanted()).items[0].parent is None
    seen_by_guest = list_access(gate, guest, "dataset", "prices")
    assert "takeover" not in repr(seen_by_guest)
    assert {grant.inherited_from for grant in seen_by_guest} == {"", "collection"}
    assert get_resource(gate, admin, "dataset", "prices").parent == "collection:takeover-of-rival"
