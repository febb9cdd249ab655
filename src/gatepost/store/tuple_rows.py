"""Every tuple of one store, as a graph takes it: read with the driver's own cursor, for there may be ten million."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

Row = tuple[str, str, str, float | None, str | None]
MAIN = "main"


def tuple_rows(connection: Connection, store: str = MAIN) -> Iterator[Row]:
    """Yield object, relation, subject, expiry in unix seconds and condition (JSON text), each tuple once.

    Several origins may hold the same tuple; then what holds in sum counts, as `relations.in_sum` has it.  Nearly all
    tuples have the origin `manual`, so only the others are gathered, and merged with the manual ones that they double.
    """
    others: dict[tuple[str, str, str], Row] = {}
    for row in _read(connection, store, "<>"):
        known = others.get(row[:3])
        others[row[:3]] = row if known is None else _better(known, row)
    for row in _read(connection, store, "="):
        twin = others.pop(row[:3], None) if others else None
        yield row if twin is None else _better(twin, row)
    yield from others.values()


def _read(connection: Connection, store: str, comparison: str) -> Iterator[Row]:
    """A SQLAlchemy row for each of ten million tuples would double the load.

    On PostgreSQL it is one of the server's cursors: psycopg's usual one takes all rows at once, which is gigabytes of
    memory, and then a transaction so long idle that the server ends it.
    """
    is_postgres = connection.dialect.name == "postgresql"
    named = {"name": "gatepost_tuples"} if is_postgres else {}
    cursor = connection.connection.cursor(**named)
    columns = "object, relation, subject, expires_at, condition"
    place = "%s" if is_postgres else "?"
    query = f"SELECT {columns} FROM tuples WHERE store = {place} AND origin {comparison} 'manual'"  # noqa: S608
    cursor.execute(query, (store,))
    while rows := cursor.fetchmany(10_000):
        for object_, relation, subject, expires_at, condition in rows:
            yield object_, relation, subject, None if expires_at is None else expires_at / 1e6, condition
    cursor.close()


def _better(one: Row, other: Row) -> Row:
    """Without a condition beats with one; then the later expiry."""
    if (one[4] is None) != (other[4] is None):
        return one if one[4] is None else other
    if one[3] is None or other[3] is None:
        return one if one[3] is None else other
    return one if one[3] >= other[3] else other
