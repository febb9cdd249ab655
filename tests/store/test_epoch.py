"""Design, "Epoch": a restore or a fail-over rewinds history; whoever saw more loads anew, and says so with a new epoch."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gatepost.directory.groups import create_group
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.errors import InvalidToken, Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import changelog, tables
from gatepost.tokens.refresh_tokens import refresh
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.tokens.signing_in import by_bearer, by_cookie, cookie_for, make_user, pair_for

LOGGED = ("changelog", "tuples", "groups", "users", "audit")


class Backup:
    """What the tables held, put back as a restore would: underneath, without asking anybody."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        with gate.database.snapshot() as connection:
            names = [*LOGGED, "head"]
            self._rows = {name: self._read(connection, name) for name in names}

    def _read(self, connection: Connection, name: str) -> list[dict[str, object]]:
        return [dict(row) for row in connection.execute(tables.metadata.tables[name].select()).mappings()]

    def restore(self) -> None:
        with self._gate.database.write() as connection:
            for name, rows in self._rows.items():
                connection.execute(tables.metadata.tables[name].delete())
                if rows:
                    connection.execute(tables.metadata.tables[name].insert(), rows)


def make_user_admin(gate: Gatepost, admin: Principal, name: str) -> None:
    create_user(gate, admin, NewUser(username=name))
    assign_role(gate, admin, "admin", f"user:{name}")


def is_admin(gate: Gatepost, name: str) -> bool:
    return gate.check(f"user:{name}", "user:delete", "platform:main").allowed


def test_a_rewound_head_means_a_full_load_and_a_new_epoch(gate: Gatepost, admin: Principal) -> None:
    backup = Backup(gate)
    make_user_admin(gate, admin, "mallory")
    before, reloads = gate.memory.revision, gate.memory.reloads
    assert is_admin(gate, "mallory")

    backup.restore()
    gate.memory.catch_up()

    assert not is_admin(gate, "mallory")
    assert gate.memory.revision.epoch != before.epoch
    assert gate.memory.reloads > reloads
    assert gate.database.head().epoch == gate.memory.revision.epoch


def test_the_same_number_with_another_history_is_noticed(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    """Restored, and then written to by somebody else until the numbers are equal again."""
    backup = Backup(gate)
    make_user_admin(gate, admin, "mallory")
    before = gate.memory.revision

    backup.restore()
    create_group(second_gate, admin, "one")
    create_group(second_gate, admin, "two")
    assert gate.database.head().number == before.number
    gate.memory.catch_up()

    assert not is_admin(gate, "mallory")
    assert gate.memory.revision.epoch != before.epoch


def test_a_higher_number_with_another_history_is_noticed(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    backup = Backup(gate)
    make_user_admin(gate, admin, "mallory")
    before = gate.memory.revision

    backup.restore()
    for number in range(4):
        create_group(second_gate, admin, f"group-{number}")
    assert gate.database.head().number > before.number
    gate.memory.catch_up()

    assert not is_admin(gate, "mallory")
    assert gate.memory.revision.epoch != before.epoch


def test_every_session_ends_with_the_history_that_was_rewound(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    """The lost part may have ended a session, or spent a refresh token that is good again now; nobody knows."""
    make_user(gate)
    pair, cookie = pair_for(gate), cookie_for(gate)
    backup = Backup(gate)
    create_group(gate, admin, "gone")
    second_gate.memory.catch_up()

    backup.restore()
    for each in (gate, second_gate):
        each.memory.catch_up()

    for each in (gate, second_gate):
        with pytest.raises(InvalidToken):
            by_bearer(each, pair.access_token)
        with pytest.raises(InvalidToken):
            by_cookie(each, cookie)
        with pytest.raises(InvalidToken):
            refresh(each, pair.refresh_token)
    fresh = pair_for(gate)
    gate.memory.catch_up()
    assert by_bearer(second_gate, fresh.access_token).subject.id == "alice"
    assert by_bearer(second_gate, refresh(gate, fresh.refresh_token).access_token).subject.id == "alice"
    with gate.database.read() as connection:
        told = connection.execute(tables.audit.select().where(tables.audit.c.event == "platform.rewound")).one()
    assert (told.detail["sessions"], told.revision.split(".")[0]) == (2, gate.memory.revision.epoch)


def test_a_database_that_takes_nothing_yet_is_told_later(
    gate: Gatepost, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever failed to write the new epoch tries again: the sessions must not live on because of a bad moment."""
    make_user(gate)
    pair = pair_for(gate)
    backup = Backup(gate)
    create_group(gate, admin, "gone")
    before = gate.memory.revision.epoch
    backup.restore()

    with monkeypatch.context() as patched:
        patched.setattr(gate.database, "write_audit", refuse)
        with pytest.raises(Unavailable):
            gate.memory.catch_up()
    assert gate.database.head().epoch == before
    gate.memory.catch_up()

    assert gate.memory.revision.epoch == gate.database.head().epoch != before
    with pytest.raises(InvalidToken):
        by_bearer(gate, pair.access_token)


def refuse(*_: object) -> None:
    raise Unavailable("the database is read-only: nothing was changed")


def test_a_look_at_a_standby_that_is_behind_ends_no_session(
    gate: Gatepost, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something between us and the database may send what only reads elsewhere: before all end, the writer is asked."""
    make_user(gate)
    pair, old = pair_for(gate), gate.memory.head
    create_group(gate, admin, "newer")
    before = gate.database.head()

    with monkeypatch.context() as patched:
        really = changelog.read_head
        patched.setattr(changelog, "read_head", lambda c, *, lock=False: really(c, lock=True) if lock else old)
        gate.memory.catch_up()
    gate.memory.catch_up()

    assert gate.memory.head == gate.database.head() == before
    assert by_bearer(gate, pair.access_token).subject.id == "alice"


def test_one_rewinding_makes_one_epoch(gate: Gatepost, second_gate: Gatepost, admin: Principal) -> None:
    """The processes settle: the epoch is not changed again by the changes that follow."""
    backup = Backup(gate)
    create_group(gate, admin, "gone")
    second_gate.memory.catch_up()
    backup.restore()
    gate.memory.catch_up()
    second_gate.memory.catch_up()
    gate.memory.catch_up()
    epoch = gate.memory.revision.epoch

    for number in range(3):
        create_group(gate, admin, f"group-{number}")
        second_gate.memory.catch_up()

    assert gate.memory.revision == second_gate.memory.revision == gate.database.head().revision
    assert gate.memory.revision.epoch == epoch


def test_a_writer_that_is_first_to_notice_decides_on_the_restored_state(gate: Gatepost, admin: Principal) -> None:
    backup = Backup(gate)
    make_user_admin(gate, admin, "mallory")
    change_user(gate, admin, "admin", UserChange(display_name="Root"))
    before = gate.memory.revision
    backup.restore()

    create_group(gate, admin, "team")
    gate.memory.catch_up()

    assert not is_admin(gate, "mallory")
    assert gate.memory.revision.epoch != before.epoch


def test_a_reader_behind_what_was_pruned_loads_anew(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, dice: FakeDice
) -> None:
    make_user_admin(gate, admin, "ann")
    dice.advance(timedelta(days=2))
    create_group(gate, admin, "late")
    with gate.database.write() as connection:
        changelog.read_head(connection, lock=True)
        assert changelog.prune(connection, dice.now() - timedelta(days=1), keep=1) > 0
    reloads, epoch = second_gate.memory.reloads, second_gate.memory.revision.epoch

    second_gate.memory.catch_up()

    assert second_gate.memory.reloads == reloads + 1
    assert is_admin(second_gate, "ann")
    assert second_gate.memory.revision == gate.memory.revision
    assert second_gate.memory.revision.epoch == epoch, "pruning rewinds nothing"


def test_pruning_keeps_the_newest_revisions_however_old(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    """And what became of tuples, however old: that is the history that `/changes` reads."""
    for number in range(5):
        create_group(gate, admin, f"group-{number}")
    dice.advance(timedelta(days=400))
    with gate.database.write() as connection:
        changelog.prune(connection, dice.now(), keep=3)
        head = changelog.read_head(connection)
        others = "SELECT DISTINCT number FROM changelog WHERE kind <> 'tuple' ORDER BY number"
        left = connection.execute(text(others)).scalars().all()
        tuples = connection.execute(text("SELECT COUNT(*) FROM changelog WHERE kind = 'tuple' AND number = 1")).scalar()

    assert tuples
    assert left == [head.number - 2, head.number - 1, head.number]
    assert head.pruned_to == head.number - 3


def test_a_reader_at_the_edge_of_what_was_pruned_reads_on(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, dice: FakeDice
) -> None:
    """Pruned up to the revision before the reader's own: nothing is missing."""
    second_gate.memory.catch_up()
    make_user_admin(gate, admin, "ann")
    dice.advance(timedelta(days=2))
    with gate.database.write() as connection:
        changelog.prune(
            connection, dice.now(), keep=gate.memory.revision.number - second_gate.memory.revision.number + 1
        )
    reloads = second_gate.memory.reloads

    second_gate.memory.catch_up()

    assert second_gate.memory.reloads == reloads
    assert is_admin(second_gate, "ann")


def test_the_log_pruned_between_two_looks_leaves_no_hole(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, dice: FakeDice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log goes on where the reader is, and then it is pruned: a reader of two moments misses rows for good."""
    make_user_admin(gate, admin, "ann")
    create_group(gate, admin, "what-is-left-of-the-log")
    dice.advance(timedelta(days=2))
    stamp_of = changelog.stamp_of

    def and_then_prune(connection: Connection, number: int) -> str | None:
        stamp = stamp_of(connection, number)
        with gate.database.write() as pruning:
            assert changelog.prune(pruning, dice.now(), keep=1) > 0
        return stamp

    monkeypatch.setattr(changelog, "stamp_of", and_then_prune)
    second_gate.memory.catch_up()

    assert is_admin(second_gate, "ann")


def copy_of(file: Path, to: Path) -> Path:
    with sqlite3.connect(file) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return to


def put_in_place(backup: Path, file: Path) -> None:
    """As an operator restores: the old file and its log aside, the copy in its place."""
    for name in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        name.unlink(missing_ok=True)
    shutil.copy(backup, file)


def test_a_sqlite_file_replaced_underneath_is_noticed(
    sqlite_url: str, open_gate: OpenGate, admin: Principal, tmp_path: Path
) -> None:
    gate = open_gate(sqlite_url, follow=False)
    file = tmp_path / "gatepost.db"
    older = copy_of(file, tmp_path / "older.db")
    make_user_admin(gate, admin, "mallory")
    before = gate.memory.revision

    put_in_place(older, file)
    gate.memory.catch_up()

    assert not is_admin(gate, "mallory")
    assert gate.memory.revision.epoch != before.epoch


def test_what_is_written_after_a_restore_is_in_the_restored_file(
    sqlite_url: str, open_gate: OpenGate, admin: Principal, tmp_path: Path
) -> None:
    """A connection that stayed open would write into the old file, which has no name any more."""
    gate = open_gate(sqlite_url, follow=False)
    file = tmp_path / "gatepost.db"
    put_in_place(copy_of(file, tmp_path / "older.db"), file)

    create_group(gate, admin, "acknowledged")

    with sqlite3.connect(file) as fresh:
        assert fresh.execute("SELECT name FROM groups").fetchall() == [("acknowledged",)]
    fresh.close()


def test_a_sqlite_file_that_is_gone_is_not_made_anew(
    sqlite_url: str, open_gate: OpenGate, admin: Principal, tmp_path: Path
) -> None:
    gate = open_gate(sqlite_url, follow=False)
    file = tmp_path / "gatepost.db"
    kept = copy_of(file, tmp_path / "kept.db")
    for name in tmp_path.glob("gatepost.db*"):
        name.unlink()

    with pytest.raises(Unavailable, match="cannot be opened"):
        create_group(gate, admin, "nowhere")
    assert not file.exists()

    put_in_place(kept, file)
    create_group(gate, admin, "here-again")
