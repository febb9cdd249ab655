"""A small application behind the middleware, on a gate of its own.

gatepost   the test double, which is itself a part under test
shop       the application with its client
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import to_thread
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from gatepost.asgi import Authentication, authorize, may, require, visitor_of
from gatepost.client.errors import Unreachable
from gatepost.errors import Conflict
from gatepost.testing import TestGatepost

lives: list[str] = []


def told(connection: HTTPConnection) -> dict[str, Any]:
    caller = visitor_of(connection)
    headers = sorted(name for name in connection.headers if "gatepost" in name)
    return {
        "subject": str(caller.subject),
        "method": caller.method.value,
        "role": caller.role,
        "user": str(connection.user.subject),
        "headers": headers,
    }


async def me(request: Request) -> Response:
    return JSONResponse(told(request))


@require("view", "dataset:{id}")
async def view(request: Request) -> Response:
    return PlainTextResponse(f"the numbers of {request.path_params['id']}")


@require("edit", "dataset:{id}")
def edit(request: Request) -> Response:
    return PlainTextResponse(f"{request.path_params['id']} was changed")


class Notes(HTTPEndpoint):
    @require("view", "collection:{id}")
    async def get(self, request: Request) -> Response:
        return PlainTextResponse(f"notes on {request.path_params['id']}")


async def inside(request: Request) -> Response:
    editable = await may(request, "edit", f"dataset:{request.path_params['id']}")
    await authorize(request, "view", f"dataset:{request.path_params['id']}")
    return JSONResponse({"editable": editable})


async def broken(_: Request) -> Response:
    raise ZeroDivisionError("a bug of the application's")


async def clashing(_: Request) -> Response:
    raise Conflict("this was taken meanwhile")


async def raw(request: Request) -> Response:
    await to_thread.run_sync(visitor_of(request).require, "edit", f"dataset:{request.path_params['id']}")
    return PlainTextResponse("raw")


async def elsewhere(_request: Request) -> Response:
    raise Unreachable("http://inside.example:8420 cannot be reached")


async def raw_socket(socket: WebSocket) -> None:
    if socket.query_params:
        await socket.accept()
    visitor_of(socket).require("edit", f"dataset:{socket.path_params['id']}")


async def late(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise Conflict("this was taken meanwhile")

    return StreamingResponse(parts())


@require("edit", "datasett:{id}")
async def misspelt(_: Request) -> Response:
    return PlainTextResponse("never")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json(told(socket))
    await socket.close()


@require("view", "dataset:{id}")
async def watch(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("watching")
    await socket.close()


ROUTES = [
    Route("/", me, methods=["GET", "POST"]),
    Route("/open", me),
    Route("/open/{id}", view),
    Route("/datasets/{id:path}", view, methods=["GET"]),
    Route("/datasets/{id:path}", edit, methods=["PUT"]),
    Route("/notes/{id}", Notes),
    Route("/inside/{id}", inside),
    Route("/broken", broken),
    Route("/clashing", clashing),
    Route("/raw/{id}", raw),
    Route("/elsewhere", elsewhere),
    Route("/late", late),
    Mount("/mounted", Starlette(routes=[Route("/raw/{id}", raw), Route("/broken", broken)])),
    WebSocketRoute("/raw-socket/{id}", raw_socket),
    Route("/misspelt/{id}", misspelt),
    WebSocketRoute("/echo", echo),
    WebSocketRoute("/watch/{id}", watch),
]


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    lives.append("begun")
    yield
    lives.append("over")


def application(*middleware: Middleware) -> Starlette:
    return Starlette(routes=ROUTES, middleware=list(middleware), lifespan=lifespan)


def client_of(app: ASGIApp, **options: Any) -> TestClient:
    return TestClient(app, base_url="http://app.example", raise_server_exceptions=False, **options)


@pytest.fixture
def gatepost() -> Iterator[TestGatepost]:
    with TestGatepost() as double:
        yield double


@pytest.fixture(params=["around the application", "among its middleware"])
def shop(request: pytest.FixtureRequest, gatepost: TestGatepost) -> TestClient:
    """Both ways to install it answer alike."""
    options: dict[str, Any] = {"gate": gatepost.gate, "public": ["/open"], "origins": ["http://app.example"]}
    if request.param == "around the application":
        return client_of(Authentication(application(), **options))
    return client_of(application(Middleware(Authentication, **options)))
