"""`/oauth2/revoke` (RFC 7009) and `/oauth2/introspect` (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.audit.record import AuditRecord
from gatepost.errors import InvalidCredentials
from gatepost.gate import Gatepost
from gatepost.server.oauth2_requests import Asked, answer, read_request
from gatepost.tokens.client_credentials import service_of
from gatepost.tokens.introspection import introspect
from gatepost.tokens.revocation import revoke


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth2/revoke", end_token, methods=["POST"]),
        Route("/oauth2/introspect", ask_token, methods=["POST"]),
    ]


async def end_token(request: Request) -> Response:
    """End a token, and the sign-in that it belongs to.  200 also where there is nothing to end."""
    asked = await read_request(request)
    await request.state.pools.database(_revoke, request.state.gate, asked)
    return Response(headers={"Cache-Control": "no-store"})


def _revoke(gate: Gatepost, asked: Asked) -> None:
    """Public clients have nothing but their name to prove; a service that says it is one has to prove it."""
    token = asked["token"]
    if asked.client.secret:
        service_of(gate, asked.client.id, asked.client.secret, asked.address)
    revoke(gate, token, asked.client.id, asked.address)


async def ask_token(request: Request) -> Response:
    """Say what a token is, to a service that may know."""
    asked = await read_request(request)
    return answer(await request.state.pools.database(_introspect, request.state.gate, asked))


def _introspect(gate: Gatepost, asked: Asked) -> Mapping[str, Any]:
    if not asked.client.id or not asked.client.secret:
        raise InvalidCredentials("the caller authenticates with a service's name and token")
    caller = service_of(gate, asked.client.id, asked.client.secret, asked.address)
    # DH-17, as the edge does for services that prove themselves in the header alone.
    gate.journal.note(AuditRecord.of(caller, "service.called", "POST /oauth2/introspect", at=gate.now()))
    return introspect(gate, caller, asked["token"])
