"""Sign-in elsewhere, for whoever runs the platform: how each provider and issuer is doing, and what to register there."""

from __future__ import annotations

import asyncio
import os
import socket

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.server.console.forms import read_form
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render
from gatepost.sso.reports import look_at, provider_states
from gatepost.sso.states import providers_of

PATH = "/providers"
WAIT_SECONDS = 4.0  # for a provider; the asking itself goes on behind the page
LABELS = {
    "redirect_uri": "Redirect after a sign-in",
    "post_logout_redirect_uri": "Redirect after a sign-out",
    "backchannel_logout_uri": "Back-channel logout",
    "frontchannel_logout_uri": "Front-channel logout",
    "initiate_login_uri": "Sign-in begun at the provider",
    "jwks_uri": "Our public keys",
}


def show_providers(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    states = provider_states(gate, caller)
    return render(
        request,
        "providers.html",
        providers=[state for state in states if state.kind == "provider"],
        issuers=[state for state in states if state.kind == "issuer"],
        labels=LABELS,
        passwords=gate.settings.main.password_sign_in,
        cautions=gate.settings.warnings(),
        process=f"{os.getpid()} on {socket.gethostname()}",
    )


async def look_now(request: Request) -> Response:
    """Ask one of them, on its own pool: one that does not answer holds up nobody else, and this page only so long."""
    gate, caller, form = gate_of(request), caller_of(request), await read_form(request)
    gate.require(caller, "provider:view", seen_by="")
    source = providers_of(gate).source(form.text("name"))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            asked = request.state.pools.provider(source.name)(look_at, gate, caller, source.name)
            done = f"looked-{(await asyncio.shield(asked)).status}"  # said: another worker may answer the next request
    except TimeoutError:
        done = "looking"
    return go_to(request, f"{PATH}#at-{source.name}", done)


def routes() -> list[BaseRoute]:
    return [
        Route(PATH, own(show_providers), methods=["GET"]),
        Route(f"{PATH}/look", look_now, methods=["POST"]),
    ]
