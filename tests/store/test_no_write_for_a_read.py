"""Design, "No write for a read": what a read leaves behind goes through the journal, outside the changelog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.audit.trail import Filter, read_audit
from gatepost.authn import authenticate_now, chain
from gatepost.directory.pages import Wanted
from gatepost.directory.users import NewUser, create_user
from gatepost.errors import Forbidden, GatepostError, InvalidToken, Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, BearerToken, Entity, Method, Principal, SessionCookie
from gatepost.store import journal as journal_module
from gatepost.store import tables
from gatepost.store.journal import Journal
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.sessions import Arrival, open_session
from tests.conftest import ADMIN_PASSWORD
from tests.dice import FakeDice
from tests.waiting import eventually


@contextmanager
def statements(gate: Gatepost) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(gate.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(gate.database.engine, "before_cursor_execute", note)


def is_write(statement: str) -> bool:
    words = statement.upper()
    return words.startswith(("INSERT", "UPDATE", "DELETE")) or "FOR UPDATE" in words


def audit_rows(gate: Gatepost, event_: str) -> list[Any]:
    with gate.database.read() as connection:
        return list(connection.execute(select(tables.audit).where(tables.audit.c.event == event_)))


@pytest.fixture
def bob(gate: Gatepost, admin: Principal) -> Principal:
    create_user(gate, admin, NewUser(username="bob"))
    return Principal(subject=Entity("user", "bob"), method=Method.SESSION, scope=None, address="192.0.2.1")


def test_checks_do_no_input_or_output_at_all(gate: Gatepost, admin: Principal, bob: Principal) -> None:
    gate.check("user:bob", "group:edit", "platform:main")
    with statements(gate) as seen:
        for _ in range(3):
            gate.check("user:bob", "group:edit", "platform:main")
            gate.check("user:admin", "group:edit", "platform:main")
            with pytest.raises(GatepostError):
                gate.require(bob, "group:edit", seen_by="")

    assert seen == []


def test_authenticating_writes_nothing(gate: Gatepost, admin: Principal) -> None:
    secret = issue_api_token(gate, admin, WantedToken(name="script")).secret
    with gate.change_unasked() as tx:
        cookie = open_session(gate, tx, admin.subject, Arrival(method="password", address=""), cookie=True).secret
    before = gate.database.head()

    with statements(gate) as seen:
        for credential in (BearerToken(secret), BasicCredential("admin", secret), SessionCookie(cookie)) * 3:
            assert authenticate_now(credential, chain(gate), gate.now()).subject == admin.subject
        for bad in (BearerToken("gp_" + "0" * 38), SessionCookie("gps_" + "0" * 43)):
            with pytest.raises(InvalidToken):
                authenticate_now(bad, chain(gate), gate.now())

    assert [s for s in seen if is_write(s)] == []
    assert gate.database.head() == before


def test_a_password_leaves_the_changelog_alone(gate: Gatepost) -> None:
    before = gate.database.head()

    authenticate_now(BasicCredential("admin", ADMIN_PASSWORD), chain(gate, "192.0.2.1"), gate.now())
    with pytest.raises(GatepostError):
        authenticate_now(BasicCredential("admin", "wrong"), chain(gate, "192.0.2.1"), gate.now())

    assert gate.database.head() == before


def test_the_journal_takes_no_head_lock(gate: Gatepost, bob: Principal, dice: FakeDice) -> None:
    with pytest.raises(Forbidden):
        gate.require(bob, "group:edit", seen_by="")
    gate.journal.token_used("t", dice.now())
    before = gate.database.head()

    with statements(gate) as seen:
        gate.journal.flush()

    assert not [s for s in seen if "head" in s or "changelog" in s]
    assert gate.database.head() == before


def test_repeated_refusals_are_added_up(gate: Gatepost, bob: Principal) -> None:
    for _ in range(7):
        with pytest.raises(Forbidden):
            gate.require(bob, "group:edit", seen_by="")
    gate.journal.flush()

    (row,) = audit_rows(gate, "refused.group:edit")
    assert (row.count, row.outcome, row.subject, row.target, row.address, row.revision) == (
        7,
        Outcome.REFUSED,
        "user:bob",
        "platform:main",
        "192.0.2.1",
        None,
    )


def test_last_use_is_written_in_batches_and_never_goes_back(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    token = issue_api_token(gate, admin, WantedToken(name="script")).token
    early, late = dice.now() + timedelta(minutes=1), dice.now() + timedelta(minutes=2)

    for at in (late, early):  # two replicas flush in any order
        gate.journal.token_used(token.id, at)
        gate.journal.flush()

    with gate.database.read() as connection:
        assert connection.execute(select(tables.tokens.c.last_used_at)).scalar_one() == late


@contextmanager
def failing(gate: Gatepost) -> Iterator[None]:
    """Every write fails, as on a full disk."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if is_write(statement):
            raise Unavailable("the database's disk is full: nothing was changed")

    event.listen(gate.database.engine, "before_cursor_execute", fail)
    yield
    event.remove(gate.database.engine, "before_cursor_execute", fail)


def test_what_cannot_be_written_is_kept_and_added_to(gate: Gatepost, admin: Principal, bob: Principal) -> None:
    token = issue_api_token(gate, admin, WantedToken(name="script")).token
    with pytest.raises(Forbidden):
        gate.require(bob, "group:edit", seen_by="")
    gate.journal.token_used(token.id, gate.now())

    with failing(gate):
        for _ in range(2):
            with pytest.raises(Unavailable):
                gate.journal.flush()
    with pytest.raises(Forbidden):
        gate.require(bob, "group:edit", seen_by="")
    gate.journal.flush()

    assert [row.count for row in audit_rows(gate, "refused.group:edit")] == [2]
    with gate.database.read() as connection:
        assert connection.execute(select(tables.tokens.c.last_used_at)).scalar_one() == gate.now()


def test_the_trail_can_be_read_where_nothing_can_be_written(gate: Gatepost, admin: Principal, bob: Principal) -> None:
    """A full disk is when somebody looks what has happened."""
    create_user(gate, admin, NewUser(username="ann"))
    with pytest.raises(Forbidden):
        gate.require(bob, "group:edit", seen_by="")
    wanted = Wanted(), Filter(subject=str(admin.subject), event="user.created")
    with failing(gate):
        told = read_audit(gate, admin, *wanted).items
    assert "user:ann" in [record.target for record in told]
    gate.journal.flush()
    assert len(audit_rows(gate, "refused.group:edit")) == 1, "what could not be written is not lost"


def test_the_journal_is_bounded_and_counts_what_it_drops(
    gate: Gatepost, bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MOST_RECORDS", 10)
    monkeypatch.setattr(journal_module, "MOST_TOUCHES", 10)
    journal = gate.journal

    for number in range(25):
        target = Entity("collection", f"c{number}")
        journal.note(AuditRecord.of(bob, "refused.view", target, at=gate.now(), outcome=Outcome.REFUSED))
        journal.token_used(f"t{number}", gate.now())
        journal.session_seen(f"s{number}", gate.now())
    with failing(gate), pytest.raises(Unavailable):
        journal.flush()
    for number in range(25, 50):
        journal.token_used(f"t{number}", gate.now())
    journal.token_used("t3", gate.now() + timedelta(seconds=1))

    assert (len(journal._records), len(journal._tokens), len(journal._sessions)) == (10, 10, 10)
    assert journal.dropped == 15
    assert journal._tokens["t3"] == gate.now() + timedelta(seconds=1), "one that is kept is still kept up to date"


def test_a_bad_character_does_not_wipe_the_trail(gate: Gatepost, bob: Principal) -> None:
    """PostgreSQL takes no NUL and no database a lone surrogate: a name with one must not take a batch with it."""
    for name in ("good", "nul\0", "surrogate\ud800", "\N{SNOWMAN}"):
        record = AuditRecord.of(bob, "refused.view", f"collection:{name}", at=gate.now(), outcome=Outcome.REFUSED)
        gate.journal.note(record)
    gate.journal.flush()

    assert {row.target for row in audit_rows(gate, "refused.view")} == {
        "collection:good",
        "collection:nul\N{REPLACEMENT CHARACTER}",
        "collection:surrogate?",
        "collection:\N{SNOWMAN}",
    }


def test_closing_writes_what_is_buffered(gate: Gatepost, second_gate: Gatepost, bob: Principal) -> None:
    with pytest.raises(Forbidden):
        gate.require(bob, "group:edit", seen_by="")

    gate.close()

    assert len(audit_rows(second_gate, "refused.group:edit")) == 1


def test_the_journal_thread_writes_within_seconds(gate: Gatepost, bob: Principal) -> None:
    journal = Journal(gate.database, gate.now)
    journal.note(AuditRecord.of(bob, "refused.view", "collection:x", at=gate.now()))
    journal.start()
    try:
        eventually(lambda: audit_rows(gate, "refused.view"), 5, "the journal is written")
    finally:
        journal.stop()
