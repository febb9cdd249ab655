"""Refused sign-ins: a name or an e-mail from elsewhere that is somebody's here already.  Nothing is merged from here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.directory.profiles import read_profile
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.origins import names_of_providers
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render
from gatepost.sso.identities import dismiss_conflict, list_conflicts

PATH = "/conflicts"


def show_conflicts(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    page = list_conflicts(gate, caller, Wanted(cursor=request.query_params.get("cursor", "")))
    names = names_of_providers(gate.settings)
    may = {"dismiss": gate.may(caller, "conflict:delete"), "users": gate.may(caller, "user:view")}
    # It may be the e-mail that clashes: then nobody has the name.
    here = {it.username for it in page.items if read_profile(gate, it.username)} if may["users"] else set()
    return render(
        request,
        "conflicts.html",
        status=status_of(wrong),
        wrong=wrong,
        page=page,
        providers=names,
        account_page=f"{gate.settings.main.public_url}/account",
        here=here,
        may=may,
    )


@posted("dismiss", show_conflicts)
def dismiss(request: Request, form: Form) -> Response:
    dismiss_conflict(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, PATH, "dismissed")


def routes() -> list[BaseRoute]:
    return [
        Route(PATH, own(show_conflicts), methods=["GET"]),
        Route(f"{PATH}/dismiss", dismiss, methods=["POST"]),
    ]
