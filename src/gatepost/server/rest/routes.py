"""The routes of `/api/v1`, made once in a process.

What the framework works out of their signatures is the same for every gate and takes a tenth of a second, half of it at
the first request.  So the applications of a process share it: an embedder's, and those of each test.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.routing import BaseRoute

from gatepost.server.rest import groups, plans, questions, resources, roles, running, services, sign_in, tokens, users
from gatepost.server.rest.parameters import only_known

PARTS = (sign_in, users, groups, roles, services, tokens, resources, questions, plans, running)


def _api() -> APIRouter:
    made = APIRouter(prefix="/api/v1", dependencies=[Depends(only_known)])
    for part in PARTS:
        made.include_router(part.router)
    return made


_API = _api()


def routes() -> list[BaseRoute]:
    return _API.routes
