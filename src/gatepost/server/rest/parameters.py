"""The query parameters of an operation: those that it has, each once, and no others.

A filter that is misspelt would find what nobody asked for, and whoever reads an audit trail would believe it.  Names that
begin with `_` are let by: scripts add such a one so that no cache answers, and no parameter of ours begins so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

NOBODYS = "_"


async def only_known(request: Request) -> None:
    """Raise `RequestValidationError` that names each unknown or repeated parameter, and what is allowed."""
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    known = tuple(_names_in(route.dependant))
    sent = Counter(name for name, _ in request.query_params.multi_items() if not name.startswith(NOBODYS))
    wrong = [_fault(name, _unknown(known)) for name in sent if name not in known]
    wrong += [_fault(name, "given more than once") for name, times in sent.items() if times > 1 and name in known]
    if wrong:
        raise RequestValidationError(wrong)


def _names_in(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for within in dependant.dependencies:
        yield from _names_in(within)


def _unknown(known: tuple[str, ...]) -> str:
    allowed = f"allowed are {', '.join(known)}" if known else "none is taken here"
    return f"there is no such parameter; {allowed}"


def _fault(name: str, sentence: str) -> dict[str, Any]:
    return {"type": "value_error", "loc": ("query", name), "ctx": {"error": sentence}}
