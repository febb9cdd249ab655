"""The changelog: what every process's memory is fed from.

The revision of a change comes from the head row, which its writer keeps locked until it commits.  So revisions are given
in commit order, and a reader that has seen N can never be handed something at or below N later on.  (A sequence could:
numbers are drawn in one order and commit in another, and "greater than the last I saw" would skip rows for good.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from gatepost.errors import Unavailable
from gatepost.store.revision import Head
from gatepost.store.tables import changelog, head

TUPLE = "tuple"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the changelog.  `kind` names the noun, `key` which one, `payload` what memory needs to know."""

    number: int
    kind: str
    key: str
    payload: dict[str, Any]


def read_head(connection: Connection, *, lock: bool = False) -> Head:
    """Read the head row; with `lock`, keep every other writer out until this transaction ends."""
    query = select(head.c.epoch, head.c.number, head.c.stamp, head.c.pruned_to).where(head.c.id == 1)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unavailable("the database holds no Gatepost", detail="the head row is missing")
    return Head(*row)


def append(connection: Connection, at: Head, entries: Sequence[Entry], stamp: str, when: datetime) -> Head:
    """Write `entries` as the revision after `at`, which the caller holds locked."""
    number = at.number + 1
    rows = [
        {
            "number": number,
            "position": position,
            "stamp": stamp,
            "kind": entry.kind,
            "key": entry.key,
            "payload": entry.payload,
            "at": when,
            "store": entry.payload["store"] if entry.kind == TUPLE else None,
        }
        for position, entry in enumerate(entries)
    ]
    connection.execute(insert(changelog), rows)
    connection.execute(update(head).where(head.c.id == 1).values(number=number, stamp=stamp))
    return Head(at.epoch, number, stamp, at.pruned_to)


def read_after(connection: Connection, number: int, upto: int) -> Iterator[Entry]:
    """Yield the entries with `number` < theirs ≤ `upto`, in order."""
    columns = (changelog.c.number, changelog.c.kind, changelog.c.key, changelog.c.payload)
    query = (
        select(*columns)
        .where(and_(changelog.c.number > number, changelog.c.number <= upto))
        .order_by(changelog.c.number, changelog.c.position)
    )
    for row in connection.execute(query):
        yield Entry(*row)


def stamp_of(connection: Connection, number: int) -> str | None:
    """The stamp under which revision `number` was written, or None if the log does not hold it."""
    query = select(changelog.c.stamp).where(changelog.c.number == number).limit(1)
    return connection.execute(query).scalar_one_or_none()


def holds(connection: Connection, at: Head, seen: Head) -> bool:
    """Tell whether the history that ends at `at` is the one in which `seen` was the newest, both of one epoch.

    The log must not be pruned past `seen`.
    """
    if at.number <= seen.number:
        return (at.number, at.stamp) == (seen.number, seen.stamp)
    return seen.number == 0 or stamp_of(connection, seen.number) == seen.stamp


def prune(connection: Connection, before: datetime, keep: int) -> int:
    """Drop entries older than `before`, but never the newest `keep` revisions.  The caller holds the head row.

    Returns how many rows went.  A reader that is behind what was pruned reloads in full.  What became of tuples stays:
    it is the history that `/changes` reads from its beginning.
    """
    at = read_head(connection)
    query = select(changelog.c.number).where(changelog.c.at < before).order_by(changelog.c.number.desc()).limit(1)
    oldest = connection.execute(query).scalar_one_or_none()
    upto = min(oldest or 0, at.number - keep)
    if upto <= at.pruned_to:
        return 0
    fresh = and_(changelog.c.number > at.pruned_to, changelog.c.number <= upto)
    gone = connection.execute(changelog.delete().where(fresh, changelog.c.kind != TUPLE))
    connection.execute(update(head).where(head.c.id == 1).values(pruned_to=upto))
    return gone.rowcount
