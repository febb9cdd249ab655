"""People who go: disabling always passes, deleting leaves nothing, and the next of that name starts anew (trap 24)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.directory.groups import remove_member
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import get_resource
from gatepost.directory.roles import assign_role, create_role, list_assignees
from gatepost.directory.users import (
    UserChange,
    change_user,
    delete_user,
)
from gatepost.errors import (
    Conflict,
    InvalidField,
    InvalidToken,
)
from gatepost.gate import Gatepost
from tests.conftest import OpenGate, settings_for
from tests.directory.people import (
    ADMIN,
    make_collection,
    make_group,
    make_officer,
    make_people,
    may,
    person,
    share,
    tuples_naming,
)


def test_disabling_always_passes_and_says_what_is_left_without_an_owner(gate: Gatepost) -> None:
    """Rule 8, trap 24: an orphan is reported, and no reason to leave somebody in."""
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "hers")
    make_collection(gate, "alice", "both")
    share(gate, "alice", "collection:both", "owner", "user:bob")

    ended = change_user(gate, ADMIN, "alice", UserChange(disabled=True))

    assert ended.left_without_owner == ("collection:hers",)
    assert not may(gate, "user:alice", "view", "collection:hers")
    assert may(gate, "user:bob", "delete", "collection:both")
    with pytest.raises(InvalidToken):
        change_user(gate, person("alice"), "alice", UserChange(display_name="still here"))


def test_the_last_admin_can_be_disabled_and_rights_can_still_be_taken_then(gate: Gatepost) -> None:
    """Otherwise the disabling of the last admin would freeze every group and role as it is."""
    officer = make_officer(gate, "officer", ["user:view", "user:edit", "group:view", "group:edit", "user:delete"])
    make_people(gate, "alice")
    make_group(gate, "team", "user:alice")
    change_user(gate, officer, "admin", UserChange(disabled=True))

    remove_member(gate, officer, "team", "user:alice")

    assert not gate.check("user:alice", "member", "group:team").allowed


def test_a_deletion_is_refused_with_the_list_of_what_they_alone_own(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "a1")
    make_collection(gate, "alice", "a2")
    share(gate, "alice", "collection:a2", "owner", "user:bob")
    with pytest.raises(Conflict) as refused:
        delete_user(gate, ADMIN, "alice")
    assert refused.value.items == ("collection:a1",)
    for heir in ("nobody", "alice", "ALICE"):
        with pytest.raises(InvalidField, match="transfer_to"):
            delete_user(gate, ADMIN, "alice", transfer_to=heir)
    change_user(gate, ADMIN, "bob", UserChange(disabled=True))
    with pytest.raises(InvalidField, match="transfer_to"):
        delete_user(gate, ADMIN, "alice", transfer_to="bob")
    change_user(gate, ADMIN, "bob", UserChange(disabled=False))
    assert may(gate, "user:alice", "delete", "collection:a1")

    delete_user(gate, ADMIN, "alice", transfer_to="Bob")

    assert may(gate, "user:bob", "delete", "collection:a1")
    assert get_resource(gate, ADMIN, "collection", "a1").created_by == "user:alice"
    assert tuples_naming(gate, "user:alice") == []


def test_a_deleted_name_that_is_taken_again_has_nothing_of_the_old_rights(gate: Gatepost) -> None:
    """Trap 24, for people: groups, roles, shares, and what they owned beside somebody else."""
    make_people(gate, "alice", "bob")
    make_group(gate, "team", "user:alice")
    assign_role(gate, ADMIN, "reader", "user:alice")
    make_collection(gate, "bob", "c")
    share(gate, "bob", "collection:c", "owner", "user:alice")
    delete_user(gate, ADMIN, "alice")
    assert tuples_naming(gate, "user:alice") == []

    make_people(gate, "alice")

    assert tuples_naming(gate, "user:alice") == [("role:user", "assignee", "user:alice")]
    assert not may(gate, "user:alice", "view", "collection:c")
    assert not may(gate, "user:alice", "member", "group:team")


def test_default_roles_are_given_and_say_that_the_configuration_gave_them(gate: Gatepost) -> None:
    make_people(gate, "alice")
    found = list_assignees(gate, ADMIN, "user", Wanted()).items
    assert [(m.subject, m.origin) for m in found] == [("user:alice", "config")]


def test_a_default_role_that_is_not_there_leaves_no_tuple_for_the_next_of_that_name(
    open_gate: OpenGate, gate_url: str
) -> None:
    """Trap 24: a role made later must not have everybody in it from its first moment."""
    base = settings_for(gate_url)
    gate = open_gate(replace(base, main=replace(base.main, default_roles=("user", "analyst"))))
    make_people(gate, "early")
    assert tuples_naming(gate, "role:analyst") == []
    create_role(gate, ADMIN, "analyst", ["dataset:view"])
    make_people(gate, "late")
    assert not may(gate, "user:early", "view", "dataset:any")
    assert may(gate, "user:late", "view", "dataset:any")
