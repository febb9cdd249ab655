"""Whoever holds something until a moment hands out nothing that lasts beyond it.  Each test is an attack that must fail,
beside the same thing for as long as the attacker holds it, which must go through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.access import write_model_json
from gatepost.directory.groups import add_member
from gatepost.directory.resources import ResourceChange, change_resource
from gatepost.directory.roles import assign_role, change_role, create_role
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewPassword, UserChange, change_user, delete_user, set_password
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.stores.keys import TupleKey
from gatepost.stores.models import write_version
from gatepost.stores.writes import TupleWrite, write_tuples
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.dice import NOON, FakeDice
from tests.directory.people import (
    ADMIN,
    GOOD_PASSWORD,
    make_collection,
    make_dataset,
    make_group,
    make_people,
    may,
    person,
    share,
)

T = NOON + timedelta(hours=2)
SOONER, LATER = T - timedelta(minutes=1), T + timedelta(seconds=1)
SAYS_UNTIL = "until 2026-11-22 14:00:00 UTC"


@pytest.fixture
def company(gate: Gatepost) -> Gatepost:
    """Sales is Carol's.  Bob owns it too, until two o'clock; Dan is an admin until then."""
    make_people(gate, "alice", "bob", "carol", "dan")
    make_collection(gate, "carol", "sales")
    make_dataset(gate, "carol", "q3", "collection:sales")
    grant(gate, person("carol"), "collection:sales", "owner", "user:bob", T)
    assign_role(gate, ADMIN, "admin", "user:dan", expires_at=T)
    return gate


BOB, DAN = person("bob"), person("dan")


def grant(gate: Gatepost, caller: Principal, resource: str, relation: str, subject: str, until: object = None) -> None:
    kind, _, name = resource.partition(":")
    wanted = NewGrant(subject=subject, relation=relation, expires_at=until)  # type: ignore[arg-type]
    grant_access(gate, caller, kind, name, wanted)


@pytest.mark.parametrize("relation", ["owner", "editor", "viewer"])
@pytest.mark.parametrize("subject", ["user:bob", "user:alice"])
def test_an_owner_for_a_time_shares_for_that_time(company: Gatepost, relation: str, subject: str) -> None:
    for until in (None, LATER):
        with pytest.raises(Forbidden, match=SAYS_UNTIL):
            grant(company, BOB, "collection:sales", relation, subject, until)
    grant(company, BOB, "collection:sales", relation, subject, T)
    assert may(company, subject, "view", "collection:sales")


def test_what_is_handed_out_for_a_time_is_over_with_it(company: Gatepost, dice: FakeDice) -> None:
    grant(company, BOB, "collection:sales", "owner", "user:alice", T)
    dice.advance(timedelta(hours=2))
    assert not may(company, "user:bob", "view", "collection:sales")
    assert not may(company, "user:alice", "view", "collection:sales")


def test_a_longer_time_is_not_made_of_a_shorter_one(company: Gatepost) -> None:
    grant(company, BOB, "collection:sales", "viewer", "user:alice", SOONER)
    with pytest.raises(Forbidden, match="longer"):
        grant(company, BOB, "collection:sales", "viewer", "user:alice", LATER)


def test_through_what_it_is_inside_of(company: Gatepost) -> None:
    """What Bob may do to the dataset he may by the collection, until two; in a collection of his own it would stay."""
    assert may(company, "user:bob", "manage_access", "dataset:q3")
    make_collection(company, "bob", "mine")
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        change_resource(company, BOB, "dataset", "q3", ResourceChange(parent="collection:mine"))
    grant(company, person("carol"), "collection:sales", "owner", "user:bob")
    change_resource(company, BOB, "dataset", "q3", ResourceChange(parent="collection:mine"))


def test_through_a_group(company: Gatepost) -> None:
    """The share is for good; that Alice is in the group is not.  And the other way round."""
    make_group(company, "for-an-hour", "user:carol")
    add_member(company, ADMIN, "for-an-hour", "user:alice", expires_at=T)
    share(company, "carol", "collection:sales", "owner", "group:for-an-hour#member")
    make_group(company, "for-good", "user:alice")
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        grant(company, person("alice"), "collection:sales", "viewer", "user:alice")
    grant(company, person("alice"), "collection:sales", "viewer", "user:alice", T)
    grant(company, person("carol"), "collection:sales", "owner", "group:for-good#member", LATER)
    grant(company, person("alice"), "collection:sales", "viewer", "user:bob", LATER)
    with pytest.raises(Forbidden, match="until 2026-11-22 14:00:01"):
        grant(company, person("alice"), "collection:sales", "viewer", "user:bob", LATER + timedelta(seconds=1))


def test_by_a_role_that_goes_on_when_the_relation_has_ended(company: Gatepost) -> None:
    """A role's permission ends at its type: what is inside is handed out too, and is not held after two o'clock."""
    create_role(company, ADMIN, "collectors", ["collection:*"])
    assign_role(company, ADMIN, "collectors", "user:bob")
    with pytest.raises(Forbidden, match=r"hand out dataset:"):
        grant(company, BOB, "collection:sales", "viewer", "user:alice")
    grant(company, BOB, "collection:sales", "viewer", "user:alice", T)


def test_moving_what_is_held_for_a_time_into_what_is_held_for_good(company: Gatepost) -> None:
    make_collection(company, "bob", "mine")
    grant(company, person("carol"), "dataset:q3", "owner", "user:bob", T)
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        change_resource(company, BOB, "dataset", "q3", ResourceChange(parent="collection:mine"))
    change_resource(company, BOB, "dataset", "q3", ResourceChange(parent=""))  # takes away, and hands out nothing


def test_an_admin_for_a_time_makes_none_for_longer(company: Gatepost) -> None:
    for subject in ("user:dan", "user:alice"):
        for until in (None, LATER):
            with pytest.raises(Forbidden, match=SAYS_UNTIL):
                assign_role(company, DAN, "admin", subject, expires_at=until)
    assign_role(company, DAN, "admin", "user:alice", expires_at=T)


def test_an_admin_for_a_time_adds_to_groups_for_that_time(company: Gatepost, dice: FakeDice) -> None:
    make_group(company, "admins")
    assign_role(company, ADMIN, "admin", "group:admins#member")
    for until in (None, LATER):
        with pytest.raises(Forbidden, match=SAYS_UNTIL):
            add_member(company, DAN, "admins", "user:dan", expires_at=until)
    add_member(company, DAN, "admins", "user:dan", expires_at=T)
    dice.advance(timedelta(hours=2))
    assert not may(company, "user:dan", "user:create")


def test_the_right_to_assign_ends_too(company: Gatepost) -> None:
    """Dan has the role `reader` for good; that he may give it to others is for a time."""
    assign_role(company, ADMIN, "reader", "user:dan")
    with pytest.raises(Forbidden, match=f"role:assign for a time.*{SAYS_UNTIL}"):
        assign_role(company, DAN, "reader", "user:alice")
    assign_role(company, DAN, "reader", "user:alice", expires_at=T)


def test_what_a_group_has_for_a_time_is_compared_for_that_time(company: Gatepost) -> None:
    """Both the group and whoever adds to it have the share until two: a membership for good gives nobody more."""
    make_group(company, "contractors", "user:alice")
    grant(company, person("carol"), "collection:sales", "editor", "group:contractors#member", T)
    create_role(company, ADMIN, "hosts", ["group:view", "group:edit"])
    assign_role(company, ADMIN, "hosts", "user:alice")
    add_member(company, person("alice"), "contractors", "user:bob")
    grant(company, person("carol"), "collection:sales", "editor", "group:contractors#member", LATER)
    grant(company, person("carol"), "collection:sales", "editor", "user:alice", T)
    add_member(company, ADMIN, "contractors", "user:alice", expires_at=T)
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        add_member(company, person("alice"), "contractors", "user:dan")


def test_roles_are_made_and_widened_by_whoever_holds_them_for_good(company: Gatepost) -> None:
    create_role(company, ADMIN, "theirs", ["user:view"])
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        create_role(company, DAN, "backdoor", ["*:*"])
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        change_role(company, DAN, "theirs", permissions=["user:view", "audit:view"])
    change_role(company, DAN, "theirs", permissions=[])


def test_passwords_and_addresses_of_whoever_holds_more_for_longer(company: Gatepost) -> None:
    for attack in (
        lambda: set_password(company, DAN, "admin", NewPassword(password=GOOD_PASSWORD)),
        lambda: set_password(company, DAN, "carol", NewPassword(password=GOOD_PASSWORD)),
        lambda: change_user(company, DAN, "carol", UserChange(email="dan@elsewhere.example")),
        lambda: change_user(company, DAN, "carol", UserChange(email_verified=True)),
        lambda: delete_user(company, DAN, "carol", transfer_to="dan"),
    ):
        with pytest.raises(Forbidden, match="longer"):
            attack()
    change_user(company, DAN, "carol", UserChange(display_name="Carol C."))
    change_user(company, DAN, "carol", UserChange(disabled=True))
    with pytest.raises(Forbidden, match="longer"):
        change_user(company, DAN, "carol", UserChange(disabled=False))


def test_a_token_of_an_admin_for_a_time_is_worth_nothing_afterwards(company: Gatepost, dice: FakeDice) -> None:
    """It may live on: authority is what its owner has when it is used."""
    issued = issue_api_token(company, DAN, WantedToken(name="mine"))
    assert issued.token.expires_at is None
    dice.advance(timedelta(hours=2))
    assert not may(company, str(issued.token.owner), "user:create")


def test_a_service_token_ends_before_the_right_to_make_it(company: Gatepost) -> None:
    def issue(service: str, role: str, until: object) -> None:
        wanted = WantedServiceToken(name=service, role=role, expires_at=until)  # type: ignore[arg-type]
        issue_service_token(company, DAN, wanted)

    for until in (None, LATER, T):  # a new service has its role for good
        with pytest.raises(Forbidden, match=SAYS_UNTIL):
            issue("robot", "admin", until)
    issue_service_token(company, ADMIN, WantedServiceToken(name="robot", role="admin"))
    for until in (None, LATER):
        with pytest.raises(Forbidden, match=SAYS_UNTIL):
            issue("robot", "admin", until)
    issue("robot", "admin", T)


def test_neither_tuples_nor_models_are_written_by_the_back_door(company: Gatepost) -> None:
    record = company.memory.stores.main
    assert record is not None
    key = TupleKey("user:dan", "owner", "collection:sales")
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        write_tuples(company, DAN, record.id, TupleWrite(writes=[key], deletes=[]))
    with pytest.raises(Forbidden, match=SAYS_UNTIL):
        write_version(company, DAN, record.id, write_model_json(company.memory.graph.model))
    write_tuples(
        company, DAN, record.id, TupleWrite(writes=[], deletes=[TupleKey("user:bob", "owner", "collection:sales")])
    )


def test_nothing_of_this_is_remembered(company: Gatepost, dice: FakeDice) -> None:
    """To look at a later moment must not make memory believe that it has come."""
    with pytest.raises(Forbidden):
        grant(company, BOB, "collection:sales", "owner", "user:bob")
    assert may(company, "user:bob", "manage_access", "collection:sales")
    assert may(company, "user:dan", "user:create")


def test_the_right_to_edit_roles_ends_too(company: Gatepost) -> None:
    create_role(company, ADMIN, "mine", ["audit:view"])
    create_role(company, ADMIN, "editors-of-roles", ["role:view", "role:edit"])
    assign_role(company, ADMIN, "mine", "user:alice")
    assign_role(company, ADMIN, "editors-of-roles", "user:alice", expires_at=T)
    create_role(company, ADMIN, "others", [])
    with pytest.raises(Forbidden, match=f"role:edit for a time.*{SAYS_UNTIL}"):
        change_role(company, person("alice"), "others", permissions=["audit:view"])


def test_an_owner_for_good_who_also_holds_something_for_a_time_shares_for_good(company: Gatepost) -> None:
    """What ends beside what stays takes nothing from it."""
    grant(company, person("carol"), "collection:sales", "viewer", "user:carol", T)
    grant(company, person("carol"), "collection:sales", "owner", "user:alice")
    assert may(company, "user:alice", "manage_access", "collection:sales")
