"""A rehearsed sign-in says what the real one does, and leaves nothing behind, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from gatepost.directory.groups import create_group
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import CarriedRoles
from gatepost.sso.rehearsal import foresee, rehearse
from gatepost.store import tables
from tests.conftest import ADMIN, OpenGate
from tests.sso.corp import CORP, TRUSTED, come, said, with_providers

NONE = CarriedRoles((), frozenset(), None)
MAKES_GROUPS = replace(CORP, auto_create_groups=True)
MAPS = replace(CORP, role_map={"data": "admin", "ops": "no-such-role"})


@pytest.fixture
def gate(open_gate: OpenGate, database_url: str) -> Gatepost:
    return open_gate(with_providers(database_url))


def everything(gate: Gatepost) -> dict[str, list[str]]:
    with gate.database.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table)))) for name, table in tables.metadata.tables.items()
        }


def held(gate: Gatepost, username: str, relation: str) -> tuple[Any, ...]:
    t = tables.tuples
    with gate.database.read() as connection:
        query = select(t.c.object).where(t.c.subject == f"user:{username}", t.c.relation == relation)
        return tuple(sorted(name.partition(":")[2] for name in connection.execute(query).scalars()))


@pytest.mark.parametrize("settings", [CORP, TRUSTED, MAKES_GROUPS, MAPS])
@pytest.mark.parametrize("groups", [None, (), ("data", "unknown"), ("ops",)])
def test_what_it_says_is_what_happens(
    gate: Gatepost, settings: ProviderSettings, groups: tuple[str, ...] | None
) -> None:
    create_group(gate, ADMIN, "data", "")
    for person in (said(groups=groups), said(groups=("data",)), said(groups=groups)):
        before, revision = everything(gate), gate.database.head().number

        told = rehearse(gate, settings, person, NONE)

        assert everything(gate) == before
        assert gate.database.head().number == revision
        come(gate, person, settings)
        assert (told.groups.names, told.roles.names) == (held(gate, "alice", "member"), held(gate, "alice", "assignee"))
        assert told.clash == ""


def test_nothing_of_it_is_in_memory(gate: Gatepost) -> None:
    rehearse(gate, MAPS, said(groups=("data",)), NONE)
    assert not gate.check("user:alice", "user:create", "platform:main").allowed
    create_user(gate, ADMIN, NewUser(username="alice"))


def test_a_clash_is_told_and_not_kept(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", email="alice@corp.example"))
    before = everything(gate)
    assert "belongs to another account" in rehearse(gate, CORP, said(), NONE).clash
    assert everything(gate) == before


def test_what_is_foreseen_does_not_depend_on_accounts(gate: Gatepost) -> None:
    person: SignedIn = said(groups=("data", "unknown"))
    create_group(gate, ADMIN, "data", "")
    before = foresee(gate, MAPS, person, NONE)
    assert (before.groups.names, before.roles.names) == (("data",), ("admin", "user"))
    create_user(gate, ADMIN, NewUser(username="alice"))
    assert foresee(gate, MAPS, person, NONE) == before


@pytest.mark.parametrize(("default", "has"), [("user", True), ("admin", False), (None, True)])
def test_the_default_role(gate: Gatepost, default: str | None, has: bool) -> None:
    carried = CarriedRoles((), frozenset(), default)
    assert rehearse(gate, CORP, said(), carried).has_default is has
    assert foresee(gate, CORP, said(), carried).has_default is (True if has else None)
