"""Long lists in Relay's shape, over the cursors that every translation gives out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from gatepost.directory import pages
from gatepost.errors import InvalidField

T = TypeVar("T")

USUAL = pages.USUAL
USUAL_INSIDE = 20
"""The length of a list inside another list, if nobody says one."""

First = Annotated[int, strawberry.argument(description=f"At most so many: 1 to {pages.MOST}.")]
After = Annotated[str | None, strawberry.argument(description="The cursor of the item before.")]


@strawberry.type(description="Whether there is more, and after which cursor.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="An item of a list, and where the list goes on after it.")
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo


def wanted(first: int, after: str | None) -> pages.Wanted:
    """Raises `InvalidField`."""
    if not 1 <= first <= pages.MOST:
        raise InvalidField({"first": f"allowed are 1 to {pages.MOST}"})
    return pages.Wanted(limit=first, cursor=after or "")


def connection(
    found: pages.Page[Any], make: Callable[[Any], T], key: Callable[[Any], Sequence[str]], after: str | None
) -> Connection[T]:
    """A page as a connection.  `key` is what the list is ordered by: each item has its cursor."""
    edges = [Edge(node=make(item), cursor=pages.encode_cursor(*key(item))) for item in found.items]
    info = PageInfo(
        has_next_page=bool(found.next_cursor),
        has_previous_page=bool(after),
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info)


def sliced(
    items: Sequence[Any], make: Callable[[Any], T], place: Callable[[Any], str], first: int, after: str | None
) -> Connection[T]:
    """One page of what is in memory already, in the order of `place`."""
    found = pages.slice_page(sorted(items, key=place), place, wanted(first, after))
    return connection(found, make, lambda item: (place(item),), after)


def shown(kind: type[T], found: object) -> T:
    """Make an answer from the members of the same names."""
    fields = [each.name for each in dataclasses.fields(kind) if each.init]  # type: ignore[arg-type]
    return kind(**{name: getattr(found, name) for name in fields})
