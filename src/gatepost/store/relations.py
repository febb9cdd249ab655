"""Relation tuples in the store.  Each row says where it came from; the changelog says what holds in sum.

The same tuple may be held by several origins (`manual`, `sso:keycloak`, `scim`, `config`): whoever synchronises removes
only its own row, and the relation ends when the last row is gone.  Without another word, all of it is about the
platform's own store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, or_, select, update

from gatepost.store import tables
from gatepost.store.store import Change

MANUAL = "manual"
CONFIG = "config"
# What was made by hand may be taken by hand, and so may what files made; files take only what files made.
TAKEN_BY = {MANUAL: frozenset({MANUAL, CONFIG}), CONFIG: frozenset({CONFIG})}
MAIN = "main"
READ_AT_ONCE = 500
Condition = dict[str, Any]
"""`{name, context}`: the condition of the model that has to hold, and the values that the tuple brings along."""

t = tables.tuples

# Made once: to put a statement together takes SQLAlchemy longer than it takes SQLite to run it, and a plan has thousands.
_IS = and_(
    t.c.store == bindparam("in_store"),
    t.c.object == bindparam("of_object"),
    t.c.relation == bindparam("as_relation"),
    t.c.subject == bindparam("by_subject"),
)
_ORIGINS = select(t.c.origin, t.c.expires_at, t.c.condition).where(_IS).order_by(t.c.origin)
_TUPLE = select(t).where(_IS).order_by(t.c.origin)
_INSERT = insert(t)
_ON_OBJECT = (
    select(t)
    .where(t.c.store == MAIN, t.c.object == bindparam("of_object"))
    .order_by(t.c.relation, t.c.subject, t.c.origin)
)
_ON_OBJECT_AS = _ON_OBJECT.where(t.c.relation.in_(bindparam("as_relations", expanding=True)))


class Holding(NamedTuple):
    """By one origin, or in sum: until when, and under which condition."""

    expires_at: datetime | None
    condition: Condition | None


def relate(
    tx: Change,
    object_: str,
    relation: str,
    subject: str,
    *,
    author: str,
    origin: str = "",
    expires_at: datetime | None = None,
    condition: Condition | None = None,
    store: str = MAIN,
) -> bool:
    """Write a tuple, or give it another expiry or condition.  Answers whether anything changed."""
    origin = origin or tx.origin
    held = _by_origin(tx, object_, relation, subject, store)
    values = Holding(expires_at, condition)
    if held.get(origin) == values:
        return False
    written = {**values._asdict(), "author": author, "created_at": tx.at}
    if origin in held:
        key = and_(_is(object_, relation, subject, store), t.c.origin == origin)
        tx.connection.execute(update(t).where(key).values(**written))
    else:
        row = {"store": store, "object": object_, "relation": relation, "subject": subject, "origin": origin}
        tx.connection.execute(_INSERT, row | written)
    _log(tx, object_, relation, subject, store, held | {origin: values})
    return True


def unrelate(
    tx: Change, object_: str, relation: str, subject: str, *, origin: str | None = None, store: str = MAIN
) -> bool:
    """Remove a tuple, of one origin or of all.  Answers whether there was any."""
    key = _is(object_, relation, subject, store)
    if origin is not None:
        key = and_(key, t.c.origin == origin)
    if tx.connection.execute(delete(t).where(key)).rowcount == 0:
        return False
    _log(tx, object_, relation, subject, store, _by_origin(tx, object_, relation, subject, store))
    return True


def forget(tx: Change, entity: str) -> int:
    """Remove every tuple in which `entity` stands, as object, as subject, or as the object of a userset.

    What is deleted leaves no tuple behind, so an id that is used again starts without old rights.
    """
    usersets = and_(t.c.subject > f"{entity}#", t.c.subject < f"{entity}$")  # `$` is the character after `#`
    rows = tx.connection.execute(
        select(t.c.object, t.c.relation, t.c.subject)
        .where(t.c.store == MAIN, or_(t.c.object == entity, t.c.subject == entity, usersets))
        .distinct()
    ).all()
    for row in rows:
        unrelate(tx, *row)
    return len(rows)


def _is(object_: str, relation: str, subject: str, store: str) -> Any:
    return and_(t.c.store == store, t.c.object == object_, t.c.relation == relation, t.c.subject == subject)


def _by_origin(tx: Change, object_: str, relation: str, subject: str, store: str) -> dict[str, Holding]:
    """By which origins a tuple is held."""
    key = {"in_store": store, "of_object": object_, "as_relation": relation, "by_subject": subject}
    return {row.origin: Holding(row.expires_at, row.condition) for row in tx.connection.execute(_ORIGINS, key)}


def _log(tx: Change, object_: str, relation: str, subject: str, store: str, by_origin: Mapping[str, Holding]) -> None:
    """Tell every memory what holds now, in sum over the origins."""
    held = in_sum(by_origin[origin] for origin in sorted(by_origin))
    expires = held.expires_at.timestamp() if held and held.expires_at else None
    key = f"{object_}#{relation}@{subject}"
    condition = held.condition if held else None
    whole = {"store": store, "o": object_, "r": relation, "s": subject, "gone": held is None, "expires": expires}
    tx.log("tuple", key, **whole, condition=condition)


def in_sum(rows: Iterable[Holding]) -> Holding | None:
    """What holds of one tuple by all its origins: without a condition beats with one, and the latest expiry counts."""
    best: Holding | None = None
    for row in rows:
        if best is None or _rank(row) > _rank(best):
            best = row
    return best


def _rank(row: Holding) -> tuple[bool, bool, float]:
    return row.condition is None, row.expires_at is None, row.expires_at.timestamp() if row.expires_at else 0.0


def held_by(connection: Connection, object_: str, relations: Iterable[str] = ()) -> list[Row[Any]]:
    """The tuples on an object: `relation, subject, origin, author, created_at, expires_at`, in order."""
    if names := list(relations):
        return list(connection.execute(_ON_OBJECT_AS, {"of_object": object_, "as_relations": names}))
    return list(connection.execute(_ON_OBJECT, {"of_object": object_}))


def held_as(connection: Connection, object_: str, relation: str, subject: str) -> list[Row[Any]]:
    """One tuple, a row for each of its origins, in order: the same without all the others on the object."""
    key = {"in_store": MAIN, "of_object": object_, "as_relation": relation, "by_subject": subject}
    return list(connection.execute(_TUPLE, key))


def held_by_many(
    connection: Connection, objects: Iterable[str], relations: Iterable[str] = ()
) -> dict[str, list[Row[Any]]]:
    """The same for many objects, each with its tuples, in a few queries."""
    held: dict[str, list[Row[Any]]] = {name: [] for name in objects}
    names, wanted = sorted(held), list(relations)
    for begin in range(0, len(names), READ_AT_ONCE):
        query = select(t).where(t.c.store == MAIN, t.c.object.in_(names[begin : begin + READ_AT_ONCE]))
        if wanted:
            query = query.where(t.c.relation.in_(wanted))
        for row in connection.execute(query.order_by(t.c.object, t.c.relation, t.c.subject, t.c.origin)):
            held[row.object].append(row)
    return held


def holding(connection: Connection, subject: str, relation: str = "") -> list[Row[Any]]:
    """The tuples in which `subject` stands."""
    query = select(t).where(t.c.store == MAIN, t.c.subject == subject)
    if relation:
        query = query.where(t.c.relation == relation)
    return list(connection.execute(query.order_by(t.c.object, t.c.relation, t.c.origin)))
