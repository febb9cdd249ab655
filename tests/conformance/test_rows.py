"""Rows: times to the microsecond, values as they were given, keys that are taken, and pages that miss nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.groups import create_group, list_groups
from gatepost.directory.pages import Wanted, read_page
from gatepost.errors import AlreadyExists, InvalidField, InvalidToken, Throttled
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.store.columns import from_micros, to_micros
from gatepost.tokens import throttle
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, read_token, revoke_api_token
from gatepost.tokens.refresh_tokens import first_pair, refresh
from gatepost.tokens.secrets import digest
from gatepost.tokens.sessions import Arrival, NewSession, end_sessions, open_session, read_session
from tests.dice import NOON, FakeDice

MOMENTS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 29, 2, 30, 0, 123_457, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_times_come_back_to_the_microsecond_and_in_utc(gate: Gatepost, moment: datetime) -> None:
    row = {"digest": b"\0\xff", "expires_at": moment}
    with gate.database.write() as connection:
        connection.execute(insert(tables.used_once).values(**row))
        found = connection.execute(select(tables.used_once)).one()

    assert found.expires_at == moment
    assert found.expires_at.utcoffset() == timedelta(0)
    assert found.digest == b"\0\xff"
    assert from_micros(to_micros(moment)) == moment


def test_times_are_compared_to_the_microsecond(gate: Gatepost) -> None:
    t = tables.used_once
    with gate.database.write() as connection:
        connection.execute(insert(t).values(digest=b"x", expires_at=NOON))
        just_after = NOON + timedelta(microseconds=1)
        assert connection.execute(select(t).where(t.c.expires_at < just_after)).one_or_none() is not None
        assert connection.execute(select(t).where(t.c.expires_at < NOON)).one_or_none() is None


VALUES: list[Any] = [
    {},
    [],
    {"a": [1, "x", None, True]},
    '\N{SNOWMAN} "quoted" \\ \'',
    {"\N{LATIN SMALL LETTER E WITH ACUTE}": 1.5},
]


@pytest.mark.parametrize("value", VALUES)
def test_small_json_values_come_back_as_they_were(gate: Gatepost, value: Any) -> None:
    with gate.database.write() as connection:
        record = AuditRecord(event="e", target="t", subject="s", method="m", at=NOON, detail=value)
        gate.database.write_audit(connection, [record])
        t = tables.audit
        assert connection.execute(select(t.c.detail).where(t.c.event == "e")).scalar_one() == value


def test_an_audit_record_comes_back_whole(gate: Gatepost) -> None:
    record = AuditRecord(
        event="token.used",
        target="collection:sales",
        subject="service:etl",
        method="service_token",
        at=NOON + timedelta(microseconds=7),
        outcome=Outcome.FAILED,
        actor="user:ann",
        issuer="user:admin",
        credential_id="01ABC",
        reason="because",
        address="2001:db8::1",
        count=3,
        detail={"k": "v"},
        id="01" + "Z" * 24,
    )
    with gate.change_unasked() as tx:
        tx.record(record)
    with gate.database.read() as connection:
        row = connection.execute(select(tables.audit).where(tables.audit.c.id == record.id)).one()

    assert AuditRecord(**(row._asdict() | {"revision": None})) == record
    assert row.revision == str(gate.memory.revision), "it names the state that it was decided on"


def test_a_key_that_is_taken_is_refused_by_the_database_itself(gate: Gatepost, admin: Principal) -> None:
    create_group(gate, admin, "team")
    with pytest.raises(AlreadyExists):
        create_group(gate, admin, "team")
    create_group(gate, admin, "Team")

    values = {"name": "team", "description": "", "origin": "manual", "created_at": NOON, "created_by": "x"}
    with pytest.raises(IntegrityError), gate.database.write() as connection:
        connection.execute(insert(tables.groups).values(**values))


def test_tokens(gate: Gatepost, admin: Principal) -> None:
    until = NOON + timedelta(days=1, microseconds=1)
    issued = issue_api_token(gate, admin, WantedToken(name="  script  ", expires_at=until))

    record = read_token(gate, digest(issued.secret))
    assert record == issued.token
    assert (record.name, record.expires_at, record.last_used_at, record.owner) == ("script", until, None, admin.subject)

    revoke_api_token(gate, admin, issued.token.id)
    assert read_token(gate, digest(issued.secret)) is None
    with gate.database.read() as connection:
        stored = repr([connection.execute(select(table)).all() for table in (tables.audit, tables.changelog)])
    assert issued.secret not in stored


def sign_in(gate: Gatepost, admin: Principal, *, cookie: bool) -> NewSession:
    with gate.change_unasked() as tx:
        arrival = Arrival(method="password", address="192.0.2.1", agent="x" * 1000, id_token="a.b.c")
        return open_session(gate, tx, admin.subject, arrival, cookie=cookie)


def test_sessions(gate: Gatepost, admin: Principal) -> None:
    opened = sign_in(gate, admin, cookie=True)
    assert read_session(gate, digest(opened.secret)) == opened.record
    assert len(opened.record.agent) == 200

    with gate.change_unasked() as tx:
        assert end_sessions(tx, [opened.record.id, "no such session"]) == 1
    assert read_session(gate, digest(opened.secret)) is None
    with gate.change_unasked() as tx:
        assert end_sessions(tx, [opened.record.id]) == 0, "the first ending counts"
    with gate.database.read() as connection:
        row = connection.execute(select(tables.sessions)).one()
    assert (row.ended_at, row.id_token) == (NOON, None)


def test_sessions_without_a_cookie_do_not_stand_in_each_others_way(gate: Gatepost, admin: Principal) -> None:
    """A unique digest is no digest for many: both databases let several rows have none."""
    assert sign_in(gate, admin, cookie=False).secret == ""
    assert sign_in(gate, admin, cookie=False).secret == ""


def test_refresh_tokens_are_rotated_and_reuse_ends_the_family(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    with gate.change_unasked() as tx:
        opened = open_session(gate, tx, admin.subject, Arrival(method="password", address=""), cookie=False)
        first = first_pair(gate, tx, admin.subject, opened.record.id)

    second = refresh(gate, first.refresh_token)
    dice.advance(timedelta(seconds=3))
    assert refresh(gate, first.refresh_token).refresh_token == second.refresh_token, "the other tab"
    dice.advance(timedelta(microseconds=1))
    with pytest.raises(InvalidToken):
        refresh(gate, first.refresh_token)
    with pytest.raises(InvalidToken):
        refresh(gate, second.refresh_token)
    assert gate.memory.has_ended(opened.record.id)


def test_throttle_counters(gate: Gatepost, dice: FakeDice) -> None:
    who = ("alice", "192.0.2.1")
    for _ in range(5):
        throttle.note_failure(gate.database, *who, NOON)
    for ask in (throttle.require_not_throttled, throttle.note_failure, throttle.note_success):
        with pytest.raises(Throttled) as slowed:
            ask(gate.database, *who, NOON)
        assert slowed.value.retry_after == 1
    throttle.note_failure(gate.database, *who, later := NOON + timedelta(seconds=1))
    with pytest.raises(Throttled) as slowed:
        throttle.require_not_throttled(gate.database, *who, later)
    assert slowed.value.retry_after == 2
    throttle.require_not_throttled(gate.database, "bob", "192.0.2.2", later)
    throttle.require_not_throttled(gate.database, *who, later + throttle.FORGOTTEN_AFTER)

    throttle.note_success(gate.database, *who, later := later + timedelta(seconds=2))
    throttle.require_not_throttled(gate.database, *who, later)


def test_pages_show_everything_once_in_the_order_of_bytes(gate: Gatepost, admin: Principal) -> None:
    names = ["a", "B", "b", "A", "a-1", "a.b", "Z", "_", "1", "ab"]
    for name in names:
        create_group(gate, admin, name)

    seen, cursor = [], ""
    for _ in range(len(names)):
        page = list_groups(gate, admin, Wanted(limit=3, cursor=cursor))
        seen += [group.name for group in page.items]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == sorted(names, key=str.encode)


def test_pages_go_backwards_over_several_columns_too(gate: Gatepost) -> None:
    rows = [{"type": t, "id": i} for t in ("a", "B", "b") for i in ("1", "2", "Z", "z")]
    t = tables.resources
    with gate.database.write() as connection:
        connection.execute(insert(t), [r | {"display_name": "", "created_at": NOON, "created_by": ""} for r in rows])

    seen, cursor = [], ""
    with gate.database.read() as connection:
        while True:
            wanted = Wanted(limit=5, cursor=cursor)
            page = read_page(
                connection, select(t), [t.c.type, t.c.id], wanted, lambda r: (r.type, r.id), descending=True
            )
            seen += page.items
            if not (cursor := page.next_cursor):
                break

    assert seen == sorted(((r["type"], r["id"]) for r in rows), reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "bm90IGpzb24", "W10", "WzFd", "WyJhIiwiYiJd", "e30", "\N{SNOWMAN}", "WyJcdTAwMDAiXQ"]
)
def test_a_cursor_of_something_else_is_refused(gate: Gatepost, admin: Principal, cursor: str) -> None:
    with pytest.raises(InvalidField, match="not a cursor"):
        list_groups(gate, admin, Wanted(cursor=cursor))
