"""Roles: named sets of permissions, given to users, groups and services.  Both sides are relation tuples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gatepost.access import grants_of
from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import (
    more_than_view,
    require_carries_no_more,
    require_holds,
    require_patterns,
    require_until,
)
from gatepost.directory.groups import Member, members_of, remove_by_hand
from gatepost.directory.guards import an_admin_stays, counted, owned_alone
from gatepost.directory.names import require_name, require_text
from gatepost.directory.pages import Page, Wanted, containing, read_page
from gatepost.directory.subjects import require_allowed, require_subject
from gatepost.errors import AlreadyExists, Conflict, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Entity, Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import forget, held_by, held_by_many, holding, relate, unrelate
from gatepost.store.store import Change

t = tables.roles

BUILT_IN = {
    "admin": ("Everything", ("*:*",)),
    "user": ("May create resources", ("*:create",)),
    "reader": ("May view every resource", ("*:view",)),
    "decider": ("May ask what others may do: for gateways", ("decision:ask",)),
}


@dataclass(frozen=True, slots=True)
class Role:
    """A role with its permissions."""

    name: str
    description: str
    builtin: bool
    permissions: tuple[str, ...]
    created_at: datetime
    created_by: str


def permission_subject(pattern: str) -> str:
    """How a permission stands in a tuple: `dataset:view` is `platform:dataset.view`."""
    kind, _, action = pattern.partition(":")
    return f"platform:{kind}.{action}"


def permission_pattern(subject: str) -> str:
    """The way back."""
    kind, _, action = subject.removeprefix("platform:").partition(".")
    return f"{kind}:{action}"


def _role(connection: Connection, row: Row[tuple[object, ...]]) -> Role:
    return _made(row, held_by(connection, f"role:{row.name}", ("permission",)))


def _made(row: Row[tuple[object, ...]], held: Iterable[Row[Any]]) -> Role:
    permissions = tuple(sorted({permission_pattern(r.subject) for r in held}))
    return Role(row.name, row.description, row.builtin, permissions, row.created_at, row.created_by)


def _row(connection: Connection, name: str) -> Row[tuple[object, ...]]:
    row = connection.execute(select(t).where(t.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no role:{name}")
    return row


def add_role(
    tx: Change, name: str, description: str, permissions: Iterable[str], *, author: str, builtin: bool
) -> None:
    tx.connection.execute(
        insert(t).values(name=name, description=description, builtin=builtin, created_at=tx.at, created_by=author)
    )
    tx.log("role", name)
    for pattern in sorted(permissions):
        relate(tx, f"role:{name}", "permission", permission_subject(pattern), author=author)


def create_role(
    gate: Gatepost, caller: Principal, name: str, permissions: Iterable[str], description: str = ""
) -> Role:
    """Make a role of permissions that the caller holds.  Raises `AlreadyExists`, `InvalidField`, `Forbidden`."""
    gate.require(caller, "role:create", seen_by="")
    require_name(name)
    require_text(description, "description")
    patterns = require_patterns(gate, permissions, "permissions")
    with gate.change(caller, "role:create") as tx:
        require_holds(gate, caller, patterns)
        if tx.connection.execute(select(t.c.name).where(t.c.name == name)).one_or_none() is not None:
            raise AlreadyExists(f"there is a role {name} already")
        add_role(tx, name, description, patterns, author=str(caller.subject), builtin=False)
        tx.record(
            AuditRecord.of(caller, "role.created", f"role:{name}", at=tx.at, detail={"permissions": sorted(patterns)})
        )
        return _role(tx.connection, _row(tx.connection, name))


def get_role(gate: Gatepost, caller: Principal, name: str) -> Role:
    gate.require(caller, "role:view")
    with gate.database.read() as connection:
        return _role(connection, _row(connection, name))


def list_roles(gate: Gatepost, caller: Principal, page: Wanted, query: str = "") -> Page[Role]:
    """List roles by name; `query` finds a part of the name."""
    gate.require(caller, "role:view", seen_by="")
    with gate.database.read() as connection:
        found = read_page(connection, select(t).where(containing(query, t.c.name)), [t.c.name], page, lambda row: row)
        held = held_by_many(connection, [f"role:{row.name}" for row in found.items], ("permission",))
        return Page([_made(row, held[f"role:{row.name}"]) for row in found.items], found.next_cursor)


def change_role(
    gate: Gatepost,
    caller: Principal,
    name: str,
    *,
    permissions: Iterable[str] | None = None,
    description: str | None = None,
) -> Role:
    """Change what a role holds, for everybody who has it at once.  A built-in role stays as it is."""
    wanted = None if permissions is None else require_patterns(gate, permissions, "permissions")
    if description is not None:
        require_text(description, "description")
    with gate.change(caller, "role:edit", seen_by="role:view") as tx:
        row = _row(tx.connection, name)
        if row.builtin and wanted is not None:
            raise Conflict(f"role:{name} is built in: make a role of your own")
        before = frozenset(_role(tx.connection, row).permissions)
        if wanted is not None:
            # Whoever edits a role that already holds more than they do could hand that on; so it takes all of it.
            if wanted <= before:
                require_holds(gate, caller, before, gate.now())
            else:
                require_until(gate, caller, "role:edit")
                require_holds(gate, caller, wanted | before)
            with an_admin_stays(tx):
                _set_permissions(tx, caller, name, before, wanted)
        if description is not None:
            tx.connection.execute(update(t).where(t.c.name == name).values(description=description))
            tx.log("role", name)
        detail = {"added": sorted((wanted or before) - before), "removed": sorted(before - (wanted or before))}
        tx.record(AuditRecord.of(caller, "role.changed", f"role:{name}", at=tx.at, detail=detail))
        return _role(tx.connection, _row(tx.connection, name))


def _set_permissions(tx: Change, caller: Principal, name: str, before: frozenset[str], wanted: frozenset[str]) -> None:
    for pattern in sorted(wanted - before):
        relate(tx, f"role:{name}", "permission", permission_subject(pattern), author=str(caller.subject))
    for pattern in sorted(before - wanted):
        unrelate(tx, f"role:{name}", "permission", permission_subject(pattern))


def delete_role(gate: Gatepost, caller: Principal, name: str) -> None:
    """Delete a role with its assignments and shares.  Built-in roles stay, and so do roles that services have."""
    with gate.change(caller, "role:delete", seen_by="role:view") as tx:
        if _row(tx.connection, name).builtin:
            raise Conflict(f"role:{name} is built in")
        s = tables.services
        users = list(tx.connection.execute(select(s.c.name).where(s.c.role == name)).scalars())
        if users:
            raise Conflict(
                f"role:{name} is the role of {len(users)} services", items=[f"service:{n}" for n in users[:100]]
            )
        if alone := owned_alone(tx.connection, f"role:{name}#assignee"):
            raise Conflict(f"role:{name} alone owns {counted(alone)}: add another owner first", items=alone[:100])
        with an_admin_stays(tx):
            forget(tx, f"role:{name}")
        tx.connection.execute(t.delete().where(t.c.name == name))
        tx.log("role", name, gone=True)
        tx.record(AuditRecord.of(caller, "role.deleted", f"role:{name}", at=tx.at))


def list_assignees(gate: Gatepost, caller: Principal, name: str, page: Wanted) -> Page[Member]:
    gate.require(caller, "role:view")
    with gate.database.read() as connection:
        _row(connection, name)
        return members_of(connection, f"role:{name}", "assignee", page)


def assign_role(
    gate: Gatepost, caller: Principal, name: str, subject: str, *, expires_at: datetime | None = None
) -> None:
    """Give a role to somebody.  The caller must hold all that it carries."""
    gate.require_signed_in(caller)
    who = require_subject(subject, "an assignee of a role")
    require_allowed(gate, Entity("role", name), "assignee", who.subject)
    if expires_at is not None and expires_at <= gate.now():
        raise InvalidField({"expires_at": "this is in the past"})
    with gate.change(caller, "role:assign", seen_by="role:view") as tx:
        role = _role(tx.connection, _row(tx.connection, name))
        who.require_exists(tx.connection)
        if who.subject == Subject.of(ANONYMOUS):
            _require_only_view(gate, role)
        require_until(gate, caller, "role:assign", until=expires_at)
        require_carries_no_more(gate, caller, Subject("role", name, "assignee"), expires_at)
        _require_one_role(tx, who.subject, name)
        assignee, author = str(who.subject), str(caller.subject)
        with an_admin_stays(tx):  # an expiry on an assignment that had none takes it away, only later
            changed = relate(tx, f"role:{name}", "assignee", assignee, author=author, expires_at=expires_at)
        if changed:
            detail = {"assignee": assignee, "expires_at": expires_at.isoformat() if expires_at else ""}
            tx.record(AuditRecord.of(caller, "role.assigned", f"role:{name}", at=tx.at, detail=detail))


def _require_only_view(gate: Gatepost, role: Role) -> None:
    """Neither the role's permissions nor the shares that it has may give more than `view`."""
    graph = gate.memory.graph
    shares = grants_of(Subject("role", role.name, "assignee"), graph)
    gives_more = any(more_than_view(graph.model, name.partition(":")[0], relation) for name, relation in shares)
    if gives_more or any(not pattern.endswith(":view") for pattern in role.permissions):
        raise InvalidField({"subject": f"anonymous callers can be granted view only, and {role.name} holds more"})


def _require_one_role(tx: Change, subject: Subject, name: str) -> None:
    """A service token's role bounds what it may do, so its service has that one and no other."""
    if subject.type == "service" and not subject.is_wildcard:
        s = tables.services
        role = tx.connection.execute(select(s.c.role).where(s.c.name == subject.id)).scalar_one_or_none()
        if role is not None and role != name:
            raise Conflict(f"{subject} has the role {role}: a service has one")
        tx.connection.execute(update(s).where(s.c.name == subject.id).values(role=name))


def unassign_role(gate: Gatepost, caller: Principal, name: str, subject: str) -> None:
    """Take a role from somebody.  The last admin stays."""
    gate.require_signed_in(caller)
    who = require_subject(subject, "an assignee of a role")
    with gate.change(caller, "role:assign", seen_by="role:view") as tx:
        _row(tx.connection, name)
        with an_admin_stays(tx):
            remove_by_hand(tx, f"role:{name}", "assignee", str(who.subject))
        if who.subject.type == "service":
            s = tables.services
            tx.connection.execute(update(s).where(s.c.name == who.subject.id).values(role=None))
        tx.record(
            AuditRecord.of(caller, "role.unassigned", f"role:{name}", at=tx.at, detail={"assignee": str(who.subject)})
        )


def roles_given_to(connection: Connection, subject: str) -> list[str]:
    """The roles that stand at a subject's own name, without those that come through groups."""
    return sorted({row.object.removeprefix("role:") for row in holding(connection, subject, "assignee")})
