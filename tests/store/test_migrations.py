"""The schema: made at once on an empty database, or by the migrations; either way the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, inspect, text

from gatepost.errors import ConfigurationError
from gatepost.store import migrate
from gatepost.store.migrate import KNOWN, MIGRATIONS, SCHEMA, installed, upgrade
from gatepost.store.store import Store
from tests.conftest import OpenGate
from tests.dice import FakeDice

Schema = dict[str, Any]


@contextmanager
def store_at(url: str) -> Iterator[Store]:
    dice = FakeDice()
    store = Store(url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def writing(store: Store) -> Iterator[Connection]:
    with store.engine.connect().execution_options(gatepost_writes=True) as connection, connection.begin():
        yield connection


def schema_of(connection: Connection) -> dict[str, Schema]:
    look = inspect(connection)
    return {name: table_schema(look, name) for name in look.get_table_names()}


def table_schema(look: Inspector, name: str) -> Schema:
    """Everything that the database itself knows of a table."""
    columns = [
        (c["name"], repr(c["type"]), c["nullable"], str(c["default"]), c.get("identity"))
        for c in look.get_columns(name)
    ]
    indexes = sorted((str(i["name"]), tuple(i["column_names"]), bool(i["unique"])) for i in look.get_indexes(name))
    unique = sorted((str(u["name"]), tuple(u["column_names"])) for u in look.get_unique_constraints(name))
    key = look.get_pk_constraint(name)["constrained_columns"]
    return {"columns": columns, "indexes": indexes, "unique": unique, "key": key}


def make_by_migrations(store: Store) -> dict[str, Schema]:
    with writing(store) as connection:
        migrate._migrate(connection)
    with store.read() as connection:
        return schema_of(connection)


def test_the_migrations_make_the_schema_of_the_tables(database_url: str) -> None:
    with store_at(database_url) as store:
        migrated = make_by_migrations(store)
        with writing(store) as connection:
            for name in migrated:
                connection.execute(text(f"DROP TABLE {name}"))
        upgrade(store)
        with store.read() as connection:
            created = schema_of(connection)

    assert migrated == created
    assert len(created) > 15


@pytest.mark.parametrize("old", KNOWN[:-1])
def test_an_older_database_is_upgraded_with_what_it_holds(database_url: str, open_gate: OpenGate, old: str) -> None:
    with store_at(database_url) as store:
        with writing(store) as connection:
            command.upgrade(alembic_on(connection), old)
            migrate.plant_head(connection, store)
            values = "'01A', 'ann', 'Ann', false, 0, 'user:admin'"
            columns = "id, username, display_name, email_verified, created_at, created_by"
            connection.execute(text(f"INSERT INTO users ({columns}) VALUES ({values})"))
        before = store.head()
        upgrade(store)
        assert store.head() == before

        with store.read() as connection:
            upgraded = schema_of(connection)
            assert connection.execute(text("SELECT username FROM users")).scalars().all() == ["ann"]
            assert installed(connection) == SCHEMA
    assert upgraded == schema_made_at_once(database_url)
    assert open_gate(database_url, follow=False).check("user:admin", "user:edit", "platform:main").allowed


def schema_made_at_once(url: str) -> dict[str, Schema]:
    """The schema of an empty database, looked at in a transaction that is taken back."""
    with store_at(url) as store, writing(store) as connection:
        savepoint = connection.begin_nested()
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {name}"))
        migrate._create(connection, store)
        made = schema_of(connection)
        savepoint.rollback()
    return made


def alembic_on(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def test_the_program_knows_its_newest_migration_and_every_older_one() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)

    assert script.get_current_head() == SCHEMA
    assert {each.revision for each in script.walk_revisions()} == set(KNOWN)


def test_the_migrations_leave_their_number(database_url: str) -> None:
    with store_at(database_url) as store:
        make_by_migrations(store)
        with store.read() as connection:
            assert installed(connection) == SCHEMA


def test_identifiers_compare_byte_by_byte_in_every_key(database_url: str) -> None:
    """PostgreSQL's own collation would order, and with some settings equate, what differs in bytes."""
    with store_at(database_url) as store:
        upgrade(store)
        with store.read() as connection:
            if store.is_sqlite:
                return
            collations = connection.execute(
                text(
                    "SELECT DISTINCT a.attcollation::regcollation::text FROM pg_index i JOIN pg_attribute a"
                    " ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
                    " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = 'public' AND a.atttypid = 'text'::regtype"
                )
            ).scalars()
            assert set(collations) == {'"C"'}


def test_a_database_newer_than_the_program_is_left_alone(database_url: str, open_gate: OpenGate) -> None:
    with store_at(database_url) as store:
        upgrade(store)
        with writing(store) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with store.read() as connection:
            before = schema_of(connection)

        with pytest.raises(ConfigurationError, match="9999, newer than this program's"):
            open_gate(database_url)

        with store.read() as connection:
            assert schema_of(connection) == before
            assert connection.execute(text("SELECT count(*) FROM users")).scalar_one() == 0


def test_somebody_elses_half_made_schema_is_refused(database_url: str, open_gate: OpenGate) -> None:
    with store_at(database_url) as store, writing(store) as connection:
        connection.execute(text("CREATE TABLE head (id integer)"))

    with pytest.raises(ConfigurationError, match="half-made"):
        open_gate(database_url)


def test_what_is_up_to_date_is_not_touched(database_url: str) -> None:
    with store_at(database_url) as store:
        upgrade(store)
        before = store.head()
        upgrade(store)

        assert store.head() == before
