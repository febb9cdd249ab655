"""Relation tuples in the store.  Each row says where it came from; the changelog says what holds in sum.

The same tuple may be held by several origins (`manual`, `sso:keycloak`, `scim`, `config`): whoever synchronises removes
only its own row, and the relation ends when the last row is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from gatepost.store import tables
from gatepost.store.store import Change

MANUAL = "manual"
MAIN = "main"
t = tables.tuples


def relate(
    tx: Change,
    object_: str,
    relation: str,
    subject: str,
    *,
    author: str,
    origin: str = MANUAL,
    expires_at: datetime | None = None,
) -> bool:
    """Write a tuple, or give it another expiry.  Answers whether anything changed."""
    key = and_(_is(object_, relation, subject), t.c.origin == origin)
    known = tx.connection.execute(select(t.c.expires_at).where(key)).one_or_none()
    if known is not None and known.expires_at == expires_at:
        return False
    if known is not None:
        tx.connection.execute(update(t).where(key).values(expires_at=expires_at, author=author, created_at=tx.at))
    else:
        row = {"store": MAIN, "object": object_, "relation": relation, "subject": subject, "origin": origin}
        tx.connection.execute(insert(t).values(**row, author=author, created_at=tx.at, expires_at=expires_at))
    _log(tx, object_, relation, subject)
    return True


def unrelate(tx: Change, object_: str, relation: str, subject: str, *, origin: str | None = None) -> bool:
    """Remove a tuple, of one origin or of all.  Answers whether there was any."""
    key = _is(object_, relation, subject)
    if origin is not None:
        key = and_(key, t.c.origin == origin)
    if tx.connection.execute(delete(t).where(key)).rowcount == 0:
        return False
    _log(tx, object_, relation, subject)
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


def _is(object_: str, relation: str, subject: str) -> Any:
    return and_(t.c.store == MAIN, t.c.object == object_, t.c.relation == relation, t.c.subject == subject)


def _log(tx: Change, object_: str, relation: str, subject: str) -> None:
    """Tell every memory what holds now, in sum over the origins: no expiry beats any, a later one an earlier."""
    rows = tx.connection.execute(select(t.c.expires_at).where(_is(object_, relation, subject))).scalars().all()
    expires = None if not rows or None in rows else max(e for e in rows if e is not None).timestamp()
    key = f"{object_}#{relation}@{subject}"
    tx.log("tuple", key, store=MAIN, o=object_, r=relation, s=subject, gone=not rows, expires=expires)


def held_by(connection: Connection, object_: str, relations: Iterable[str] = ()) -> list[Row[Any]]:
    """The tuples on an object: `relation, subject, origin, author, created_at, expires_at`, in order."""
    query = select(t).where(t.c.store == MAIN, t.c.object == object_)
    if names := list(relations):
        query = query.where(t.c.relation.in_(names))
    return list(connection.execute(query.order_by(t.c.relation, t.c.subject, t.c.origin)))


def holding(connection: Connection, subject: str, relation: str = "") -> list[Row[Any]]:
    """The tuples in which `subject` stands."""
    query = select(t).where(t.c.store == MAIN, t.c.subject == subject)
    if relation:
        query = query.where(t.c.relation == relation)
    return list(connection.execute(query.order_by(t.c.object, t.c.relation, t.c.origin)))
