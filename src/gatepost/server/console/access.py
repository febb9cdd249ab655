"""Access Control: who has access to a resource and why, Add Permission, and removing it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.access import Explanation
from gatepost.directory.evaluation import Asked, explain
from gatepost.directory.resources import Resource
from gatepost.directory.sharing import (
    Grant,
    NewGrant,
    grant_all,
    grantable_relations,
    list_access,
    revoke_all,
)
from gatepost.directory.subjects import FOUND_AT_MOST, find_subjects
from gatepost.errors import Forbidden, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.naming import Names
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url
from gatepost.server.console.resources import frame, resource_of
from gatepost.server.console.standing import ACTIONS, CANNOT, GIVES, actions_of

PUBLIC = "public"
EVERYBODY = ("user:*", "service:*", "anonymous:*")
VIEWER = "viewer"
ANYBODY = "Anybody, without signing in"  # how the reason names whoever is anonymous


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.  The three tuples of a public resource are one row, for that is what somebody chose."""

    grant: Grant
    why: str
    public: bool
    above: str
    above_name: str

    @property
    def from_elsewhere(self) -> bool:
        return self.grant.origin != "manual"


def rows_of(gate: Gatepost, caller: Principal, resource: Resource) -> list[Row]:
    """The grants as a table: what stands here first, owners before editors before viewers."""
    grants = list_access(gate, caller, resource.type, resource.id)
    names = Names(gate, caller)
    order = grantable_relations(gate, resource.type)
    rows = []
    for grant in grants:
        # By its type alone: a parent that the caller cannot view has no name and no link.
        hidden = bool(grant.inherited_from) and ":" not in grant.inherited_from
        above = Entity.parse(grant.inherited_from) if grant.inherited_from and not hidden else None
        if _is_public(grant, grants) and grant.subject != EVERYBODY[-1]:
            continue
        rows.append(
            Row(
                grant,
                grant.why.replace(ANYBODY, "Everybody") if _is_public(grant, grants) else grant.why,
                _is_public(grant, grants),
                url("resources", above.type, above.id) if above else "",
                names.resource(str(above)) if above else f"a {grant.inherited_from}" if hidden else "",
            )
        )
    place = {name: number for number, name in enumerate(order)}
    return sorted(rows, key=lambda row: (bool(row.above_name), place.get(row.grant.relation, 99), row.grant.subject))


def _is_public(grant: Grant, grants: list[Grant]) -> bool:
    """Tell whether this is one of the three tuples that make a resource public."""
    key = (VIEWER, grant.inherited_from, grant.expires_at)
    alike = {other.subject for other in grants if (other.relation, other.inherited_from, other.expires_at) == key}
    return grant.relation == VIEWER and grant.subject in EVERYBODY and alike.issuperset(EVERYBODY)


def show_access(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller, resource = gate_of(request), caller_of(request), resource_of(request)
    rows = rows_of(gate, caller, resource)
    asked, action = request.query_params.get("why"), request.query_params.get("action", "view")
    answer, why_not = _answer(gate, caller, resource, asked, action) if asked is not None else (None, "")
    decision = gate.decide(caller.asks("manage_access", resource.entity))
    names = Names(gate, caller)
    askable = [names.subject(row.grant.subject) for row in rows if not row.public]
    return render(
        request,
        "access.html",
        frame(request, "access") | _form_values(request, resource),
        status=status_of(wrong),
        wrong=wrong,
        rows=rows,
        may_manage=decision.allowed,
        cannot_manage="" if decision.allowed else CANNOT["manage_access"],
        may_ask=gate.may(caller, "decision:ask"),
        asked=asked or "",
        action=action,
        actions=[{"name": name, "label": ACTIONS[name].lower()} for name in actions_of(gate, resource.type)],
        askable=list({shown.subject: shown for shown in askable}.values()),
        answer=answer,
        why_not=why_not,
    )


def _answer(
    gate: Gatepost, caller: Principal, resource: Resource, who: str, action: str
) -> tuple[Explanation | None, str]:
    who = who.strip()
    if who and ":" not in who:
        who = f"user:{who}"  # most people ask about people, and most would not write the type
    if who.startswith(("group:", "role:")) and "#" not in who:
        who += "#member" if who.startswith("group:") else "#assignee"
    try:
        _, explanation = explain(gate, caller, Asked(action=action, resource=str(resource.entity), subject=who or None))
    except (Forbidden, InvalidField, NotFound) as error:
        text = Wrong("why", error, Form()).sentence
        return None, text
    return explanation, ""


def _form_values(request: Request, resource: Resource, wrong: Wrong | None = None) -> dict[str, object]:
    """What Add Permission is made of."""
    gate, query = gate_of(request), request.query_params.get("q", "")
    relations = grantable_relations(gate, resource.type)
    return {
        "query": query,
        **_found(request, query),
        "chosen": wrong.typed.text("subject") if wrong else "",
        "relations": [{"name": name, "what": GIVES.get(name, "")} for name in relations],
    }


def _found(request: Request, query: str) -> dict[str, object]:
    found = find_subjects(gate_of(request), caller_of(request), query.strip()[:200])
    by_kind = Counter(each.kind for each in found)
    return {
        "found": [each.subject for each in found],
        "more": any(count == FOUND_AT_MOST for count in by_kind.values()),
        "nobody": f"Nobody and nothing here is called {query!r}." if query else "There is nobody else here yet.",
        "offer_public": not query or query.lower() in PUBLIC,
    }


def subjects(request: Request) -> Response:
    """The choices for Add Permission, as a fragment of that form."""
    return render(request, "_subjects.html", _found(request, request.query_params.get("q", "")), chosen="")


def show_add(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller, resource = gate_of(request), caller_of(request), resource_of(request)
    gate.require(caller, "manage_access", resource.entity)
    values = frame(request, "access") | _form_values(request, resource, wrong)
    return render(request, "add_permission.html", values, status=status_of(wrong), wrong=wrong)


@posted("add", show_add)
def add(request: Request, form: Form) -> Response:
    kind, identifier = request.path_params["type"], request.path_params["id"]
    subject, relation, until = form.text("subject"), form.text("relation"), form.until("expires_at")
    if not subject:
        raise InvalidField({"subject": "choose who shall have access"})
    if subject == PUBLIC and relation != VIEWER:
        raise InvalidField(
            {"relation": "whoever is anonymous can be a viewer only: choose viewer, or somebody by name"}
        )
    subjects = EVERYBODY if subject == PUBLIC else (subject,)
    wanted = [NewGrant(subject=each, relation=relation, expires_at=until) for each in subjects]
    grant_all(gate_of(request), caller_of(request), kind, identifier, wanted)
    return go_to(request, f"{url('resources', kind, identifier)}/access", PUBLIC if subject == PUBLIC else "granted")


@posted("remove", show_access)
def remove(request: Request, form: Form) -> Response:
    kind, identifier = request.path_params["type"], request.path_params["id"]
    subject, relation = form.text("subject"), form.text("relation")
    subjects = EVERYBODY if subject == PUBLIC else (subject,)
    revoke_all(gate_of(request), caller_of(request), kind, identifier, relation, subjects)
    return go_to(request, f"{url('resources', kind, identifier)}/access", "private" if subject == PUBLIC else "removed")


def routes() -> list[BaseRoute]:
    one = "/resources/{type}/{id}/access"
    return [
        Route("/console/subjects", own(subjects), methods=["GET"]),
        Route(one, own(show_access), methods=["GET"]),
        Route(f"{one}/add", own(show_add), methods=["GET"]),
        Route(f"{one}/add", add, methods=["POST"]),
        Route(f"{one}/remove", remove, methods=["POST"]),
    ]
