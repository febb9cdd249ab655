"""Roles that a delegated token carries: for that call, and within what exists here."""

from __future__ import annotations

import pytest

from gatepost.authn.narrowing import narrow
from gatepost.directory.roles import assign_role, create_role
from gatepost.errors import Forbidden, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity
from gatepost.settings import ClaimRule
from tests.authn.conftest import OpenWith, delegated, who
from tests.conftest import ADMIN
from tests.sso.provider_in_process import Document, InProcessProvider

BOB: Document = {"sub": "bob-1", "email": "bob@corp.example"}
DATASET = Entity("dataset", "d")


def opened(op: InProcessProvider, open_with: OpenWith, **changes: object) -> Gatepost:
    gate = open_with(delegated(op, **{"claims_map": {"roles": ClaimRule("$.roles", ())}, **changes}))
    create_role(gate, ADMIN, "curator", ["dataset:edit"])
    return gate


def test_a_claimed_role_holds_for_that_call_only(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = opened(op, open_with)

    with_role = who(gate, op.token(**BOB, roles=["curator", "no-such-role"]))

    assert with_role.roles == {"curator"}
    assert gate.may(with_role, "edit", DATASET)
    assert not gate.may(who(gate, op.token(**BOB)), "edit", DATASET)


def test_admin_comes_by_admin_roles_or_role_map_alone(op: InProcessProvider, open_with: OpenWith) -> None:
    """HA-10, HA-11, HA-12: `admin` among the claims is a word; a role that is mapped to it opens everything."""
    gate = opened(op, open_with, admin_roles=("root",), role_map={"/admins": "admin", "staff": "reader"})

    assert who(gate, op.token(**BOB, roles=["admin"])).roles == frozenset()
    assert who(gate, op.token(**BOB, roles=["root"])).roles == {"admin"}
    assert who(gate, op.token(**BOB, groups=["/admins"])).roles == {"admin"}
    assert who(gate, op.token(**BOB, roles=["staff"])).roles == {"reader"}
    assert gate.may(who(gate, op.token(**BOB, groups=["/admins"])), "user:create")
    assert not gate.may(who(gate, op.token(**BOB)), "user:create")


def test_the_default_role_narrows_unless_another_is_asked_for(op: InProcessProvider, open_with: OpenWith) -> None:
    """HA-X5: absent = the default role; another of one's own can be chosen, no foreign one."""
    gate = opened(op, open_with, claims_map={"roles": ClaimRule("$.roles"), "default_role": ClaimRule("$.roles[0]")})
    caller = who(gate, op.token(**BOB, roles=["reader", "curator"]))

    assert caller.role == "reader"
    assert gate.may(caller, "view", DATASET)
    assert not gate.may(caller, "edit", DATASET)
    assert gate.may(narrow(gate, caller, "curator"), "edit", DATASET)
    with pytest.raises(Forbidden):
        narrow(gate, caller, "admin")


def test_a_default_role_that_is_nobodys_is_refused(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = opened(op, open_with, claims_map={"default_role": ClaimRule("$.role")})

    with pytest.raises(InvalidToken):
        who(gate, op.token(**BOB, role="curator"))
    assign_role(gate, ADMIN, "curator", "user:bob@corp.example")
    assert who(gate, op.token(**BOB, role="curator")).role == "curator"
    with pytest.raises(InvalidToken):
        who(gate, op.token(**BOB, role="admin"))


@pytest.mark.parametrize("roles", [7, {"a": 1}, ["curator", 7]])
def test_roles_of_the_wrong_type_are_refused(op: InProcessProvider, open_with: OpenWith, roles: object) -> None:
    with pytest.raises(InvalidToken):
        who(opened(op, open_with), op.token(**BOB, roles=roles))
