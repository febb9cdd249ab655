"""Clearing away what deleted stores left behind, some hundreds of rows in a transaction."""

from __future__ import annotations

from sqlalchemy import Connection, Table, and_, delete, select, tuple_

from gatepost.gate import Gatepost
from gatepost.store import changelog, tables

AT_ONCE = 500


def clear_deleted_stores(gate: Gatepost) -> int:
    """Remove tuples, models and history of stores that are gone, and then their names.  Answers how many rows went.

    The log keeps what a process may still have to read: that part of the history goes when it has been pruned.
    """
    t = tables.stores
    with gate.database.read() as connection:
        gone = list(connection.execute(select(t.c.key).where(t.c.deleted_at.is_not(None))).scalars())
    return sum(_clear(gate, key) for key in gone)


def _clear(gate: Gatepost, key: str) -> int:
    total = 0
    for table in (tables.tuples, tables.models, tables.assertions):
        while removed := _remove_some(gate, table, key):
            total += removed
    log = tables.changelog
    while True:
        with gate.database.write() as connection:
            pruned_to = changelog.read_head(connection).pruned_to
            old = and_(log.c.store == key, log.c.number <= pruned_to)
            removed = _remove(connection, log, old)
            left = connection.execute(select(log.c.number).where(log.c.store == key).limit(1)).first()
            if left is None:
                connection.execute(delete(tables.stores).where(tables.stores.c.key == key))
        total += removed
        if removed < AT_ONCE:
            return total


def _remove_some(gate: Gatepost, table: Table, key: str) -> int:
    with gate.database.write() as connection:
        return _remove(connection, table, table.c.store == key)


def _remove(connection: Connection, table: Table, which: object) -> int:
    keys = list(table.primary_key.columns)
    rows = connection.execute(select(*keys).where(which).limit(AT_ONCE)).all()  # type: ignore[arg-type]
    if rows:
        connection.execute(delete(table).where(tuple_(*keys).in_([tuple(row) for row in rows])))
    return len(rows)
