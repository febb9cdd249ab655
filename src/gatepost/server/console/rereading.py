"""On a person's page: their groups and roles read again at the provider, and what came of it."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import Conflict, ProviderFailed, Unavailable
from gatepost.server.console.forms import Form, Wrong
from gatepost.server.console.rendering import caller_of, gate_of
from gatepost.server.console.users import show_user
from gatepost.server.rereading import reread_everywhere


async def read_again(request: Request) -> Response:
    """What was done is said here, so there is no redirect; doing it twice does nothing more."""
    pools, username = request.state.pools, request.path_params["username"]
    try:
        done = await reread_everywhere(gate_of(request), pools, caller_of(request), username)
    except (Conflict, ProviderFailed, Unavailable) as error:
        shown = partial(show_user, request, Wrong("sync", error, Form()))
    else:
        shown = partial(show_user, request, reread=done)
    response: Response = await pools.database(shown)
    return response


def routes() -> list[BaseRoute]:
    return [Route("/users/{username}/sync", read_again, methods=["POST"])]
