"""Where AuthZEN is served: on the platform's own store, and below `/stores/{id}` on each other."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.gate import Gatepost
from gatepost.server.authzen.discovery import metadata
from gatepost.server.authzen.evaluation import Later, answer_one, answer_several
from gatepost.server.authzen.search import SEARCHES, search
from gatepost.server.authzen.target import Target, target_of

JSON = "application/json"


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/.well-known/authzen-configuration", metadata, methods=["GET"]),
        Route("/.well-known/authzen-configuration/stores/{store}", metadata, methods=["GET"]),
    ]
    for prefix in ("", "/stores/{store}"):
        found += [
            Route(f"{prefix}/access/v1/evaluation", evaluation, methods=["POST"]),
            Route(f"{prefix}/access/v1/evaluations", evaluations, methods=["POST"]),
        ]
        found += [
            Route(f"{prefix}/access/v1/search/{what}", search(ask), methods=["POST"]) for what, ask in SEARCHES.items()
        ]
    return found


async def evaluation(request: Request) -> Response:
    """On a further store; on the platform's own the front has answered already."""
    return await _answered(request, answer_one)


async def evaluations(request: Request) -> Response:
    return await _answered(request, answer_several)


async def _answered(request: Request, answer: Callable[[Target, bytes], bytes | Later]) -> Response:
    """Answer beside the loop: the store may have to be loaded first."""
    gate: Gatepost = request.state.gate
    store = request.path_params.get("store", "")
    body = await request.body()

    def work() -> bytes:
        found = answer(target_of(gate, request.state.principal, store), body)
        return found if isinstance(found, bytes) else found()

    return Response(await request.state.pools.database(work), media_type=JSON)
