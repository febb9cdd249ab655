"""Where AuthZEN is served, on the platform's own store."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.server.authzen.discovery import metadata
from gatepost.server.authzen.evaluation import answer_evaluation, answer_evaluations
from gatepost.server.authzen.search import SEARCHES, search

JSON = "application/json"


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/.well-known/authzen-configuration", metadata, methods=["GET"]),
        Route("/access/v1/evaluation", evaluation, methods=["POST"]),
        Route("/access/v1/evaluations", evaluations, methods=["POST"]),
    ]
    # A path parameter would take any word, and answer 500 or 404 by chance.
    found += [Route(f"/access/v1/search/{what}", search(ask), methods=["POST"]) for what, ask in SEARCHES.items()]
    return found


async def evaluation(request: Request) -> Response:
    """As the front answers it, should it ever pass one on."""
    body = await request.body()
    return Response(answer_evaluation(request.state.gate, request.state.principal, body), media_type=JSON)


async def evaluations(request: Request) -> Response:
    answer = answer_evaluations(request.state.gate, request.state.principal, await request.body())
    if not isinstance(answer, bytes):
        answer = await request.state.pools.database(answer)
    return Response(answer, media_type=JSON)
