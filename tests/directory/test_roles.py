"""Roles: fixed ones, what a pattern covers, and what whoever is anonymous can be given (IF-14, IF-17, DH-16)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import add_member, list_groups, remove_member
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import (
    BUILT_IN,
    assign_role,
    change_role,
    create_role,
    delete_role,
    get_role,
    list_assignees,
    list_roles,
    unassign_role,
)
from gatepost.directory.services import create_service, get_service
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.subjects import find_subjects
from gatepost.directory.users import NewUser, create_user, get_user, list_users
from gatepost.errors import AlreadyExists, Conflict, Forbidden, GatepostError, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
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


def test_a_permission_is_had_through_user_group_and_role_only(gate: Gatepost) -> None:
    """IF-14, IF-15, IF-16: user → group → role → permission; cut the chain anywhere, and it is gone."""
    make_people(gate, "alice")
    make_group(gate, "auditors")
    create_role(gate, ADMIN, "auditor", [])
    assert not may(gate, "user:alice", "audit:view")
    add_member(gate, ADMIN, "auditors", "user:alice")
    assign_role(gate, ADMIN, "auditor", "group:auditors")
    assert not may(gate, "user:alice", "audit:view")
    change_role(gate, ADMIN, "auditor", permissions=["audit:view"])
    assert may(gate, "user:alice", "audit:view")
    remove_member(gate, ADMIN, "auditors", "user:alice")
    assert not may(gate, "user:alice", "audit:view")


def test_built_in_roles_stay_as_they_are(gate: Gatepost) -> None:
    for name, (_, permissions) in BUILT_IN.items():
        with pytest.raises(Conflict, match="built in"):
            change_role(gate, ADMIN, name, permissions=["*:*"])
        with pytest.raises(Conflict, match="built in"):
            delete_role(gate, ADMIN, name)
        assert get_role(gate, ADMIN, name).permissions == permissions
    with pytest.raises(AlreadyExists):
        create_role(gate, ADMIN, "admin", ["dataset:view"])


def test_the_role_user_makes_resources_and_nobody(gate: Gatepost) -> None:
    """`*:create` is of resources: `user:create`, `role:create` and `service_token:create` are other things."""
    make_people(gate, "alice")
    for kind in ("collection", "dataset", "knowledge"):
        assert may(gate, "user:alice", f"{kind}:create")
    for noun in ("user", "group", "role", "service", "service_token"):
        assert not may(gate, "user:alice", f"{noun}:create")
    with pytest.raises(Forbidden):
        create_user(gate, person("alice"), NewUser(username="eve"))


def test_the_reader_sees_all_resources_and_neither_directory_nor_audit(gate: Gatepost) -> None:
    make_people(gate, "alice", "rita")
    assign_role(gate, ADMIN, "reader", "user:rita")
    make_dataset(gate, "alice", "d")
    rita = person("rita")
    assert may(gate, "user:rita", "view", "dataset:d")
    assert not may(gate, "user:rita", "edit", "dataset:d")
    for listing in (
        lambda: list_users(gate, rita, Wanted()),
        lambda: list_groups(gate, rita, Wanted()),
        lambda: list_roles(gate, rita, Wanted()),
        lambda: read_audit(gate, rita, Wanted(), Filter()),
    ):
        with pytest.raises(Forbidden):
            listing()
    for looking in (lambda: get_user(gate, rita, "alice"), lambda: get_role(gate, rita, "admin")):
        with pytest.raises(NotFound):
            looking()


def test_a_role_of_one_action_on_everything_is_not_a_role_of_everything(gate: Gatepost) -> None:
    make_people(gate, "alice", "ed")
    create_role(gate, ADMIN, "deleter", ["*:delete"])
    assign_role(gate, ADMIN, "deleter", "user:ed")
    make_dataset(gate, "alice", "d")
    assert may(gate, "user:ed", "delete", "dataset:d")
    for permission in ("user:delete", "group:delete", "token:delete", "session:delete"):
        assert not may(gate, "user:ed", permission)


# -- whoever is anonymous ----------------------------------------------------------------------------------------------


def test_reader_for_anonymous_opens_resources_for_reading_and_nothing_else(gate: Gatepost) -> None:
    """IF-17, IF-19: reads pass, every write and the directory ask for a credential."""
    make_people(gate, "alice")
    make_collection(gate, "alice", "c")
    assert not may(gate, "anonymous:*", "view", "collection:c")
    assign_role(gate, ADMIN, "reader", "anonymous:*")
    assert may(gate, "anonymous:*", "view", "collection:c")
    for action in ("edit", "delete", "manage_access"):
        assert not may(gate, "anonymous:*", action, "collection:c")
    for attempt in (
        lambda: list_users(gate, NOBODY, Wanted()),
        lambda: find_subjects(gate, NOBODY, "a"),
        lambda: list_groups(gate, NOBODY, Wanted()),
        lambda: get_user(gate, NOBODY, "alice"),
        lambda: read_audit(gate, NOBODY, Wanted(), Filter()),
        lambda: grant_access(gate, NOBODY, "collection", "c", NewGrant(subject="user:alice", relation="viewer")),
    ):
        with pytest.raises(Unauthenticated):
            attempt()
    unassign_role(gate, ADMIN, "reader", "anonymous:*")
    assert not may(gate, "anonymous:*", "view", "collection:c")


@pytest.mark.parametrize("permissions", [["dataset:edit"], ["*:*"], ["dataset:view", "dataset:create"], ["dataset:*"]])
def test_a_role_that_holds_more_than_view_is_not_for_anonymous(gate: Gatepost, permissions: list[str]) -> None:
    create_role(gate, ADMIN, "r", permissions)
    with pytest.raises(InvalidField, match="view only"):
        assign_role(gate, ADMIN, "r", "anonymous:*")
    assert not may(gate, "anonymous:*", "edit", "dataset:d")


@pytest.mark.parametrize("pattern", ["user:view", "audit:view", "role:view", "token:view"])
def test_a_view_of_the_directory_in_a_role_of_anonymous_does_not_count(gate: Gatepost, pattern: str) -> None:
    create_role(gate, ADMIN, "r", [pattern])
    assign_role(gate, ADMIN, "r", "anonymous:*")
    assert not may(gate, "anonymous:*", pattern)
    with pytest.raises(Unauthenticated):
        list_users(gate, NOBODY, Wanted())


def test_a_role_that_anonymous_has_and_that_grows_later_does_not_grow_for_anonymous(gate: Gatepost) -> None:
    """Others may have it, too, and get what it grows by; for whoever is anonymous `view` is all that counts in a role."""
    create_role(gate, ADMIN, "r", ["dataset:view"])
    assign_role(gate, ADMIN, "r", "anonymous:*")
    change_role(gate, ADMIN, "r", permissions=["dataset:*", "user:*"])
    make_people(gate, "alice")
    make_dataset(gate, "alice", "d")
    assert not may(gate, "anonymous:*", "edit", "dataset:d")
    assert not may(gate, "anonymous:*", "user:create")


def test_a_role_that_edits_something_is_not_for_anonymous_in_either_order(gate: Gatepost) -> None:
    """The role holds no permission at all: it is what was shared with it that counts."""
    make_people(gate, "alice")
    make_collection(gate, "alice", "c")
    create_role(gate, ADMIN, "first-shared", [])
    share(gate, "alice", "collection:c", "editor", "role:first-shared")
    with pytest.raises(InvalidField, match="view only"):
        assign_role(gate, ADMIN, "first-shared", "anonymous:*")
    create_role(gate, ADMIN, "first-assigned", [])
    assign_role(gate, ADMIN, "first-assigned", "anonymous:*")
    for relation in ("editor", "owner"):
        with pytest.raises(InvalidField, match="view only"):
            share(gate, "alice", "collection:c", relation, "role:first-assigned")
    share(gate, "alice", "collection:c", "viewer", "role:first-assigned")
    assert may(gate, "anonymous:*", "view", "collection:c")
    assert not may(gate, "anonymous:*", "edit", "collection:c")


@pytest.mark.parametrize("role", ["admin", "user", "decider"])
def test_no_other_built_in_role_is_for_anonymous(gate: Gatepost, role: str) -> None:
    with pytest.raises(InvalidField, match="view only"):
        assign_role(gate, ADMIN, role, "anonymous:*")


# -- services ----------------------------------------------------------------------------------------------------------


def test_a_service_has_one_role(gate: Gatepost) -> None:
    """DH-16: the role bounds what its tokens may do, so a second one beside it would unbound them."""
    issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    for role in ("admin", "reader"):
        with pytest.raises(Conflict, match="has the role user"):
            assign_role(gate, ADMIN, role, "service:etl")
    assert not may(gate, "service:etl", "audit:view")
    unassign_role(gate, ADMIN, "user", "service:etl")
    assert get_service(gate, ADMIN, "etl").role is None
    assert not may(gate, "service:etl", "dataset:create")
    assign_role(gate, ADMIN, "reader", "service:etl")
    assert get_service(gate, ADMIN, "etl").role == "reader"


def test_a_role_of_a_service_is_not_deleted(gate: Gatepost) -> None:
    create_role(gate, ADMIN, "loader", ["dataset:create"])
    create_service(gate, ADMIN, "etl")
    assign_role(gate, ADMIN, "loader", "service:etl")
    with pytest.raises(Conflict) as refused:
        delete_role(gate, ADMIN, "loader")
    assert refused.value.items == ("service:etl",)


# -- assignments -------------------------------------------------------------------------------------------------------


def test_an_assignment_with_an_end_ends_by_itself(gate: Gatepost, dice: FakeDice) -> None:
    make_people(gate, "alice")
    assign_role(gate, ADMIN, "admin", "user:alice", expires_at=gate.now() + timedelta(hours=8))
    assert may(gate, "user:alice", "audit:view")
    dice.advance(timedelta(hours=8))
    assert not may(gate, "user:alice", "audit:view")
    with pytest.raises(InvalidField, match="past"):
        assign_role(gate, ADMIN, "admin", "user:alice", expires_at=gate.now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    "subject", ["user:nobody", "group:none", "service:none", "role:admin", "collection:c", "group:team#owner", "*", "x"]
)
def test_what_cannot_be_an_assignee_is_a_field_that_is_wrong(gate: Gatepost, subject: str) -> None:
    with pytest.raises(InvalidField):
        assign_role(gate, ADMIN, "reader", subject)
    assert list_assignees(gate, ADMIN, "reader", Wanted()).items == []


def test_a_deleted_role_leaves_no_tuple_and_its_name_no_rights(gate: Gatepost) -> None:
    """Trap 24, raystack/frontier#1659: bindings of a deleted role came back with the next one of its name."""
    make_people(gate, "alice", "bob")
    create_role(gate, ADMIN, "keeper", ["dataset:view"])
    assign_role(gate, ADMIN, "keeper", "user:bob")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "editor", "role:keeper")
    delete_role(gate, ADMIN, "keeper")
    assert tuples_naming(gate, "role:keeper") == []
    create_role(gate, ADMIN, "keeper", ["*:*"])
    assert not may(gate, "user:bob", "view", "dataset:any")
    assert not may(gate, "user:bob", "edit", "collection:c")


def test_who_may_what_with_roles(gate: Gatepost) -> None:
    make_people(gate, "alice", "vera")
    create_role(gate, ADMIN, "viewer", ["role:view"])
    assign_role(gate, ADMIN, "viewer", "user:vera")
    attempts = (
        lambda who: get_role(gate, who, "reader"),
        lambda who: list_assignees(gate, who, "reader", Wanted()),
        lambda who: change_role(gate, who, "viewer", description="x"),
        lambda who: assign_role(gate, who, "viewer", "user:alice"),
        lambda who: unassign_role(gate, who, "viewer", "user:vera"),
        lambda who: delete_role(gate, who, "viewer"),
        lambda who: create_role(gate, who, "new", []),
        lambda who: list_roles(gate, who, Wanted()),
    )

    def endings(who: object) -> list[type[GatepostError] | None]:
        found: list[type[GatepostError] | None] = []
        for attempt in attempts:
            try:
                attempt(who)
            except GatepostError as error:
                found.append(type(error))
            else:
                found.append(None)
        return found

    assert endings(NOBODY) == [Unauthenticated] * 8
    assert endings(person("alice")) == [NotFound] * 6 + [Forbidden] * 2
    assert endings(person("vera")) == [None, None, *[Forbidden] * 5, None]
    assert endings(person("admin", scope="role:view")) == [None, None, *[Forbidden] * 5, None]
