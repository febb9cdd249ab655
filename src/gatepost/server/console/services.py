"""Services: machines, their one role, and their tokens."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.directory.roles import list_roles
from gatepost.directory.services import change_service, create_service, delete_service, get_service, list_services
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url
from gatepost.server.console.scopes import LIVES, wanted_token
from gatepost.server.console.users import MOST_NAMES, may_of
from gatepost.tokens.api_tokens import IssuedToken
from gatepost.tokens.service_tokens import (
    WantedServiceToken,
    issue_service_token,
    list_service_tokens,
    revoke_service_token,
)

NOUN = ("create", "edit", "delete")
TOKEN_NOUN = ("view", "create", "delete")


def show_services(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    query, cursor = request.query_params.get("q", "").strip(), request.query_params.get("cursor", "")
    page = list_services(gate, caller, Wanted(cursor=cursor), query)
    may = may_of(gate, caller, "service", NOUN)
    return render(request, "services.html", status=status_of(wrong), wrong=wrong, page=page, query=query, may=may)


@posted("service", show_services)
def create(request: Request, form: Form) -> Response:
    made = create_service(gate_of(request), caller_of(request), form.text("name"), form.text("description"))
    return go_to(request, url("services", made.name), "made")


def show_service(request: Request, wrong: Wrong | None = None, issued: IssuedToken | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    service = get_service(gate, caller, request.path_params["name"])
    may_tokens = may_of(gate, caller, "service_token", TOKEN_NOUN)
    roles = [service.role] if service.role else []
    if not roles and gate.may(caller, "role:view"):
        roles = [role.name for role in list_roles(gate, caller, Wanted(limit=MOST_NAMES)).items]
    return render(
        request,
        "service.html",
        status=status_of(wrong),
        wrong=wrong,
        issued=issued,
        service=service,
        page=list_service_tokens(gate, caller, Wanted(), service.name) if may_tokens["view"] else None,
        roles=roles,
        lives=LIVES,
        may=may_of(gate, caller, "service", NOUN),
        may_tokens=may_tokens,
    )


@posted("service", show_service)
def change(request: Request, form: Form) -> Response:
    name = request.path_params["name"]
    change_service(gate_of(request), caller_of(request), name, form.text("description"))
    return go_to(request, url("services", name), "changed")


@posted("token", show_service)
def issue(request: Request, form: Form) -> Response:
    """The secret is in this answer and nowhere else, so there is no redirect."""
    gate, caller, name = gate_of(request), caller_of(request), request.path_params["name"]
    wish = wanted_token(gate, form, name)
    wanted = WantedServiceToken(name=name, role=form.text("role"), scopes=wish.scopes, expires_at=wish.expires_at)
    return show_service(request, issued=issue_service_token(gate, caller, wanted))


@posted("revoke", show_service)
def revoke(request: Request, form: Form) -> Response:
    revoke_service_token(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, url("services", request.path_params["name"]), "revoked")


def show_delete(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    service = get_service(gate, caller, request.path_params["name"])
    gate.require(caller, "service:delete", seen_by="service:view")
    return render(
        request,
        "confirm.html",
        status=status_of(wrong),
        wrong=wrong,
        title=f"Delete the service {service.name}?",
        what="All its tokens end at once, and every permission that it was given. Nobody can undo this.",
        label=f"Delete {service.name}",
        back=url("services", service.name),
        heir_field=False,
    )


@posted("confirm", show_delete)
def delete(request: Request, _form: Form) -> Response:
    delete_service(gate_of(request), caller_of(request), request.path_params["name"])
    return go_to(request, "/services", "deleted")


def routes() -> list[BaseRoute]:
    one = "/services/{name}"
    return [
        Route("/services", own(show_services), methods=["GET"]),
        Route("/services", create, methods=["POST"]),
        Route(one, own(show_service), methods=["GET"]),
        Route(f"{one}/change", change, methods=["POST"]),
        Route(f"{one}/tokens", issue, methods=["POST"]),
        Route(f"{one}/revoke", revoke, methods=["POST"]),
        Route(f"{one}/delete", own(show_delete), methods=["GET"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]
