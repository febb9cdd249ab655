"""The peers: the least that an ASGI application, and one on Starlette, can answer on the same uvicorn."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

BODY = b'{"allowed":true,"revision":"1.1"}'
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}


async def bare(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer the same bytes to everything."""
    if scope["type"] == "http":
        await send(START)
        await send({"type": "http.response.body", "body": BODY})


async def answer(_request: Request) -> JSONResponse:
    return JSONResponse({"allowed": True, "revision": "1.1"})


starlette = Starlette(routes=[Route("/api/v1/me", answer), Route("/api/v1/check", answer, methods=["POST"])])
