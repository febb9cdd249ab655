"""What comes all day is a few records with a count: the trail does not grow by waiting, nor by whoever tries for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import journal as journal_module
from gatepost.store import tables
from gatepost.store.journal import HELD
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.store.test_no_write_for_a_read import failing

SHOP = Principal(
    subject=Entity("service", "shop"), method=Method.SERVICE_TOKEN, scope=None, issuer=Entity("user", "admin")
)


def polled(gate: Gatepost, target: str = "GET /api/v1/revocations", place: str = "192.0.2.1") -> None:
    record = AuditRecord.of(SHOP, "service.called", target, at=gate.now())
    gate.journal.note_now_and_then(record, place=place)


def rows(gate: Gatepost) -> list[Any]:
    a = tables.audit
    with gate.database.read() as connection:
        return list(connection.execute(select(a).where(a.c.event == "service.called").order_by(a.c.id)).all())


def test_a_day_of_waiting_is_a_hundred_records_and_no_call_is_lost(gate: Gatepost, dice: FakeDice) -> None:
    """DH-17: each call is on record with who issued the token; a wait of half a minute all day long is 2,880 of them."""
    for number in range(2_880):
        polled(gate)
        if number % 20 == 0:
            gate.journal.flush(whole=False)
        dice.advance(timedelta(seconds=30))
    gate.journal.flush()

    found = rows(gate)
    assert len(found) <= timedelta(days=1) / HELD + 2
    assert sum(row.count for row in found) == 2_880
    assert {(row.subject, row.issuer, row.target) for row in found} == {
        ("service:shop", "user:admin", "GET /api/v1/revocations")
    }


def test_the_first_is_written_at_once_and_a_reader_sees_the_rest(gate: Gatepost, dice: FakeDice) -> None:
    polled(gate)
    gate.journal.flush(whole=False)
    assert [row.count for row in rows(gate)] == [1]

    for _ in range(5):
        dice.advance(timedelta(seconds=10))
        polled(gate)
    gate.journal.flush(whole=False)
    assert [row.count for row in rows(gate)] == [1], "held"

    newest = read_audit(gate, ADMIN, Wanted(), Filter(event="service.called")).items[0]
    assert (newest.count, newest.at) == (5, dice.now())


def test_what_differs_is_its_own_record(gate: Gatepost) -> None:
    polled(gate)
    polled(gate, target="GET /elsewhere")
    polled(gate, place="192.0.2.2")
    gate.journal.flush(whole=False)

    assert [row.count for row in rows(gate)] == [1, 1, 1]


def test_what_cannot_be_written_is_kept(gate: Gatepost, dice: FakeDice) -> None:
    polled(gate)
    polled(gate)
    with failing(gate), pytest.raises(Unavailable):
        gate.journal.flush()
    polled(gate)
    gate.journal.flush()

    assert sum(row.count for row in rows(gate)) == 3


def test_it_is_bounded_and_forgets(gate: Gatepost, dice: FakeDice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who varies what stands in the record fills no memory."""
    monkeypatch.setattr(journal_module, "MOST_RECORDS", 10)
    journal = gate.journal
    for number in range(25):
        polled(gate, target=f"GET /{number}")
    assert len(journal._held) == len(journal._held_since) == 10

    journal.flush()
    dice.advance(HELD)
    journal.flush(whole=False)
    assert journal._held == journal._held_since == {}


def test_closing_writes_what_is_held(gate: Gatepost, second_gate: Gatepost) -> None:
    polled(gate)
    gate.journal.flush(whole=False)
    polled(gate)

    gate.close()

    assert sum(row.count for row in rows(second_gate)) == 2
