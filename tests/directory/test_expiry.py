"""Grants that end by themselves: each leaves one record, whichever process notices first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from gatepost.directory.expiry import remove_expired
from gatepost.directory.groups import add_member
from gatepost.directory.roles import assign_role
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.gate import Gatepost
from gatepost.store import tables
from tests.conftest import OpenGate
from tests.dice import NOON, FakeDice
from tests.directory.people import ADMIN, make_collection, make_group, make_people, may, person, tuples_naming

T = NOON + timedelta(hours=1)
PROCESSES = 3


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def ended(gate: Gatepost) -> list[tuple[str, str, str, str, str]]:
    """(target, relation, subject, who had granted it, until when) of the records of ended grants."""
    t = tables.audit
    with gate.database.read() as connection:
        rows = connection.execute(select(t).where(t.c.event == "access.expired").order_by(t.c.target)).all()
    return [(r.target, r.detail["relation"], r.detail["subject"], r.subject, r.reason) for r in rows]


def test_a_share_a_role_and_a_membership_end_with_one_record_each_over_several_processes(
    gate: Gatepost, open_gate: OpenGate, gate_url: str, dice: FakeDice
) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "sales")
    make_group(gate, "night-shift")
    wanted = NewGrant(subject="user:bob", relation="viewer", expires_at=T)
    grant_access(gate, person("alice"), "collection", "sales", wanted)
    assign_role(gate, ADMIN, "reader", "user:bob", expires_at=T)
    add_member(gate, ADMIN, "night-shift", "user:bob", expires_at=T)
    processes = [gate, *(open_gate(gate_url) for _ in range(PROCESSES - 1))]

    dice.advance(timedelta(hours=1))
    assert not may(gate, "user:bob", "view", "collection:sales")
    assert ended(gate) == []  # it has ended, and nobody has looked yet

    together = Barrier(PROCESSES)

    def notice(each: Gatepost) -> int:
        together.wait()
        return remove_expired(each)

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert sum(pool.map(notice, processes)) == 3
    until = f"granted until {T.isoformat()}"
    assert ended(gate) == [
        ("collection:sales", "viewer", "user:bob", "user:alice", until),
        ("group:night-shift", "member", "user:bob", "user:admin", until),
        ("role:reader", "assignee", "user:bob", "user:admin", until),
    ]
    assert tuples_naming(gate, "user:bob") == [("role:user", "assignee", "user:bob")]
    assert [remove_expired(each) for each in processes] == [0] * PROCESSES


def test_a_grant_that_was_prolonged_in_time_leaves_no_record(gate: Gatepost, dice: FakeDice) -> None:
    make_people(gate, "bob")
    assign_role(gate, ADMIN, "reader", "user:bob", expires_at=T)
    assign_role(gate, ADMIN, "reader", "user:bob", expires_at=T + timedelta(hours=1))
    dice.advance(timedelta(hours=1))
    assert remove_expired(gate) == 0
    assert ended(gate) == []
    assert may(gate, "user:bob", "view", "collection:any")
