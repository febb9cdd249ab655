"""Inserting where another process may insert the same key at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_update(
    connection: Connection, table: Table, values: Mapping[str, Any], changed: Mapping[str, Any]
) -> None:
    """Insert a row, or apply `changed` to the one that is there already."""
    statement = _insert(connection, table).values(**values)
    keys = list(table.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(changed)))


def insert_or_lock(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Insert each row that is not there, and answer all of them as they are now.

    Until the transaction ends nobody else changes them.  All callers name their rows in the same order, or two of them
    would wait for each other.
    """
    statement = _insert(connection, table).values(list(rows))
    keys = list(table.primary_key.columns)
    untouched = statement.on_conflict_do_update(index_elements=keys, set_={c.name: c for c in keys})
    return connection.execute(untouched.returning(*table.columns)).all()


def insert_if_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row.  Answers False if there was one with this key: of two who try, exactly one gets True."""
    key = next(iter(table.primary_key.columns))
    # A driver may not count the rows of an INSERT, so the row itself says that it was written.
    statement = _insert(connection, table).values(**values).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
