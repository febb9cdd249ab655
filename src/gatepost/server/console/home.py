"""The first page: who am I, and what can I see."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.access import groups_of, roles_of
from gatepost.directory.pages import Wanted
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.records import SessionRecord
from gatepost.server.console.origins import names_of_providers
from gatepost.server.console.rendering import caller_of, gate_of, render, visit
from gatepost.server.console.resources import form_values
from gatepost.server.console.seen import seen_at_home
from gatepost.tokens.session_list import list_sessions


@visit
def home(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    seen = seen_at_home(gate, caller)
    if caller.is_anonymous:
        return render(request, "home.html", seen=seen)
    subject, graph = Subject.of(caller.subject), gate.memory.graph
    session = this_session(gate, caller)
    return render(
        request,
        "home.html",
        form_values(gate, caller),
        seen=seen,
        groups=sorted(groups_of(subject, graph, caller.groups)),
        roles=sorted(roles_of(subject, graph, caller.groups, caller.roles)),
        how=how(gate, session.method if session else caller.method, caller.provider),
        session=session,
    )


def this_session(gate: Gatepost, caller: Principal) -> SessionRecord | None:
    page = list_sessions(gate, caller, Wanted(limit=500))
    return next((session for session in page.items if session.id == caller.credential_id), None)


def how(gate: Gatepost, method: str, provider: str) -> str:
    """How somebody proved who they are, in words."""
    if provider:
        return f"through {names_of_providers(gate.settings).get(provider, provider)}"
    return "with a password" if method == "password" else f"by {method.replace('_', ' ')}"


def routes() -> list[BaseRoute]:
    return [Route("/", home, methods=["GET"])]
