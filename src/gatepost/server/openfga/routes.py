"""Where OpenFGA's API is: each address with the function that answers it, run on the database's pool."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.openfga import answers
from gatepost.server.openfga.calls import Call
from gatepost.server.openfga.hot import hot_question

Answer = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Address:
    """One operation.  A status of 204 has no body; `lines` are one JSON document a line.

    `asks` are the questions, which whoever is anonymous may ask about themselves.
    """

    method: str
    path: str
    answer: Answer
    status: int = 200
    lines: bool = False
    asks: bool = False


STORE = "/stores/{store}"
ADDRESSES = (
    Address("POST", "/stores", answers.create_store, 201),
    Address("GET", "/stores", answers.list_stores),
    Address("GET", STORE, answers.get_store),
    Address("DELETE", STORE, answers.delete_store, 204),
    Address("POST", f"{STORE}/authorization-models", answers.write_model, 201),
    Address("GET", f"{STORE}/authorization-models", answers.list_models),
    Address("GET", f"{STORE}/authorization-models/{{model}}", answers.get_model),
    Address("POST", f"{STORE}/write", answers.write),
    Address("POST", f"{STORE}/read", answers.read),
    Address("GET", f"{STORE}/changes", answers.changes),
    Address("POST", f"{STORE}/expand", answers.expand, asks=True),
    Address("POST", f"{STORE}/list-objects", answers.list_objects, asks=True),
    Address("POST", f"{STORE}/streamed-list-objects", answers.streamed_list_objects, lines=True, asks=True),
    Address("POST", f"{STORE}/list-users", answers.list_users, asks=True),
    Address("PUT", f"{STORE}/assertions/{{model}}", answers.write_assertions, 204),
    Address("GET", f"{STORE}/assertions/{{model}}", answers.read_assertions),
)


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = [Route(each.path, _endpoint(each), methods=[each.method]) for each in ADDRESSES]
    return found + [Route(f"{STORE}/{verb}", _question, methods=["POST"]) for verb in ("check", "batch-check")]


def _endpoint(address: Address) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        if request.state.principal.is_anonymous and not address.asks:
            raise Unauthenticated("this needs a signed-in caller")
        call = Call(
            request.state.gate,
            request.state.principal,
            request.path_params,
            dict(request.query_params),
            await request.body(),
        )
        found = await request.state.pools.database(address.answer, call)
        response = _response(address, found)
        response.raw_headers.extend(call.headers())
        return response

    return endpoint


def _response(address: Address, found: Any) -> Response:
    if address.status == 204:
        return Response(status_code=204)
    if address.lines:
        content = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in found)
        return Response(content, media_type="application/json")
    return JSONResponse(found, address.status)


async def _question(request: Request) -> Response:
    """As the front answers it, should it ever pass one on."""
    hot = hot_question(request.url.path)
    gate: Gatepost = request.state.gate
    caller: Principal = request.state.principal
    answer = b"" if hot is None else hot(gate, caller, await request.body())
    if callable(answer):
        answer = await request.state.pools.database(answer)
    if isinstance(answer, bytes):
        return Response(answer, media_type="application/json")
    response = Response(answer.body, media_type="application/json")
    response.raw_headers.extend(answer.headers)
    return response
