"""My sessions: where I am signed in, and ending it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.server.console.agents import agent_icon, agent_text
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.home import how
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render
from gatepost.tokens.session_list import end_other_sessions, end_session, list_sessions


def show_sessions(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    page = list_sessions(gate, caller, Wanted(cursor=request.query_params.get("cursor", "")))
    rows = [
        {
            "session": session,
            "here": session.id == caller.credential_id,
            "agent": agent_text(session.agent),
            "icon": agent_icon(session.agent) if session.has_cookie else "server",
            "how": how(gate, session.method, session.provider),
        }
        for session in page.items
    ]
    rows.sort(key=lambda row: not row["here"])
    return render(request, "sessions.html", status=status_of(wrong), wrong=wrong, page=page, rows=rows)


@posted("end", show_sessions)
def end(request: Request, form: Form) -> Response:
    end_session(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, "/sessions", "session-ended")


@posted("end", show_sessions)
def end_others(request: Request, _form: Form) -> Response:
    end_other_sessions(gate_of(request), caller_of(request))
    return go_to(request, "/sessions", "others-ended")


def routes() -> list[BaseRoute]:
    return [
        Route("/sessions", own(show_sessions), methods=["GET"]),
        Route("/sessions/end", end, methods=["POST"]),
        Route("/sessions/end-others", end_others, methods=["POST"]),
    ]
