"""Pages of long lists: a cursor is the last key that was shown, wrapped so that nobody builds on its form."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, false, or_, true, tuple_

from gatepost.errors import InvalidField

T = TypeVar("T")

MOST = 500
USUAL = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: at most `limit` items after `cursor`."""

    limit: int = USUAL
    cursor: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST:
            raise InvalidField({"limit": f"allowed are 1 to {MOST}"})


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and where the next ones begin: empty at the end."""

    items: list[T]
    next_cursor: str = ""


def encode_cursor(*key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """Raises `InvalidField` for anything that `encode_cursor` did not make for this list."""
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidField({"cursor": "this is not a cursor of this list"}) from error
    fits = (
        isinstance(value, list)
        and len(value) == len(kinds)
        and all(type(v) is k for v, k in zip(value, kinds, strict=True))
    )
    if (
        not fits
        or any(isinstance(v, int) and abs(v) >= 1 << 62 for v in value)
        or any(isinstance(v, str) and not can_be_stored(v) for v in value)
    ):
        raise InvalidField({"cursor": "this is not a cursor of this list"})
    return tuple(value)


def can_be_stored(text: str) -> bool:
    """Tell whether both databases take `text`: no NUL character, and no half of a pair (which is not UTF-8)."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def containing(query: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows with `query` in one of the columns, and all for none.  Nothing in it is a pattern.

    In any case: that is for the database to say, on both sides.  PostgreSQL knows the letters of its locale.
    """
    if not query:
        return true()
    if not can_be_stored(query):
        return false()
    return or_(*(column.icontains(query, autoescape=True) for column in columns))


def read_page(
    connection: Connection,
    query: Select[Any],
    key: Sequence[ColumnElement[Any]],
    wanted: Wanted,
    make: Callable[[Row[Any]], T],
    *,
    descending: bool = False,
) -> Page[T]:
    """Read one page of `query` in the order of `key`, whose columns are text and unique together."""
    order = [column.desc() if descending else column.asc() for column in key]
    if wanted.cursor:
        after = decode_cursor(wanted.cursor, *(str for _ in key))
        query = query.where(tuple_(*key) < after if descending else tuple_(*key) > after)
    rows = connection.execute(query.order_by(*order).limit(wanted.limit + 1)).all()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    cursor = encode_cursor(*(getattr(shown[-1], column.key or "") for column in key)) if more else ""
    return Page([make(row) for row in shown], cursor)


def counted_page(items: Sequence[T], wanted: Wanted) -> Page[T]:
    """One page of a list that is short by nature, in its own order: the cursor says how many came before."""
    start = decode_cursor(wanted.cursor, int)[0] if wanted.cursor else 0
    if start < 0:
        raise InvalidField({"cursor": "this is not a cursor of this list"})
    end = start + wanted.limit
    return Page(list(items[start:end]), encode_cursor(end) if len(items) > end else "")


def slice_page(items: Sequence[T], key: Callable[[T], str], wanted: Wanted) -> Page[T]:
    """One page of a list that is in memory already, ordered by `key`."""
    after = decode_cursor(wanted.cursor, str)[0] if wanted.cursor else None
    rest = [item for item in items if after is None or key(item) > after]
    shown = rest[: wanted.limit]
    return Page(list(shown), encode_cursor(key(shown[-1])) if len(rest) > wanted.limit else "")
