"""Reading about many things at once, in a few queries: for callers that show lists of lists.

Each answer is what the operation for a single thing says, or the error that it raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from gatepost.directory.groups import Member
from gatepost.directory.resources import seen
from gatepost.directory.sharing import DEEPEST, STRUCTURE, Grant, grants_on
from gatepost.errors import GatepostError, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.store.relations import READ_AT_ONCE, held_by_many

Found = list[Grant] | GatepostError
Members = list[Member] | GatepostError


def access_of(gate: Gatepost, caller: Principal, resources: Sequence[Entity]) -> dict[Entity, Found]:
    """Who has access to each resource, as `list_access` says it."""
    found: dict[Entity, Found] = {}
    for resource in resources:
        try:
            seen(gate, caller, resource.type, resource.id)
            gate.require_signed_in(caller)
        except GatepostError as error:
            found[resource] = error
    asked = [resource for resource in resources if resource not in found]
    now = gate.now()
    with gate.database.read() as connection:
        made = _made_among(connection, asked)
        held = _with_parents(connection, [str(resource) for resource in made])
    for resource in asked:
        if resource in made:
            grants = grants_on(gate, caller, resource, lambda name: held.get(name, ()))
            found[resource] = [grant for grant in grants if grant.expires_at is None or grant.expires_at > now]
        else:
            found[resource] = NotFound(f"there is no {resource}")
    return found


def _made_among(connection: Connection, resources: Sequence[Entity]) -> set[Entity]:
    t = tables.resources
    made: set[Entity] = set()
    for begin in range(0, len(resources), READ_AT_ONCE):
        keys = [(each.type, each.id) for each in resources[begin : begin + READ_AT_ONCE]]
        rows = connection.execute(select(t.c.type, t.c.id).where(tuple_(t.c.type, t.c.id).in_(keys)))
        made |= {Entity(row.type, row.id) for row in rows}
    return made


def _with_parents(connection: Connection, names: list[str]) -> dict[str, list[Row[Any]]]:
    """The tuples on these objects and on everything above them: a query for each floor."""
    held: dict[str, list[Row[Any]]] = {}
    for _ in range(DEEPEST):
        if not names:
            break
        floor = held_by_many(connection, names)
        held |= floor
        parents = {row.subject for rows in floor.values() for row in rows if row.relation in STRUCTURE}
        names = sorted(parents - held.keys())
    return held


def members_of(gate: Gatepost, caller: Principal, groups: Sequence[str]) -> dict[str, Members]:
    """The direct members of each group, one for each origin."""
    gate.require(caller, "group:view")
    return _subjects_of(gate, "group", "member", groups)


def assignees_of(gate: Gatepost, caller: Principal, roles: Sequence[str]) -> dict[str, Members]:
    """Who has each role directly, one for each origin."""
    gate.require(caller, "role:view")
    return _subjects_of(gate, "role", "assignee", roles)


def _subjects_of(gate: Gatepost, kind: str, relation: str, names: Sequence[str]) -> dict[str, Members]:
    with gate.database.read() as connection:
        held = held_by_many(connection, [f"{kind}:{name}" for name in names], (relation,))
    return {
        name: [Member(r.subject, r.origin, r.author, r.created_at, r.expires_at) for r in held[f"{kind}:{name}"]]
        for name in names
    }


def roles_of_services(gate: Gatepost, caller: Principal, services: Sequence[str]) -> dict[str, str | None]:
    """The one role of each service; for whoever may list their tokens."""
    gate.require(caller, "service_token:view", seen_by="")
    s = tables.services
    found: dict[str, str | None] = dict.fromkeys(services)
    with gate.database.read() as connection:
        for begin in range(0, len(services), READ_AT_ONCE):
            names = services[begin : begin + READ_AT_ONCE]
            rows = connection.execute(select(s.c.name, s.c.role).where(s.c.name.in_(names)))
            found |= {row.name: row.role for row in rows}
    return found
