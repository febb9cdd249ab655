"""The last admin and the last owner stay (rule 8, trap 24): every way to take them away by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gatepost.directory.groups import add_member, delete_group, remove_member
from gatepost.directory.roles import assign_role, change_role, create_role, delete_role, unassign_role
from gatepost.directory.sharing import NewGrant, grant_access, revoke_access
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.errors import Conflict
from gatepost.gate import Gatepost
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import ADMIN, make_collection, make_group, make_people, may, person, share

SOON = timedelta(hours=1)


@pytest.fixture
def deep_admin(gate: Gatepost) -> Gatepost:
    """The one admin is alice: by a role of our own, given to a group, in which her own group is."""
    make_people(gate, "alice")
    create_role(gate, ADMIN, "root", ["*:*"])
    make_group(gate, "outer")
    make_group(gate, "inner", "user:alice")
    add_member(gate, ADMIN, "outer", "group:inner")
    assign_role(gate, ADMIN, "root", "group:outer")
    unassign_role(gate, person("alice"), "admin", "user:admin")
    assert may(gate, "user:alice", "audit:view")
    assert not may(gate, "user:admin", "audit:view")
    return gate


@pytest.mark.parametrize(
    "attack",
    [
        lambda gate, now: remove_member(gate, person("alice"), "inner", "user:alice"),
        lambda gate, now: remove_member(gate, person("alice"), "outer", "group:inner"),
        lambda gate, now: delete_group(gate, person("alice"), "inner"),
        lambda gate, now: delete_group(gate, person("alice"), "outer"),
        lambda gate, now: unassign_role(gate, person("alice"), "root", "group:outer"),
        lambda gate, now: delete_role(gate, person("alice"), "root"),
        lambda gate, now: change_role(gate, person("alice"), "root", permissions=["*:view", "user:*"]),
        lambda gate, now: delete_user(gate, person("alice"), "alice"),
        lambda gate, now: add_member(gate, person("alice"), "inner", "user:alice", expires_at=now + SOON),
        lambda gate, now: add_member(gate, person("alice"), "outer", "group:inner", expires_at=now + SOON),
        lambda gate, now: assign_role(gate, person("alice"), "root", "group:outer", expires_at=now + SOON),
    ],
    ids=[
        *("leave", "unnest", "delete-inner", "delete-outer", "unassign", "delete-role", "edit-role", "delete-self"),
        *("membership-expires", "nesting-expires", "assignment-expires"),
    ],
)
def test_the_last_admin_stays_however_deep_it_is_one(deep_admin: Gatepost, attack: Callable[..., object]) -> None:
    with pytest.raises(Conflict, match="without an admin"):
        attack(deep_admin, deep_admin.now())
    assert may(deep_admin, "user:alice", "audit:view")
    assert deep_admin.database.head().revision == deep_admin.memory.revision


def test_an_admin_until_tomorrow_is_not_one_who_stays(gate: Gatepost) -> None:
    """A platform must not lose its last admin to the clock."""
    make_people(gate, "alice")
    assign_role(gate, ADMIN, "admin", "user:alice", expires_at=gate.now() + SOON)
    with pytest.raises(Conflict, match="without an admin"):
        unassign_role(gate, ADMIN, "admin", "user:admin")
    assign_role(gate, ADMIN, "admin", "user:alice")
    unassign_role(gate, ADMIN, "admin", "user:admin")


def test_a_disabled_admin_and_a_service_are_not_ones_who_stay(gate: Gatepost) -> None:
    make_people(gate, "alice")
    assign_role(gate, ADMIN, "admin", "user:alice")
    change_user(gate, ADMIN, "alice", UserChange(disabled=True))
    issue_service_token(gate, ADMIN, WantedServiceToken(name="root", role="admin"))
    with pytest.raises(Conflict, match="without an admin"):
        unassign_role(gate, ADMIN, "admin", "user:admin")


def test_everyone_as_admin_counts_as_admins(gate: Gatepost) -> None:
    assign_role(gate, ADMIN, "admin", "user:*")
    unassign_role(gate, ADMIN, "admin", "user:admin")
    with pytest.raises(Conflict, match="without an admin"):
        unassign_role(gate, ADMIN, "admin", "user:*")


# -- owners ------------------------------------------------------------------------------------------------------------


def test_the_last_owner_stays(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "c")
    for attempt in (
        lambda: revoke_access(gate, person("alice"), "collection", "c", "owner", "user:alice"),
        lambda: grant_access(
            gate,
            person("alice"),
            "collection",
            "c",
            NewGrant(subject="user:alice", relation="owner", expires_at=gate.now() + SOON),
        ),
    ):
        with pytest.raises(Conflict, match="without an owner"):
            attempt()
    grant_access(
        gate,
        person("alice"),
        "collection",
        "c",
        NewGrant(subject="user:bob", relation="owner", expires_at=gate.now() + SOON),
    )
    with pytest.raises(Conflict, match="without an owner"):
        revoke_access(gate, person("alice"), "collection", "c", "owner", "user:alice")
    grant_access(gate, person("alice"), "collection", "c", NewGrant(subject="user:bob", relation="owner"))
    revoke_access(gate, person("alice"), "collection", "c", "owner", "user:alice")
    assert may(gate, "user:bob", "manage_access", "collection:c")


def test_an_owner_until_tomorrow_does_not_let_the_lasting_one_be_deleted(gate: Gatepost, dice: FakeDice) -> None:
    """Nor one whose time is over already, and who is no owner at all any more."""
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "c")
    until = NewGrant(subject="user:bob", relation="owner", expires_at=gate.now() + SOON)
    grant_access(gate, person("alice"), "collection", "c", until)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            delete_user(gate, ADMIN, "alice")
        assert refused.value.items == ("collection:c",)
        dice.advance(2 * SOON)


def test_a_group_or_a_role_that_alone_owns_something_is_not_deleted(gate: Gatepost) -> None:
    make_people(gate, "alice")
    make_group(gate, "team", "user:alice")
    create_role(gate, ADMIN, "keeper", [])
    for name, subject in (("g", "group:team#member"), ("r", "role:keeper#assignee")):
        make_collection(gate, "alice", name)
        share(gate, "alice", f"collection:{name}", "owner", subject)
        if name == "r":
            assign_role(gate, ADMIN, "keeper", "user:alice")
        revoke_access(gate, person("alice"), "collection", name, "owner", "user:alice")
    with pytest.raises(Conflict) as group:
        delete_group(gate, ADMIN, "team")
    with pytest.raises(Conflict) as role:
        delete_role(gate, ADMIN, "keeper")
    assert (group.value.items, role.value.items) == (("collection:g",), ("collection:r",))


def test_two_processes_cannot_both_take_the_last_but_one(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> None:
    """Decide under the lock: the second process has not heard of the first one's change."""
    other = open_gate(gate_url, follow=False)
    make_people(gate, "alice")
    assign_role(gate, ADMIN, "admin", "user:alice")
    other.memory.catch_up()
    unassign_role(gate, ADMIN, "admin", "user:admin")
    with pytest.raises(Conflict, match="without an admin"):
        unassign_role(other, person("alice"), "admin", "user:alice")
