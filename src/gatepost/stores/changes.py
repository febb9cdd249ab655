"""What became of a store's tuples, from the beginning or from a cursor on: complete, and in the order of revisions.

The history is the changelog itself, whose rows about tuples outlive the pruning of the others.  A cursor carries the stamp
of its revision, so that after a restore it cannot go on in a history that is not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, not_, select, tuple_

from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.store.changelog import TUPLE
from gatepost.stores.errors import StoreError
from gatepost.stores.keys import TupleKey
from gatepost.stores.listing import READ, require_store
from gatepost.stores.pages import MOST, Page, Paging, read_token, write_token
from gatepost.stores.reads import hidden_types, of_type

WAIT_SECONDS = 0.5
c = tables.changelog


@dataclass(frozen=True, slots=True)
class TupleEvent:
    """A tuple was written (or given another condition or expiry), or is gone.  `cursor` goes on after it."""

    key: TupleKey
    deleted: bool
    at: datetime
    cursor: str


def read_changes(
    gate: Gatepost, caller: Principal, store: str, page: Paging, kind: str = "", since: datetime | None = None
) -> Page[TupleEvent]:
    """The next changes.  The page's token is good for asking again later, also where nothing has changed yet.

    Of the platform's own store, those on groups and roles only for whoever may view groups and roles.
    """
    gate.require(caller, READ, seen_by="")
    record = require_store(gate, store)
    fits = [c.c.store == record.key, c.c.kind == TUPLE]
    fits += [not_(of_type(c.c.key, hidden)) for hidden in hidden_types(gate, caller, record)]
    if kind:
        fits.append(of_type(c.c.key, kind))
    if since is not None and not page.token:
        fits.append(c.c.at >= since)
    columns = (c.c.number, c.c.position, c.c.stamp, c.c.payload, c.c.at)
    query = select(*columns).where(and_(*fits)).order_by(c.c.number, c.c.position).limit(page.size)
    with gate.database.snapshot() as connection:
        if page.token:
            query = query.where(tuple_(c.c.number, c.c.position) > _place(connection, record, page.token, kind))
        rows = connection.execute(query).all()
    found = [
        TupleEvent(
            TupleKey(row.payload["s"], row.payload["r"], row.payload["o"], row.payload.get("condition")),
            row.payload["gone"],
            row.at,
            write_token(row.number, row.position, row.stamp, kind),
        )
        for row in rows
    ]
    return Page(found, found[-1].cursor if found else page.token)


def _place(connection: Connection, record: StoreRecord, token: str, kind: str) -> tuple[int, int]:
    """Where the cursor stands.  Raises `StoreError` if that is in no history of this store."""
    number, position, stamp, of_kind = read_token(token, int, int, str, str)
    if of_kind != kind:
        sentence = "The type in the querystring and the continuation token don't match"
        raise StoreError("query_string_type_continuation_token_mismatch", sentence)
    here = and_(c.c.number == number, c.c.position == position, c.c.stamp == stamp, c.c.store == record.key)
    if connection.execute(select(c.c.number).where(here)).first() is None:
        raise StoreError("invalid_continuation_token", "Invalid continuation token: that history is no more, read anew")
    return int(str(number)), int(str(position))


def watch(
    gate: Gatepost,
    caller: Principal,
    store: str,
    after: str = "",
    kind: str = "",
    *,
    going_on: Callable[[], bool] = lambda: True,
) -> Iterator[TupleEvent]:
    """Yield every change from the cursor `after` on, and then those to come, as long as `going_on` says so.

    Whether the caller may read is asked again each time.
    """
    while going_on():
        seen = gate.memory.revision.number
        page = read_changes(gate, caller, store, Paging(MOST, after), kind)
        yield from page.items
        after = page.token
        if not page.items:
            gate.memory.wait_beyond(seen, WAIT_SECONDS)
