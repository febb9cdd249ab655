"""Groups: members with their origin, and groups within groups."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.access import grants_of, groups_of
from gatepost.directory.groups import (
    add_member,
    change_group,
    create_group,
    delete_group,
    get_group,
    list_groups,
    list_members,
    remove_member,
)
from gatepost.directory.pages import Wanted
from gatepost.directory.subjects import find_subjects
from gatepost.principal import Subject
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.holdings import BY_HAND
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url
from gatepost.server.console.users import may_of
from gatepost.sso.addresses import safe_next

NOUN = ("create", "edit", "delete")


def as_subject(text: str) -> str:
    """`bob` means `user:bob`: most people name people."""
    return text if ":" in text or not text else f"user:{text}"


def show_groups(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    query, cursor = request.query_params.get("q", "").strip(), request.query_params.get("cursor", "")
    page = list_groups(gate, caller, Wanted(cursor=cursor), query)
    may = may_of(gate, caller, "group", NOUN)
    return render(request, "groups.html", status=status_of(wrong), wrong=wrong, page=page, query=query, may=may)


@posted("group", show_groups)
def create(request: Request, form: Form) -> Response:
    made = create_group(gate_of(request), caller_of(request), form.text("name"), form.text("description"))
    return go_to(request, url("groups", made.name), "made")


def show_group(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    group = get_group(gate, caller, request.path_params["name"])
    graph, userset = gate.memory.graph, Subject("group", group.name, "member")
    carried = [(name, relation) for name, relation in grants_of(userset, graph) if _is_resource(name)]
    return render(
        request,
        "group.html",
        status=status_of(wrong),
        wrong=wrong,
        group=group,
        page=list_members(gate, caller, group.name, Wanted(cursor=request.query_params.get("cursor", ""))),
        within=sorted(groups_of(userset, graph) - {group.name}),
        carried=carried,
        by_hand=BY_HAND,
        suggested=find_subjects(gate, caller, ""),
        may=may_of(gate, caller, "group", NOUN),
    )


def _is_resource(name: str) -> bool:
    return name.partition(":")[0] not in ("group", "role", "platform")


@posted("group", show_group)
def change(request: Request, form: Form) -> Response:
    name = request.path_params["name"]
    change_group(gate_of(request), caller_of(request), name, form.text("description"))
    return go_to(request, url("groups", name), "changed")


@posted("member", show_group)
def add(request: Request, form: Form) -> Response:
    name = request.path_params["name"]
    until = form.until("expires_at")
    add_member(gate_of(request), caller_of(request), name, as_subject(form.text("subject")), expires_at=until)
    return go_to(request, url("groups", name), "member-added")


@posted("remove", show_group)
def remove(request: Request, form: Form) -> Response:
    name = request.path_params["name"]
    remove_member(gate_of(request), caller_of(request), name, form.text("subject"))
    return go_to(request, safe_next(form.text("back"), url("groups", name)), "member-removed")


def show_delete(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    group = get_group(gate, caller, request.path_params["name"])
    gate.require(caller, "group:delete", seen_by="group:view")
    return render(
        request,
        "confirm.html",
        status=status_of(wrong),
        wrong=wrong,
        title=f"Delete the group {group.name}?",
        what="Its members lose everything that they have through it. Nobody can undo this.",
        label=f"Delete {group.name}",
        back=url("groups", group.name),
        heir_field=False,
    )


@posted("confirm", show_delete)
def delete(request: Request, _form: Form) -> Response:
    delete_group(gate_of(request), caller_of(request), request.path_params["name"])
    return go_to(request, "/groups", "deleted")


def routes() -> list[BaseRoute]:
    one = "/groups/{name}"
    return [
        Route("/groups", own(show_groups), methods=["GET"]),
        Route("/groups", create, methods=["POST"]),
        Route(one, own(show_group), methods=["GET"]),
        Route(f"{one}/change", change, methods=["POST"]),
        Route(f"{one}/add", add, methods=["POST"]),
        Route(f"{one}/remove", remove, methods=["POST"]),
        Route(f"{one}/delete", own(show_delete), methods=["GET"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]
