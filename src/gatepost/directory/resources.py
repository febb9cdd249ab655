"""Resources: what people share.  Whoever makes one owns it; whoever cannot view one does not learn that it exists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, insert, select, tuple_, update

from gatepost.access import everything, ids_in_order
from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import for_good, require_until
from gatepost.directory.inheritance import relations_from_above
from gatepost.directory.names import require_name, require_text
from gatepost.directory.pages import Page, Wanted, decode_cursor, encode_cursor
from gatepost.directory.permissions import PROTECTED_TYPES
from gatepost.directory.subjects import require_allowed
from gatepost.errors import AlreadyExists, Forbidden, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import PLATFORM, Entity, Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import forget, held_by, relate, unrelate
from gatepost.store.store import Change

t = tables.resources
READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection, a dataset, or whatever the model knows."""

    type: str
    id: str
    display_name: str
    parent: str | None
    created_at: datetime
    created_by: str

    @property
    def entity(self) -> Entity:
        return Entity(self.type, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResource:
    """A resource to be made; `parent` is written `type:id`."""

    type: str
    id: str
    display_name: str | None = None
    parent: str | None = None


def resource_types(gate: Gatepost) -> list[str]:
    """The types that live here: those whose model has `owner` and `view`."""
    types = gate.memory.graph.model.types
    return sorted(
        name for name, kind in types.items() if name not in PROTECTED_TYPES and {"owner", "view"} <= set(kind.relations)
    )


def require_resource(gate: Gatepost, kind: str, identifier: str) -> Entity:
    """Raise `InvalidField` unless `kind` is a resource type and `identifier` can name one."""
    allowed = resource_types(gate)
    if kind not in allowed:
        raise InvalidField({"type": f"allowed are {', '.join(allowed)}"})
    return Entity(kind, require_name(identifier, "id"))


def _parents_of(connection: Connection, names: list[str]) -> dict[str, str]:
    tt = tables.tuples
    query = select(tt.c.object, tt.c.subject).where(
        tt.c.store == "main", tt.c.relation == "parent", tt.c.object.in_(names)
    )
    return {row.object: row.subject for row in connection.execute(query.order_by(tt.c.subject.desc()))}


def _made(gate: Gatepost, caller: Principal, rows: list[Row[Any]], connection: Connection) -> list[Resource]:
    """Resources as this caller may see them: a parent that they cannot view is not named."""
    parents = _parents_of(connection, [f"{r.type}:{r.id}" for r in rows])
    seen_parents = {name for name in set(parents.values()) if gate.may(caller, "view", Entity.parse(name))}
    found = []
    for r in rows:
        parent = parents.get(f"{r.type}:{r.id}")
        shown = parent if parent in seen_parents else None
        found.append(Resource(r.type, r.id, r.display_name, shown, r.created_at, r.created_by))
    return found


def _row(connection: Connection, resource: Entity) -> Row[Any]:
    row = connection.execute(select(t).where(t.c.type == resource.type, t.c.id == resource.id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no {resource}")
    return row


def create_resource(gate: Gatepost, caller: Principal, wanted: NewResource) -> Resource:
    """Make a resource, owned by whoever makes it.  Under a parent it also takes `edit` there.

    The embedding application is nobody who could own something: it says afterwards who does.
    """
    if caller.is_anonymous:
        raise Unauthenticated("sign in to create something")
    resource = require_resource(gate, wanted.type, wanted.id)
    display = require_text(wanted.display_name or wanted.id, "display_name", 200)
    parent = read_parent(gate, resource, wanted.parent)
    _require_create(gate, caller, resource)
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        _require_create(gate, caller, resource)
        if parent is not None:
            gate.require(caller, "edit", parent)
            _row(tx.connection, parent)
        if tx.connection.execute(select(t.c.id).where(t.c.type == resource.type, t.c.id == resource.id)).one_or_none():
            raise AlreadyExists(f"there is a {resource} already")
        values = {"type": resource.type, "id": resource.id, "display_name": display}
        tx.connection.execute(insert(t).values(**values, created_at=tx.at, created_by=str(caller.subject)))
        tx.log("resource", str(resource))
        if not caller.is_application:
            relate(tx, str(resource), "owner", str(caller.subject), author=str(caller.subject))
        if parent is not None:
            relate(tx, str(resource), "parent", str(parent), author=str(caller.subject))
        detail = {"parent": str(parent)} if parent else {}
        tx.record(AuditRecord.of(caller, "resource.created", resource, at=tx.at, detail=detail))
        return _made(gate, caller, [_row(tx.connection, resource)], tx.connection)[0]


def _require_create(gate: Gatepost, caller: Principal, resource: Entity) -> None:
    gate.require(caller, f"{resource.type}:create", PLATFORM, seen_by="")


def read_parent(gate: Gatepost, resource: Entity, text: str | None) -> Entity | None:
    """Read what a resource is to be in.  Raises `InvalidField` for what the model does not let be its parent."""
    if text is None:
        return None
    try:
        parent = Entity.parse(text)
    except ValueError as error:
        raise InvalidField({"parent": "not of the form type:id"}) from error
    kinds = gate.memory.graph.model.types[resource.type].relations
    if "parent" not in kinds:
        raise InvalidField({"parent": f"a {resource.type} has none"})
    try:
        require_allowed(gate, resource, "parent", Subject.of(parent))
    except InvalidField as error:
        raise InvalidField({"parent": error.fields.get("subject", str(error))}) from error
    return parent


def get_resource(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> Resource:
    """Raises `NotFound` for what is not there and for what the caller cannot view, alike."""
    resource = seen(gate, caller, kind, identifier)
    with gate.database.read() as connection:
        return _made(gate, caller, [_row(connection, resource)], connection)[0]


def seen(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> Entity:
    """The resource, if the caller can view it."""
    if kind not in resource_types(gate):
        if caller.is_anonymous:
            raise Unauthenticated("this needs a signed-in caller")
        raise InvalidField({"type": f"allowed are {', '.join(resource_types(gate))}"})
    resource = Entity(kind, identifier)
    if any(c.isspace() for c in identifier) or "\0" in identifier:
        raise NotFound("there is no such resource")
    gate.require(caller, "view", resource)
    return resource


def seen_to_change(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> Entity:
    """The same, for a write.  Whoever is anonymous is asked to sign in, whatever a tuple gives them."""
    if caller.is_anonymous:
        gate.require_signed_in(caller)
    return seen(gate, caller, kind, identifier)


def require_made(connection: Connection, resource: Entity) -> None:
    """Raise `NotFound` for what was never made here, or is deleted: nothing may be written about it."""
    _row(connection, resource)


def list_resources(gate: Gatepost, caller: Principal, page: Wanted, kind: str | None = None) -> Page[Resource]:
    """What the caller can view, by type and id; complete, and in one order."""
    kinds = resource_types(gate)
    if kind is not None:
        if kind not in kinds:
            raise InvalidField({"type": f"allowed are {', '.join(kinds)}"})
        kinds = [kind]
    after = decode_cursor(page.cursor, str, str) if page.cursor else ("", "")
    found: list[Resource] = []
    with gate.database.read() as connection:
        for name in kinds:
            if name < after[0]:
                continue
            start = after[1] if name == after[0] else ""
            found += _viewable(gate, caller, connection, name, start, page.limit + 1 - len(found))
            if len(found) > page.limit:
                break
    gate.still_holds(caller)  # it takes its time, and what it says has to be for somebody who is let in
    shown = found[: page.limit]
    more = len(found) > page.limit
    return Page(shown, encode_cursor(shown[-1].type, shown[-1].id) if more else "")


def _viewable(
    gate: Gatepost, caller: Principal, connection: Connection, kind: str, after: str, most: int
) -> list[Resource]:
    question = caller.asks("view", Entity(kind, "any"))
    base = select(t).where(t.c.type == kind, t.c.id > after).order_by(t.c.id)
    if everything(question, gate.memory.graph):
        return _made(gate, caller, list(connection.execute(base.limit(most))), connection)
    ids = ids_in_order(question, gate.memory.graph, after, first=most)
    rows: list[Row[Any]] = []
    # A tuple may speak of something that was never made here (through /stores): then there is no row to show.
    at_once = most
    while len(rows) < most and (chunk := list(islice(ids, at_once))):
        rows += connection.execute(base.where(t.c.id.in_(chunk))).all()
        at_once = READ_AT_ONCE
    return _made(gate, caller, rows[:most], connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """What to change.  `parent` is None to stay, empty for none."""

    display_name: str | None = None
    parent: str | None = None


def change_resource(gate: Gatepost, caller: Principal, kind: str, identifier: str, wanted: ResourceChange) -> Resource:
    """Rename it (`edit`), or move it: that changes who inherits access, so it takes `manage_access`, and `edit` there."""
    resource = seen_to_change(gate, caller, kind, identifier)
    if wanted.display_name is not None:
        require_text(wanted.display_name, "display_name", 200)
    parent = read_parent(gate, resource, wanted.parent or None)
    action = "edit" if wanted.parent is None else "manage_access"
    with gate.change(caller, action, resource, seen_by="view") as tx:
        _row(tx.connection, resource)
        if wanted.display_name is not None:
            values = {"display_name": wanted.display_name or identifier}
            tx.connection.execute(update(t).where(t.c.type == kind, t.c.id == identifier).values(**values))
            tx.log("resource", str(resource))
        if wanted.parent is not None:
            _move(gate, tx, caller, resource, parent)
        detail = {"parent": wanted.parent} if wanted.parent is not None else {}
        tx.record(AuditRecord.of(caller, "resource.changed", resource, at=tx.at, detail=detail))
        return _made(gate, caller, [_row(tx.connection, resource)], tx.connection)[0]


def _move(gate: Gatepost, tx: Change, caller: Principal, resource: Entity, parent: Entity | None) -> None:
    if parent is not None:
        gate.require(caller, "edit", parent)
        _row(tx.connection, parent)
        # Whoever may do something to the parent may do it here from now on, so moving is handing out.
        lasting = for_good(caller)
        require_until(gate, lasting, "manage_access", resource)
        for action in sorted(relations_from_above(gate.memory.graph.model, resource.type)):
            if not gate.may(lasting, action, resource):
                raise Forbidden(f"moving {resource} hands out {action}, which you may not do to it yourself")
            require_until(gate, lasting, action, resource)
    for row in held_by(tx.connection, str(resource), ("parent",)):
        unrelate(tx, str(resource), "parent", row.subject)
    if parent is not None:
        relate(tx, str(resource), "parent", str(parent), author=str(caller.subject))


def delete_resource(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> None:
    """Delete a resource with every tuple that names it: an id that is used again starts without old rights."""
    resource = seen_to_change(gate, caller, kind, identifier)
    with gate.change(caller, "delete", resource, seen_by="view") as tx:
        _row(tx.connection, resource)
        forget(tx, str(resource))
        tx.connection.execute(t.delete().where(tuple_(t.c.type, t.c.id) == (kind, identifier)))
        tx.log("resource", str(resource), gone=True)
        tx.record(AuditRecord.of(caller, "resource.deleted", resource, at=tx.at))


def names_of(gate: Gatepost, resources: list[Entity]) -> dict[Entity, str]:
    """Display names, for pages that show many resources."""
    if not resources:
        return {}
    with gate.database.read() as connection:
        rows = connection.execute(select(t).where(tuple_(t.c.type, t.c.id).in_([(r.type, r.id) for r in resources])))
        return {Entity(row.type, row.id): row.display_name for row in rows}
