"""What every route shares: the gate and the caller, pages, and the errors that an operation documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request

from gatepost.directory import pages
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.rest.shapes import Page, Problem

T = TypeVar("T")


# Plain functions would each be sent to the thread pool, where they would wait behind what blocks there.
async def _gate(request: Request) -> Gatepost:
    gate: Gatepost = request.state.gate
    return gate


async def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


async def _wanted(
    limit: Annotated[int, Query(ge=1, le=pages.MOST, description="At most so many items.")] = pages.USUAL,
    cursor: Annotated[str, Query(max_length=1000, description="`next_cursor` of the page before.")] = "",
) -> pages.Wanted:
    return pages.Wanted(limit=limit, cursor=cursor)


Gate = Annotated[Gatepost, Depends(_gate)]
Caller = Annotated[Principal, Depends(_caller)]
WantedPage = Annotated[pages.Wanted, Depends(_wanted)]

_MEANING = {
    400: "The request is malformed.",
    401: "No credential where one is needed, or a bad one.",
    403: "The caller sees it and may not do this.",
    404: "Not there, or not for the caller to see.",
    409: "A name is taken, the state of things forbids it, or `Gatepost-At-Least` was never given.",
    413: "The body is larger than 1 MiB.",
    421: "The Host is not this server's.",
    422: "A field is wrong; `errors` names each.",
    429: "Too many wrong passwords; `Retry-After` says how many seconds to wait.",
    502: "An identity provider did not do its part.",
    503: "An answer cannot be given now: not a no.",
}
ALWAYS = (400, 401, 403, 409, 413, 421, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for the OpenAPI document: those that any has, and its own."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANING[status], "content": content} for status in sorted({*ALWAYS, *statuses})}


def page_of(found: pages.Page[Any], make: Callable[[Any], T]) -> Page[T]:
    return Page(items=[make(item) for item in found.items], next_cursor=found.next_cursor or None)


def all_of(items: Iterable[T], wanted: pages.Wanted | None = None) -> Page[T]:
    """A list that is short by nature: whole, or as much of it as is wanted."""
    found = list(items)
    return Page(items=found, next_cursor=None) if wanted is None else page_of(pages.counted_page(found, wanted), _same)


def _same(item: T) -> T:
    return item


__all__ = ["Caller", "Gate", "Problem", "WantedPage", "all_of", "page_of", "problems"]
