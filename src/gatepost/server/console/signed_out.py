"""After a sign-out: what is over, what may still be open at the provider, and that the next sign-in asks again."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import GatepostError, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.rendering import caller_of, gate_of, render, url
from gatepost.server.cookies import LEAVING, ask_again, clear_session, forget, keep, kept
from gatepost.server.headers import page_policy
from gatepost.server.provider_logout import origins_of
from gatepost.sso.leaving import RETURN_WITHIN, Departure, Left, depart, has_returned, leave
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of

LOOK_SECONDS = 2.0


async def sign_out_everywhere(request: Request) -> Response:
    """End the session and forget the cookie; then go on to the provider that it came from, if that has a way out.

    Whoever is signed out already is just told so.
    """
    gate, caller = gate_of(request), caller_of(request)
    left = Left() if caller.is_anonymous else await request.state.pools.database(leave, gate, caller)
    departure = await _departure(request, left) if left.provider else None
    if departure is not None:
        target = departure.url
    elif left.provider:
        target = url("oauth", left.provider, "signed-out", open="true")
    else:
        target = url("login", done="signed-out")
    response = RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})
    clear_session(response, gate)
    if left.provider:
        ask_again(response, gate)
    if departure is not None:
        keep(response, gate, LEAVING, departure.sealed, RETURN_WITHIN)
    return response


async def _departure(request: Request, left: Left) -> Departure | None:
    try:
        found: Departure | None = await request.state.pools.provider(left.provider)(depart, gate_of(request), left)
    except GatepostError:
        return None  # too many wait for this provider: our session is over all the same
    return found


async def look_ahead(request: Request, caller: Principal) -> str:
    """The policy of the page whose form ends at the provider: a browser holds the form to it through every redirect."""
    try:
        provider = providers_of(gate_of(request)).get(caller.provider)
    except NotFound:
        return page_policy("").decode()
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await request.state.pools.provider(provider.name)(provider.metadata)
    except (GatepostError, TimeoutError):
        return _policy(provider)  # as far as the configuration tells
    return _policy(provider)


def _policy(provider: Provider) -> str:
    return page_policy("".join(f" {origin}" for origin in origins_of(provider) if origin != "'none'")).decode()


def show(request: Request) -> Response:
    """Where the provider sends the browser after a sign-out there, and where we do if there is no way to one."""
    gate, name = gate_of(request), request.path_params["provider"]
    states, open_there = request.query_params.getlist("state"), request.query_params.get("open") == "true"
    sealed = kept(request, gate, LEAVING)
    if open_there and not states:
        return _page(request, gate, name, "open")
    providers_of(gate).get(name)
    if sealed is None and not states:
        return RedirectResponse("/login", 303, headers={"Cache-Control": "no-store"})
    returned = sealed is not None and len(states) == 1 and has_returned(gate, name, sealed, states[0])
    response = _page(request, gate, name, "over" if returned else "unknown")
    forget(response, gate, LEAVING)
    return response


def _page(request: Request, gate: Gatepost, name: str, there: str) -> Response:
    shown = next((p.called for p in gate.settings.sso.providers if p.name == name), None)
    if shown is None and there != "open":
        raise NotFound("there is no such provider")
    return render(
        request,
        "signed_out.html",
        status=400 if there == "unknown" else 200,
        provider=shown or "your identity provider",
        there=there,
    )


def routes() -> list[BaseRoute]:
    return [Route("/oauth/{provider}/signed-out", show, methods=["GET"])]
