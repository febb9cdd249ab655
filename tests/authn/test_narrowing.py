"""`X-Gatepost-Role`: one of one's own roles, and it only ever takes away (HA-X5, section 2 number 21)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.authn.narrowing import narrow
from gatepost.directory.groups import add_member
from gatepost.directory.roles import assign_role, create_role, unassign_role
from gatepost.errors import Forbidden, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from tests.dice import FakeDice
from tests.directory.people import ADMIN, NOBODY, make_collection, make_group, make_people, person, share


@pytest.fixture
def alice(gate: Gatepost) -> Principal:
    """She has two roles, one of them by a group, and each has a share; and shares of her own and of her group."""
    make_people(gate, "alice", "owner")
    make_group(gate, "team", "user:alice")
    for role, permission in (("analyst", "dataset:view"), ("auditor", "audit:view")):
        create_role(gate, ADMIN, role, [permission])
        make_collection(gate, "owner", f"of-{role}")
        share(gate, "owner", f"collection:of-{role}", "editor", f"role:{role}")
    assign_role(gate, ADMIN, "analyst", "user:alice")
    assign_role(gate, ADMIN, "auditor", "group:team")
    for name, subject in (("hers", "user:alice"), ("teams", "group:team")):
        make_collection(gate, "owner", name)
        share(gate, "owner", f"collection:{name}", "editor", subject)
    return person("alice")


def edits(gate: Gatepost, caller: Principal) -> set[str]:
    names = ("of-analyst", "of-auditor", "hers", "teams")
    return {name for name in names if gate.may(caller, "edit", Entity("collection", name))}


def test_the_chosen_role_counts_and_no_other(gate: Gatepost, alice: Principal) -> None:
    """Without a choice roles add up, and none takes anything away (section 2 number 21 for HA-X13 and IF-X12's deny)."""
    assert edits(gate, alice) == {"of-analyst", "of-auditor", "hers", "teams"}
    analyst, auditor = narrow(gate, alice, "analyst"), narrow(gate, alice, "auditor")
    assert edits(gate, analyst) == {"of-analyst", "hers", "teams"}
    assert edits(gate, auditor) == {"of-auditor", "hers", "teams"}
    assert gate.may(auditor, "audit:view")
    assert not gate.may(analyst, "audit:view")
    assert gate.may(analyst, "view", Entity("dataset", "any"))
    assert not gate.may(auditor, "view", Entity("dataset", "any"))
    assert not gate.may(auditor, "dataset:create"), "the role `user` is another one"


@pytest.mark.parametrize("role", ["admin", "reader", "decider", "none", "", "*", "role:analyst", "Analyst", "\0"])
def test_a_role_of_somebody_else_is_refused(gate: Gatepost, alice: Principal, role: str) -> None:
    """A header never adds anything."""
    with pytest.raises(Forbidden):
        narrow(gate, alice, role)


def test_it_ends_with_the_role(gate: Gatepost, alice: Principal, dice: FakeDice) -> None:
    analyst = narrow(gate, alice, "analyst")
    unassign_role(gate, ADMIN, "analyst", "user:alice")
    assert edits(gate, analyst) == {"hers", "teams"}
    with pytest.raises(Forbidden):
        narrow(gate, alice, "analyst")
    assign_role(gate, ADMIN, "analyst", "user:alice", expires_at=gate.now() + timedelta(minutes=1))
    narrow(gate, alice, "analyst")
    dice.advance(timedelta(minutes=1))
    with pytest.raises(Forbidden):
        narrow(gate, alice, "analyst")


def test_an_admin_narrowed_is_no_admin(gate: Gatepost) -> None:
    create_role(gate, ADMIN, "analyst", ["dataset:view"])
    assign_role(gate, ADMIN, "analyst", "user:admin")
    careful = narrow(gate, ADMIN, "analyst")
    assert not gate.may(careful, "user:create")
    with pytest.raises(NotFound):
        add_member(gate, careful, "team", "user:admin")


def test_whoever_is_anonymous_has_the_roles_of_anonymous(gate: Gatepost) -> None:
    with pytest.raises(Unauthenticated):
        narrow(gate, NOBODY, "reader")
    assign_role(gate, ADMIN, "reader", "anonymous:*")
    assert gate.may(narrow(gate, NOBODY, "reader"), "view", Entity("dataset", "any"))
