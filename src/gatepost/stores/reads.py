"""Reading tuples as they are written, without evaluating anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, not_, select, tuple_

from gatepost.access import PROTECTED
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.store.relations import Holding, in_sum
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.keys import TupleKey
from gatepost.stores.listing import READ, require_store
from gatepost.stores.pages import Page, Paging, read_token, write_token

AT_ONCE = 200
t = tables.tuples

VIEW = {"group": "group:view", "role": "role:view"}
"""Tuples on these types of the platform's own store are the directory's: to read them takes what the directory takes."""


@dataclass(frozen=True, slots=True)
class StoredTuple:
    """One tuple, and since when it has been there."""

    key: TupleKey
    written_at: datetime


def hidden_types(gate: Gatepost, caller: Principal, record: StoreRecord) -> list[str]:
    """The types whose tuples this caller does not get to see."""
    if not record.is_main:
        return []
    return [kind for kind in sorted(PROTECTED) if kind not in VIEW or not gate.may(caller, VIEW[kind])]


def of_type(column: ColumnElement[str], kind: str) -> ColumnElement[bool]:
    """Names that begin with `type:`; `;` is the character after the colon."""
    return and_(column >= f"{kind}:", column < f"{kind};")


def read_tuples(
    gate: Gatepost, caller: Principal, store: str, wanted: TupleKey | None, page: Paging
) -> Page[StoredTuple]:
    """Tuples of a store, all or those that fit: an object or a type (`doc:`), perhaps a relation, perhaps a user.

    Of the platform's own store, those on groups and roles only for whoever may view groups and roles.
    """
    gate.require(caller, READ, seen_by="")
    record = require_store(gate, store)
    hidden = hidden_types(gate, caller, record)
    conditions = [t.c.store == record.key, t.c.expires_at.is_(None) | (t.c.expires_at > gate.now())]
    conditions += [not_(of_type(t.c.object, kind)) for kind in hidden]
    if wanted is not None:
        conditions += _fitting(wanted, hidden)
    after = read_token(page.token, str, str, str) if page.token else None
    with gate.database.read() as connection:
        found = list(islice(_merged(connection, and_(*conditions), after), page.size + 1))
    shown = found[: page.size]
    return Page(shown, write_token(*shown[-1].key.bare) if len(found) > page.size else "")


def _fitting(wanted: TupleKey, hidden: list[str]) -> Iterator[ColumnElement[bool]]:
    kind, colon, identifier = wanted.object.partition(":")
    if not colon or not kind or (not identifier and not wanted.user):
        raise invalid(
            "the 'tuple_key' field was provided but the object type field is required"
            " and both the object id and user cannot be empty"
        )
    if kind in hidden:
        raise StoreError("forbidden", f"tuples on type '{kind}' take {VIEW.get(kind, 'another way')}", status=403)
    yield t.c.object == wanted.object if identifier else of_type(t.c.object, kind)
    if wanted.relation:
        yield t.c.relation == wanted.relation
    if wanted.user:
        yield t.c.subject == wanted.user


def _merged(
    connection: Connection, fits: ColumnElement[bool], after: tuple[object, ...] | None
) -> Iterator[StoredTuple]:
    """Each tuple once, whatever number of origins it has."""
    for bare, rows in groupby(_rows(connection, fits, after), key=lambda row: (row.object, row.relation, row.subject)):
        by_origin = list(rows)
        held = in_sum(Holding(row.expires_at, row.condition) for row in by_origin)
        key = TupleKey(bare[2], bare[1], bare[0])
        if held is not None and held.condition is not None:
            key = replace(key, condition=held.condition)
        yield StoredTuple(key, min(row.created_at for row in by_origin))


def _rows(connection: Connection, fits: ColumnElement[bool], after: tuple[object, ...] | None) -> Iterator[Row[Any]]:
    place = tuple_(t.c.object, t.c.relation, t.c.subject, t.c.origin)
    start = None if after is None else (*after, "~")  # past every origin of that tuple
    while True:
        query = select(t).where(fits).order_by(t.c.object, t.c.relation, t.c.subject, t.c.origin).limit(AT_ONCE)
        rows = connection.execute(query if start is None else query.where(place > start)).all()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        last = rows[-1]
        start = (last.object, last.relation, last.subject, last.origin)
