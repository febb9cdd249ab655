"""A database that is locked, read-only, full, foreign or not there: one clear sentence, and nothing half written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select, text

from gatepost.directory.groups import create_group
from gatepost.directory.users import NewUser, create_user
from gatepost.errors import ConfigurationError, Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.settings import KeysSettings, Secret
from gatepost.store import database, tables
from gatepost.store.database import sentence_for
from tests.conftest import OpenGate, settings_for

NOBODY = 65534


def counts(gate: Gatepost) -> dict[str, int]:
    with gate.database.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.metadata.tables.items()
        }


def on_every_connection(gate: Gatepost, statement: str) -> None:
    """As if the file itself were so: for connections that are open, and those to come."""

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(statement)

    event.listen(gate.database.engine, "connect", prepare)
    gate.database.engine.dispose()


def test_a_full_disk_is_said_and_nothing_is_half_written(
    sqlite_url: str, open_gate: OpenGate, admin: Principal
) -> None:
    gate = open_gate(sqlite_url, follow=False)
    with gate.database.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    on_every_connection(gate, f"PRAGMA max_page_count={pages + 4}")

    steps: list[dict[str, int]] = []

    def fill_it_up() -> None:
        for number in range(1000):
            steps.append(counts(gate))
            create_user(gate, admin, NewUser(username=f"user-{number}", display_name="x" * 200))

    with pytest.raises(Unavailable, match="disk is full: nothing was changed"):
        fill_it_up()

    before = steps[-1]
    assert counts(gate) == before
    assert gate.memory.revision == gate.database.head().revision
    assert not gate.check(f"user:user-{before['users'] - 1}", "collection:create", "platform:main").allowed


def test_a_database_that_turns_read_only_is_said(gate: Gatepost, gate_url: str, admin: Principal) -> None:
    before = counts(gate)
    if gate.database.is_sqlite:
        on_every_connection(gate, "PRAGMA query_only=ON")
    else:
        with psycopg.connect(gate_url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        gate.database.engine.dispose()

    with pytest.raises(Unavailable, match="read-only: nothing was changed"):
        create_group(gate, admin, "team")

    assert counts(gate) == before
    assert gate.check("user:admin", "group:edit", "platform:main").allowed, "questions are still answered"


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may write everything: so that file permissions count, somebody else does it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach: pytest's own belong to their owner alone."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_file_stops_the_start(open_folder: Path, open_gate: OpenGate) -> None:
    url = f"sqlite:///{open_folder}/gatepost.db"
    open_gate(url, follow=False).close()
    file = open_folder / "gatepost.db"
    file.chmod(0o444)
    content = file.read_bytes()
    open_folder.chmod(0o555)

    with without_privileges(), pytest.raises(Unavailable, match=r"read-only|cannot be opened"):
        open_gate(url)

    assert file.read_bytes() == content


def test_a_folder_that_nobody_may_write_to_stops_the_start(open_folder: Path, open_gate: OpenGate) -> None:
    open_folder.chmod(0o555)

    with without_privileges(), pytest.raises(Unavailable, match="cannot be opened"):
        open_gate(f"sqlite:///{open_folder}/gatepost.db")

    assert list(open_folder.iterdir()) == []


def test_a_locked_sqlite_file_is_said(
    sqlite_url: str, open_gate: OpenGate, admin: Principal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_SECONDS", 0.2)
    gate = open_gate(sqlite_url, follow=False)
    before = counts(gate)
    other = sqlite3.connect(tmp_path / "gatepost.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable, match="locked by another writer: nothing was changed"):
        create_group(gate, admin, "team")

    other.execute("ROLLBACK")
    other.close()
    assert counts(gate) == before
    create_group(gate, admin, "team")


@pytest.mark.postgres
def test_a_locked_head_row_is_said(
    postgres_database: str, open_gate: OpenGate, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_SECONDS", 0.2)
    gate = open_gate(postgres_database, follow=False)
    before = counts(gate)
    with psycopg.connect(postgres_database) as other:
        other.execute("SELECT * FROM head FOR UPDATE")

        with pytest.raises(Unavailable, match="locked by another writer: nothing was changed"):
            create_group(gate, admin, "team")

    assert counts(gate) == before
    create_group(gate, admin, "team")


def test_what_is_no_database_is_said_and_left_as_it_is(open_gate: OpenGate, tmp_path: Path) -> None:
    file = tmp_path / "gatepost.db"
    file.write_text("a letter to the editor, much longer than the hundred bytes of a header\n" * 20)
    before = file.read_bytes()

    with pytest.raises(Unavailable, match="not a SQLite database"):
        open_gate(f"sqlite:///{file}")

    assert file.read_bytes() == before


def test_a_damaged_file_is_said(open_gate: OpenGate, tmp_path: Path) -> None:
    file = tmp_path / "gatepost.db"
    open_gate(f"sqlite:///{file}", follow=False).close()
    raw = bytearray(file.read_bytes())
    raw[100 : len(raw)] = b"\xff" * (len(raw) - 100)
    file.write_bytes(raw)

    with pytest.raises(Unavailable, match="damaged"):
        open_gate(f"sqlite:///{file}")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("sqlite:////nowhere/at/all/gatepost.db", "the folder /nowhere/at/all does not exist", id="folder"),
        pytest.param("sqlite://", "SQLite needs a file", id="no file"),
        pytest.param("sqlite:///:memory:", "SQLite needs a file", id="memory"),
        pytest.param("sqlite:///file:x?mode=memory&uri=true", "SQLite needs a file", id="uri"),
        pytest.param("mysql://somewhere/x", "mysql is not supported", id="other database"),
        pytest.param("gatepost.db", "not a URL", id="no url"),
    ],
)
def test_a_url_that_cannot_be_meant_stops_the_start(open_gate: OpenGate, url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        open_gate(url)


@pytest.mark.postgres
@pytest.mark.parametrize("place", ["postgresql://postgres@127.0.0.1:1/x", "postgresql://postgres@/x?host=/nowhere"])
def test_a_postgresql_that_is_not_there_is_said_without_its_password(open_gate: OpenGate, place: str) -> None:
    with pytest.raises(Unavailable, match="the database does not answer") as refused:
        open_gate(place.replace("postgres@", "postgres:hunter2@"))

    assert "hunter2" not in str(refused.value) + refused.value.detail


def with_keys(url: str, *keys: str) -> Any:
    return replace(settings_for(url), keys=KeysSettings(encryption_keys=tuple(Secret(key) for key in keys)))


def test_the_wrong_encryption_key_stops_the_start(gate: Gatepost, gate_url: str, open_gate: OpenGate) -> None:
    before = counts(gate)

    with pytest.raises(ConfigurationError, match="none of them is the key"):
        open_gate(with_keys(gate_url, "y" * 40))

    assert counts(gate) == before
    assert open_gate(with_keys(gate_url, "y" * 40, "x" * 40), follow=False).memory.keys.active.kid


def test_an_empty_key_file_stops_the_start(sqlite_url: str, open_gate: OpenGate, tmp_path: Path) -> None:
    (tmp_path / "gatepost.db.key").touch()

    with pytest.raises(ConfigurationError, match=r"the key file gatepost\.db\.key is empty"):
        open_gate(with_keys(sqlite_url))

    assert (tmp_path / "gatepost.db.key").read_bytes() == b""


def test_a_lost_key_file_is_not_replaced_by_another_key(sqlite_url: str, open_gate: OpenGate, tmp_path: Path) -> None:
    open_gate(with_keys(sqlite_url), follow=False).close()
    (tmp_path / "gatepost.db.key").unlink()

    with pytest.raises(ConfigurationError, match="none of them is the key"):
        open_gate(with_keys(sqlite_url))


@pytest.mark.postgres
def test_postgresql_without_an_encryption_key_does_not_start(postgres_database: str, open_gate: OpenGate) -> None:
    with pytest.raises(ConfigurationError, match=r"keys\.encryption_keys: required on PostgreSQL"):
        open_gate(with_keys(postgres_database))


def test_files_are_for_their_owner_alone(sqlite_url: str, open_gate: OpenGate, tmp_path: Path) -> None:
    open_gate(with_keys(sqlite_url))

    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes) >= {"gatepost.db", "gatepost.db-wal", "gatepost.db.key"}
    assert set(modes.values()) == {0o600}


def test_a_sentence_never_repeats_the_drivers_words() -> None:
    assert sentence_for(RuntimeError("something about a secret")) == "the database does not answer"
