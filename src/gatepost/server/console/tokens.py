"""My API tokens: making one, whose secret is shown this once, and revoking it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render
from gatepost.server.console.scopes import LIVES, wanted_token
from gatepost.tokens.api_tokens import IssuedToken, issue_api_token, list_api_tokens, revoke_api_token


def show_tokens(request: Request, wrong: Wrong | None = None, issued: IssuedToken | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    page = list_api_tokens(gate, caller, Wanted(cursor=request.query_params.get("cursor", "")))
    return render(
        request,
        "tokens.html",
        status=status_of(wrong),
        wrong=wrong,
        page=page,
        issued=issued,
        lives=LIVES,
        server=gate.settings.main.public_url,
    )


@posted("token", show_tokens)
def create(request: Request, form: Form) -> Response:
    """The secret is in this answer and nowhere else, so there is no redirect."""
    gate, caller = gate_of(request), caller_of(request)
    issued = issue_api_token(gate, caller, wanted_token(gate, form, form.text("name")))
    return show_tokens(request, issued=issued)


@posted("revoke", show_tokens)
def revoke(request: Request, form: Form) -> Response:
    revoke_api_token(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, "/tokens", "revoked")


def routes() -> list[BaseRoute]:
    return [
        Route("/tokens", own(show_tokens), methods=["GET"]),
        Route("/tokens", create, methods=["POST"]),
        Route("/tokens/revoke", revoke, methods=["POST"]),
    ]
