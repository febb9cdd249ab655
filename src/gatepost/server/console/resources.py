"""Collections and everything else that people share: listing, making, looking at, renaming, moving, deleting."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.directory.resources import (
    NewResource,
    Resource,
    ResourceChange,
    change_resource,
    create_resource,
    delete_resource,
    get_resource,
    list_resources,
)
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.console.children import children_of
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.naming import Names, resource_icon
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url, visit
from gatepost.server.console.seen import kinds_of, part_of, possible_parents
from gatepost.server.console.standing import CANNOT, standing_of, what_may


def form_values(gate: Gatepost, caller: Principal, chosen_parent: str = "") -> dict[str, object]:
    """What the form for a new resource is made of."""
    kinds, parents = kinds_of(gate), possible_parents(gate, caller)
    if chosen_parent:  # a new thing in a collection: what can be in one comes first
        kinds.sort(key=lambda kind: not kind.has_parent)
    return {"kinds": kinds, "parents": parents, "chosen_parent": chosen_parent}


@visit
def collections(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    wanted = request.query_params.get("type", "")
    cursor = request.query_params.get("cursor", "")
    page = list_resources(gate, caller, Wanted(cursor=cursor), wanted or None)
    shown = [
        part_of(gate, caller, kind, items, paged=bool(cursor or page.next_cursor))
        for kind in kinds_of(gate)
        if (items := [item for item in page.items if item.type == kind.name]) or kind.name == (wanted or "collection")
    ]
    given = {} if caller.is_anonymous else form_values(gate, caller)
    shared = {"kinds": kinds_of(gate)} | given
    return render(request, "collections.html", shared, seen=shown, page=page, kind=wanted)


def show_new(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    chosen = request.query_params.get("parent", "")
    values = form_values(gate, caller, chosen)
    return render(request, "new_resource.html", values, status=status_of(wrong), wrong=wrong)


@posted("resource", show_new)
def create(request: Request, form: Form) -> Response:
    kind = form.text("type")
    takes_parent = any(each.name == kind and each.has_parent for each in kinds_of(gate_of(request)))
    made = create_resource(
        gate_of(request),
        caller_of(request),
        NewResource(
            type=kind,
            id=form.text("id"),
            display_name=form.text("display_name") or None,
            parent=(form.text("parent") or None) if takes_parent else None,
        ),
    )
    return go_to(request, url("resources", made.type, made.id), "created")


def resource_of(request: Request) -> Resource:
    return get_resource(gate_of(request), caller_of(request), request.path_params["type"], request.path_params["id"])


def frame(request: Request, tab: str) -> dict[str, object]:
    """What every page about one resource shows around its own part."""
    gate, caller, resource = gate_of(request), caller_of(request), resource_of(request)
    names = Names(gate, caller)
    parent = None
    if resource.parent:
        entity = Entity.parse(resource.parent)
        if gate.may(caller, "view", entity):
            parent = get_resource(gate, caller, entity.type, entity.id)
    return {
        "resource": resource,
        "parent": parent,
        "standing": standing_of(gate, caller, resource, names),
        "icon_name": resource_icon(resource.type),
        "root": url("resources", resource.type, resource.id),
        "tab": tab,
    }


@visit
def overview(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    given = frame(request, "overview")
    resource = resource_of(request)
    kinds = [kind for kind in kinds_of(gate) if kind.has_parent]
    is_parent = resource.type == "collection" and bool(kinds)
    return render(
        request,
        "resource.html",
        given,
        may=what_may(gate, caller, resource),
        is_parent=is_parent,
        may_add=is_parent and not caller.is_anonymous and gate.may(caller, "edit", resource.entity),
        inside=children_of(gate, caller, resource) if is_parent else None,
    )


def show_settings(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require_signed_in(caller)
    given = frame(request, "settings")
    resource = resource_of(request)
    may = {row.action: row for row in what_may(gate, caller, resource)}
    return render(
        request,
        "settings.html",
        given,
        status=status_of(wrong),
        wrong=wrong,
        may_edit=may["edit"].allowed,
        may_delete=may["delete"].allowed,
        may_manage=may["manage_access"].allowed,
        cannot=CANNOT,
        has_parent=any(kind.name == resource.type and kind.has_parent for kind in kinds_of(gate)),
        parents=possible_parents(gate, caller),
    )


def _change(request: Request, wanted: ResourceChange, done: str) -> Response:
    kind, identifier = request.path_params["type"], request.path_params["id"]
    change_resource(gate_of(request), caller_of(request), kind, identifier, wanted)
    return go_to(request, f"{url('resources', kind, identifier)}/settings", done)


@posted("rename", show_settings)
def rename(request: Request, form: Form) -> Response:
    return _change(request, ResourceChange(display_name=form.text("display_name")), "changed")


@posted("move", show_settings)
def move(request: Request, form: Form) -> Response:
    return _change(request, ResourceChange(parent=form.text("parent")), "moved")


def show_delete(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller, resource = gate_of(request), caller_of(request), resource_of(request)
    gate.require(caller, "delete", resource.entity)
    return render(
        request,
        "confirm.html",
        status=status_of(wrong),
        wrong=wrong,
        title=f"Delete {resource.display_name}?",
        what=f"{resource.entity} goes for good, and every permission on it ends. Nobody can undo this.",
        label=f"Delete {resource.display_name}",
        back=url("resources", resource.type, resource.id),
        heir_field=False,
    )


@posted("confirm", show_delete)
def delete(request: Request, _form: Form) -> Response:
    delete_resource(gate_of(request), caller_of(request), request.path_params["type"], request.path_params["id"])
    return go_to(request, "/collections", "deleted")


def routes() -> list[BaseRoute]:
    one = "/resources/{type}/{id}"
    return [
        Route("/collections", collections, methods=["GET"]),
        Route("/resources/new", own(show_new), methods=["GET"]),
        Route("/resources/new", create, methods=["POST"]),
        Route(one, overview, methods=["GET"]),
        Route(f"{one}/settings", own(show_settings), methods=["GET"]),
        Route(f"{one}/settings/rename", rename, methods=["POST"]),
        Route(f"{one}/settings/move", move, methods=["POST"]),
        Route(f"{one}/delete", own(show_delete), methods=["GET"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]
