"""Notes on datasets: whoever may view a dataset reads its notes, whoever may edit it writes them.  Starlette.

The gate is in this process, on a database of its own: uvicorn app:app
"""

from __future__ import annotations

import os
from collections import defaultdict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatepost import Gatepost
from gatepost.asgi import Authentication, may, require, visitor_of

notes: dict[str, list[dict[str, str]]] = defaultdict(list)


async def me(request: Request) -> Response:
    return JSONResponse({"you are": str(visitor_of(request).subject)})


@require("view", "dataset:{id}")
async def read(request: Request) -> Response:
    dataset = request.path_params["id"]
    editable = await may(request, "edit", f"dataset:{dataset}")
    return JSONResponse({"notes": notes[dataset], "editable": editable})


@require("edit", "dataset:{id}")
async def write(request: Request) -> Response:
    text = (await request.body()).decode()
    notes[request.path_params["id"]].append({"by": visitor_of(request).display_name, "text": text})
    return Response(status_code=201)


def create_app(gate: Gatepost) -> Starlette:
    """The application, guarded by this gate."""
    routes = [
        Route("/", me),
        Route("/datasets/{id}/notes", read, methods=["GET"]),
        Route("/datasets/{id}/notes", write, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Authentication, gate=gate)])


def __getattr__(name: str) -> Starlette:
    """`app` is made when a server asks for it, so that a test can import this file and bring its own gate."""
    if name == "app":
        return create_app(Gatepost.open(os.environ.get("DATABASE", "sqlite:///gatepost.db")))
    raise AttributeError(name)
