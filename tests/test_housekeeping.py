"""What has served its time is cleared away, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Table, func, select

from gatepost.directory.groups import add_member, create_group, list_members
from gatepost.directory.pages import Wanted
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.housekeeping import clear_away
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.tokens.sign_in import PasswordTry, prove_by_password, sign_in_for_tokens
from tests.dice import FakeDice

PASSWORD = "seven-wet-herons"


def count(gate: Gatepost, table: Table) -> int:
    with gate.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_time_bound_membership_goes_with_a_record_once_its_time_is_over(
    gate: Gatepost, admin: Principal, dice: FakeDice
) -> None:
    create_user(gate, admin, NewUser(username="alice", password=PASSWORD))
    create_group(gate, admin, "night-shift")
    add_member(gate, admin, "night-shift", "user:alice", expires_at=gate.now() + timedelta(hours=1))

    clear_away(gate)
    assert [m.subject for m in list_members(gate, admin, "night-shift", Wanted()).items] == ["user:alice"]

    dice.advance(timedelta(hours=2))
    clear_away(gate)
    assert list_members(gate, admin, "night-shift", Wanted()).items == []
    with gate.database.read() as connection:
        t = tables.audit
        events = connection.execute(select(t.c.event).where(t.c.target == "group:night-shift")).scalars().all()
    assert "access.expired" in events


def test_old_sessions_and_refresh_tokens_go_and_live_ones_stay(
    gate: Gatepost, admin: Principal, dice: FakeDice
) -> None:
    create_user(gate, admin, NewUser(username="alice", password=PASSWORD))
    attempt = PasswordTry(username="alice", password=PASSWORD, address="192.0.2.1")
    sign_in_for_tokens(gate, prove_by_password(gate, attempt), attempt)
    dice.advance(timedelta(days=60))
    sign_in_for_tokens(gate, prove_by_password(gate, attempt), attempt)

    clear_away(gate)

    assert count(gate, tables.sessions) == 1
    assert count(gate, tables.refresh_tokens) == 1


def test_the_newest_revisions_stay_however_old_they_are(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    create_group(gate, admin, "old-hands")
    before = count(gate, tables.changelog)
    dice.advance(timedelta(days=365))

    clear_away(gate)

    assert count(gate, tables.changelog) == before
