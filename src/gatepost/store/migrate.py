"""Creating and upgrading the schema, under a lock, before anything else is asked of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, text

from gatepost.errors import ConfigurationError
from gatepost.store import tables
from gatepost.store.database import failures, sqlite_file
from gatepost.store.store import Store

SCHEMA = "0005"  # the newest revision in migrations/versions; a test holds the two together
KNOWN = ("0001", "0002", "0003", "0004", "0005")
MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x67617465
VERSION_TABLE = (  # as Alembic makes it
    "CREATE TABLE alembic_version ("
    "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def upgrade(store: Store) -> None:
    """Bring the schema to `SCHEMA`.  Raises `ConfigurationError` for a database that is newer than the program."""
    with failures(), _locked(store) as connection:
        found = installed(connection)
        if found == SCHEMA:
            return
        if found is None:
            _create(connection, store)
        elif found in KNOWN:
            _migrate(connection)
        else:
            raise ConfigurationError(
                [f"database.url: its schema is {found}, newer than this program's {SCHEMA}: upgrade Gatepost"]
            )


def installed(connection: Connection) -> str | None:
    """The schema's revision, or None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        if inspect(connection).has_table("head"):
            raise ConfigurationError(
                ["database.url: a half-made schema: restore it from a backup or start on an empty one"]
            )
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


@contextmanager
def _locked(store: Store) -> Iterator[Connection]:
    """SQLite's write lock, or an advisory lock: of several processes that start at once, one upgrades."""
    with store.engine.connect().execution_options(gatepost_writes=True) as connection, connection.begin():
        if not store.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        yield connection
    if (file := sqlite_file(store.engine)) is not None:
        for name in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            if name.exists():
                name.chmod(0o600)


def _create(connection: Connection, store: Store) -> None:
    """On an empty database the tables are made at once: running each migration in turn would cost a second."""
    tables.metadata.create_all(connection)
    connection.execute(text(VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version VALUES (:v)"), {"v": SCHEMA})
    plant_head(connection, store)


def plant_head(connection: Connection, store: Store) -> None:
    """Write the one head row."""
    row = {"id": 1, "epoch": store.new_stamp()[:8], "number": 0, "stamp": store.new_stamp(), "pruned_to": 0}
    connection.execute(insert(tables.head).values(**row))


def _migrate(connection: Connection) -> None:
    # Alembic takes half a second to import, and is needed only when there is something to upgrade.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
