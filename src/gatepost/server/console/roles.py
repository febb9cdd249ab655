"""Roles: what they hold, and who has them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.authority import known_permissions
from gatepost.directory.pages import Wanted
from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.directory.roles import (
    assign_role,
    change_role,
    create_role,
    delete_role,
    get_role,
    list_assignees,
    list_roles,
    unassign_role,
)
from gatepost.directory.subjects import find_subjects
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.groups import as_subject
from gatepost.server.console.holdings import BY_HAND
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url
from gatepost.server.console.users import may_of, show_user
from gatepost.sso.addresses import safe_next

NOUN = ("create", "edit", "delete", "assign")


def _permissions(form: Form) -> list[str]:
    return form.text("permissions").replace(",", " ").split()


def show_roles(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    query, cursor = request.query_params.get("q", "").strip(), request.query_params.get("cursor", "")
    return render(
        request,
        "roles.html",
        status=status_of(wrong),
        wrong=wrong,
        page=list_roles(gate, caller, Wanted(cursor=cursor), query),
        query=query,
        may=may_of(gate, caller, "role", NOUN),
        known=sorted((name, PLATFORM_PERMISSIONS.get(name, "")) for name in known_permissions(gate)),
    )


@posted("role", show_roles)
def create(request: Request, form: Form) -> Response:
    name, description = form.text("name"), form.text("description")
    made = create_role(gate_of(request), caller_of(request), name, _permissions(form), description)
    return go_to(request, url("roles", made.name), "made")


def show_role(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    role = get_role(gate, caller, request.path_params["name"])
    return render(
        request,
        "role.html",
        status=status_of(wrong),
        wrong=wrong,
        role=role,
        explained=[(name, PLATFORM_PERMISSIONS.get(name, "")) for name in role.permissions],
        page=list_assignees(gate, caller, role.name, Wanted(cursor=request.query_params.get("cursor", ""))),
        by_hand=BY_HAND,
        suggested=find_subjects(gate, caller, ""),
        may=may_of(gate, caller, "role", NOUN),
    )


@posted("role", show_role)
def change(request: Request, form: Form) -> Response:
    gate, caller, name = gate_of(request), caller_of(request), request.path_params["name"]
    permissions = None if get_role(gate, caller, name).builtin else _permissions(form)
    change_role(gate, caller, name, permissions=permissions, description=form.text("description"))
    return go_to(request, url("roles", name), "changed")


@posted("assignee", show_role)
def assign(request: Request, form: Form) -> Response:
    name, until = request.path_params["name"], form.until("expires_at")
    assign_role(gate_of(request), caller_of(request), name, as_subject(form.text("subject")), expires_at=until)
    return go_to(request, url("roles", name), "assigned")


def _person(request: Request, wrong: Wrong | None) -> Response:
    """The page of the person whom a role was to be given to."""
    username = wrong.typed.text("subject").removeprefix("user:") if wrong else ""
    request.scope["path_params"] = {"username": username}
    return show_user(request, Wrong("disable", wrong.error, wrong.typed) if wrong else None)


@posted("assign", _person)
def assign_to_person(request: Request, form: Form) -> Response:
    assign_role(gate_of(request), caller_of(request), form.text("role"), form.text("subject"))
    return go_to(request, safe_next(form.text("back"), "/users"), "assigned")


@posted("remove", show_role)
def unassign(request: Request, form: Form) -> Response:
    name = request.path_params["name"]
    unassign_role(gate_of(request), caller_of(request), name, form.text("subject"))
    return go_to(request, safe_next(form.text("back"), url("roles", name)), "unassigned")


def show_delete(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    role = get_role(gate, caller, request.path_params["name"])
    gate.require(caller, "role:delete", seen_by="role:view")
    return render(
        request,
        "confirm.html",
        status=status_of(wrong),
        wrong=wrong,
        title=f"Delete the role {role.name}?",
        what="Whoever has it loses what it holds. Nobody can undo this.",
        label=f"Delete {role.name}",
        back=url("roles", role.name),
        heir_field=False,
    )


@posted("confirm", show_delete)
def delete(request: Request, _form: Form) -> Response:
    delete_role(gate_of(request), caller_of(request), request.path_params["name"])
    return go_to(request, "/roles", "deleted")


def routes() -> list[BaseRoute]:
    one = "/roles/{name}"
    return [
        Route("/roles", own(show_roles), methods=["GET"]),
        Route("/roles", create, methods=["POST"]),
        Route("/console/assign", assign_to_person, methods=["POST"]),
        Route(one, own(show_role), methods=["GET"]),
        Route(f"{one}/change", change, methods=["POST"]),
        Route(f"{one}/assign", assign, methods=["POST"]),
        Route(f"{one}/unassign", unassign, methods=["POST"]),
        Route(f"{one}/delete", own(show_delete), methods=["GET"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]
