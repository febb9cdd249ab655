"""Groups: nesting, cycles, and where a membership came from (DH-24, DH-27, traps 7 and 24)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.directory.groups import (
    add_member,
    change_group,
    create_group,
    delete_group,
    get_group,
    list_groups,
    list_members,
    remove_member,
)
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role
from gatepost.errors import AlreadyExists, Conflict, Forbidden, GatepostError, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.store.relations import relate
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import (
    ADMIN,
    NOBODY,
    make_collection,
    make_group,
    make_officer,
    make_people,
    may,
    person,
    share,
    tuples_naming,
)
from tests.waiting import A_BUSY_SECOND, eventually


def synchronised(gate: Gatepost, group: str, member: str, origin: str = "sso:corp") -> None:
    with gate.change_unasked() as tx:
        relate(tx, f"group:{group}", "member", member, author=origin, origin=origin)


def test_what_a_group_was_given_its_members_have_at_once_and_no_longer(
    gate: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    """DH-24: adding and removing a member changes all access through the group; within a second elsewhere."""
    make_people(gate, "alice", "bob")
    make_group(gate, "team")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "editor", "group:team")
    other = open_gate(gate_url)
    assert not may(gate, "user:bob", "edit", "collection:c")
    add_member(gate, ADMIN, "team", "user:bob")
    assert may(gate, "user:bob", "edit", "collection:c")
    eventually(lambda: may(other, "user:bob", "edit", "collection:c"), within=A_BUSY_SECOND)
    remove_member(gate, ADMIN, "team", "user:bob")
    assert not may(gate, "user:bob", "view", "collection:c")
    eventually(lambda: not may(other, "user:bob", "view", "collection:c"), within=A_BUSY_SECOND)


def test_groups_nest_to_any_depth(gate: Gatepost) -> None:
    """The limit of 25 is `/stores`'s alone."""
    make_people(gate, "alice", "bob")
    for n in range(60):
        create_group(gate, ADMIN, f"g{n}")
        if n:
            add_member(gate, ADMIN, f"g{n - 1}", f"group:g{n}")
    add_member(gate, ADMIN, "g59", "user:bob")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "viewer", "group:g0")
    assert may(gate, "user:bob", "view", "collection:c")
    remove_member(gate, ADMIN, "g30", "group:g31")
    assert not may(gate, "user:bob", "view", "collection:c")


def test_a_circle_of_groups_answers_and_gives_nobody_else_anything(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob", "carol")
    for name in ("a", "b", "c"):
        create_group(gate, ADMIN, name)
    for outer, inner in (("a", "b"), ("b", "c"), ("c", "a")):
        add_member(gate, ADMIN, outer, f"group:{inner}")
    add_member(gate, ADMIN, "b", "user:bob")
    make_collection(gate, "alice", "x")
    share(gate, "alice", "collection:x", "viewer", "group:c")
    assert may(gate, "user:bob", "view", "collection:x")
    assert not may(gate, "user:carol", "view", "collection:x")
    remove_member(gate, ADMIN, "b", "user:bob")
    assert not may(gate, "user:bob", "view", "collection:x"), "a circle must not keep alive what nothing holds"


def test_a_group_is_no_member_of_itself(gate: Gatepost) -> None:
    create_group(gate, ADMIN, "g")
    for text in ("group:g", "group:g#member"):
        with pytest.raises(InvalidField):
            add_member(gate, ADMIN, "g", text)


NO_MEMBERS = [
    *("user:*", "service:*", "anonymous:*", "role:reader", "role:reader#assignee", "platform:main", "alice", "user:"),
    *("collection:c", "group:team#owner", "user:nobody", "service:none", "group:none", "user:a b", "user:\0"),
    "group:*",
]


@pytest.mark.parametrize("subject", NO_MEMBERS)
def test_what_cannot_be_a_member_is_a_field_that_is_wrong(gate: Gatepost, subject: str) -> None:
    make_group(gate, "team")
    with pytest.raises(InvalidField) as refused:
        add_member(gate, ADMIN, "team", subject)
    assert set(refused.value.fields) == {"subject"}
    assert list_members(gate, ADMIN, "team", Wanted()).items == []


def test_a_membership_says_where_it_came_from_and_synchronised_ones_are_not_removed_by_hand(gate: Gatepost) -> None:
    """Trap 7: what a provider says would come back; what people made stays theirs to take."""
    make_people(gate, "alice", "bob")
    make_group(gate, "team", "user:bob")
    synchronised(gate, "team", "user:alice")
    synchronised(gate, "team", "user:bob")
    found = [(m.subject, m.origin, m.author) for m in list_members(gate, ADMIN, "team", Wanted()).items]
    assert found == [
        ("user:alice", "sso:corp", "sso:corp"),
        ("user:bob", "manual", "user:admin"),
        ("user:bob", "sso:corp", "sso:corp"),
    ]
    walked, cursor = list[tuple[str, str, str]](), ""
    while not walked or cursor:  # a page may end between the two of one person
        page = list_members(gate, ADMIN, "team", Wanted(limit=1, cursor=cursor))
        walked += [(m.subject, m.origin, m.author) for m in page.items]
        cursor = page.next_cursor
    assert walked == found
    with pytest.raises(Conflict, match="sso:corp"):
        remove_member(gate, ADMIN, "team", "user:alice")
    remove_member(gate, ADMIN, "team", "user:bob")
    assert may(gate, "user:bob", "member", "group:team"), "the provider still says so"
    with pytest.raises(Conflict):
        remove_member(gate, ADMIN, "team", "user:bob")


def test_a_membership_with_an_end_ends_by_itself_and_the_longest_origin_counts(gate: Gatepost, dice: FakeDice) -> None:
    make_people(gate, "alice", "bob")
    make_group(gate, "team")
    for name in ("alice", "bob"):
        add_member(gate, ADMIN, "team", f"user:{name}", expires_at=gate.now() + timedelta(hours=1))
    synchronised(gate, "team", "user:bob")
    assert may(gate, "user:alice", "member", "group:team")
    dice.advance(timedelta(hours=1))
    assert not may(gate, "user:alice", "member", "group:team")
    assert may(gate, "user:bob", "member", "group:team")
    with pytest.raises(InvalidField, match="past"):
        add_member(gate, ADMIN, "team", "user:alice", expires_at=gate.now())


def test_a_deleted_group_leaves_no_tuple_and_its_name_no_rights(gate: Gatepost) -> None:
    """Trap 24, for groups: memberships, nestings, roles and shares go with it."""
    make_people(gate, "alice", "bob", "mallory")
    make_group(gate, "team", "user:bob")
    make_group(gate, "team-b")
    make_group(gate, "above")
    add_member(gate, ADMIN, "above", "group:team")
    add_member(gate, ADMIN, "team", "group:team-b")
    assign_role(gate, ADMIN, "reader", "group:team")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "editor", "group:team")
    share(gate, "alice", "collection:c", "viewer", "group:team-b")

    delete_group(gate, ADMIN, "team")

    assert tuples_naming(gate, "group:team") == []
    assert tuples_naming(gate, "group:team-b") == [("collection:c", "viewer", "group:team-b#member")]
    assert not may(gate, "user:bob", "view", "collection:c")
    create_group(gate, ADMIN, "team")
    add_member(gate, ADMIN, "team", "user:mallory")
    assert not may(gate, "user:mallory", "view", "collection:c")
    assert not may(gate, "user:mallory", "member", "group:above")


def test_who_may_what_with_groups(gate: Gatepost) -> None:
    make_people(gate, "alice")
    make_group(gate, "team", "user:alice")
    viewer = make_officer(gate, "viewer", ["group:view"])
    alice = person("alice")
    attempts = {
        "get": lambda who: get_group(gate, who, "team"),
        "members": lambda who: list_members(gate, who, "team", Wanted()),
        "change": lambda who: change_group(gate, who, "team", "x"),
        "add": lambda who: add_member(gate, who, "team", "user:viewer"),
        "remove": lambda who: remove_member(gate, who, "team", "user:alice"),
        "delete": lambda who: delete_group(gate, who, "team"),
        "create": lambda who: create_group(gate, who, "new"),
        "list": lambda who: list_groups(gate, who, Wanted()),
    }
    narrow = person("admin", scope="group:view")
    matrix = {
        name: [ending(attempt, who) for who in (NOBODY, alice, viewer, narrow)] for name, attempt in attempts.items()
    }
    four = [Unauthenticated, NotFound, Forbidden, Forbidden]
    assert matrix == {
        "get": [Unauthenticated, NotFound, None, None],
        "members": [Unauthenticated, NotFound, None, None],
        "change": four,
        "add": four,
        "remove": four,
        "delete": four,
        "create": [Unauthenticated, Forbidden, Forbidden, Forbidden],
        "list": [Unauthenticated, Forbidden, None, None],
    }
    assert may(gate, "user:alice", "member", "group:team")


def ending(attempt: object, who: object) -> type[GatepostError] | None:
    assert callable(attempt)
    try:
        attempt(who)
    except GatepostError as error:
        return type(error)
    return None


def test_names_of_groups(gate: Gatepost) -> None:
    make_group(gate, "Team")
    with pytest.raises(AlreadyExists):
        create_group(gate, ADMIN, "Team")
    create_group(gate, ADMIN, "team", "another one: only usernames are lower-cased")
    for name in ("", "a b", "a#member", "*", "..", "ä"):
        with pytest.raises(InvalidField, match="name"):
            create_group(gate, ADMIN, name)
    with pytest.raises(InvalidField, match="description"):
        change_group(gate, ADMIN, "team", "a\0b")
    for attempt in (lambda: get_group(gate, ADMIN, "none"), lambda: delete_group(gate, ADMIN, "none")):
        with pytest.raises(NotFound):
            attempt()
