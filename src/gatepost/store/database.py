"""Opening the database: pragmas, isolation and one sentence for each way in which it can fail."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gatepost.errors import ConfigurationError, Unavailable

LOCK_TIMEOUT_SECONDS = 10
SWITCH_AGAIN_SECONDS = 0.01
POOL_SIZE = 12


def open_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///FILE` or `postgresql://…`.  Raises `ConfigurationError` for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(["database.url: not a URL; allowed are sqlite:///FILE and postgresql://…"]) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed)
    if backend == "postgresql":
        return _open_postgresql(parsed)
    raise ConfigurationError(
        [f"database.url: {backend} is not supported; allowed are sqlite:///FILE and postgresql://…"]
    )


def sqlite_file(engine: Engine) -> Path | None:
    """The database's file, or None on PostgreSQL."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def _open_sqlite(url: URL) -> Engine:
    file = url.database
    if not file or file == ":memory:" or file.startswith("file:"):
        raise ConfigurationError(
            ["database.url: SQLite needs a file, since several connections share it: sqlite:///FILE"]
        )
    if not Path(file).resolve().parent.is_dir():
        raise ConfigurationError([f"database.url: the folder {Path(file).parent} does not exist"])
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": LOCK_TIMEOUT_SECONDS, "check_same_thread": False},
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
    )
    _FileWatch(Path(file)).guard(engine)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


class _FileWatch:
    """Keeps a pooled connection from outliving its file.

    A backup is restored by putting another file in place.  A connection that stays open goes on with the old one, which
    has no name any more, and what it commits there is lost.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._was_there = False

    def guard(self, engine: Engine) -> None:
        event.listen(engine, "do_connect", self._before)
        event.listen(engine, "connect", self._remember)
        event.listen(engine, "checkout", self._compare)

    def _before(self, *_: Any) -> None:
        if self._was_there and not self._file.exists():
            raise sqlite3.OperationalError("unable to open database file")  # SQLite would make an empty one

    def _remember(self, _connection: sqlite3.Connection, record: Any) -> None:
        self._was_there = True
        record.info["file"] = self._identity()

    def _compare(self, _connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info.get("file") != self._identity():
            raise DisconnectionError("the database file was replaced")

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own: `_begin_sqlite` does
    _switch_to_wal(connection)
    # SQLite's own knows ASCII alone, and people are looked for by names that have other letters.
    connection.create_function("lower", 1, _lower, deterministic=True)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _lower(text: str | bytes | float | None) -> str | bytes | float | None:
    return text.lower() if isinstance(text, str) else text


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Of several processes that make the file at once one can switch, and here SQLite does not make the others wait."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_AGAIN_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("gatepost_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_postgresql(url: URL) -> Engine:
    from gatepost.store import silence

    network = {name: value for name, value in silence.NETWORK.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": silence.CONNECT_SECONDS, "application_name": "gatepost", **network},
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_timeout=LOCK_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        # A server set to "repeatable read" would refuse whoever waited for the head row instead of letting them go on.
        isolation_level="READ COMMITTED",
    )
    connect = silence.Connector()
    event.listen(engine, "do_connect", lambda _dialect, _record, given, named: connect(*given, **named))
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Time zone and commit safety do not depend on how the server, role or database was set up."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


@contextmanager
def failures() -> Iterator[None]:
    """Turn a driver's failure into `Unavailable` with a sentence for people.  Integrity errors stay bugs."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the database has no free connection", detail=str(error)) from error
    except DBAPIError as error:
        if error.__class__.__name__ in ("IntegrityError", "ProgrammingError", "DataError", "InterfaceError"):
            raise
        raise Unavailable(sentence_for(error), detail=str(error.orig)) from error
    except sqlite3.OperationalError as error:
        raise Unavailable(sentence_for(error), detail=str(error)) from error


def sentence_for(error: Exception) -> str:
    """Say what is the matter with the database, without its private words."""
    text = str(getattr(error, "orig", None) or error).lower()
    for sign, sentence in (
        ("readonly", "the database is read-only: nothing was changed"),
        ("read-only", "the database is read-only: nothing was changed"),
        ("full", "the database's disk is full: nothing was changed"),
        ("no space", "the database's disk is full: nothing was changed"),
        ("locked", "the database is locked by another writer: nothing was changed"),
        ("lock timeout", "the database is locked by another writer: nothing was changed"),
        ("unable to open", "the database file cannot be opened"),
        ("malformed", "the database file is damaged"),
        ("not a database", "the file is not a SQLite database"),
    ):
        if sign in text:
            return sentence
    return "the database does not answer"
