"""Groups and their members.  A membership is a relation tuple, and says where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import require_carries_no_more, require_until
from gatepost.directory.guards import an_admin_stays, counted, owned_alone
from gatepost.directory.names import require_name, require_text
from gatepost.directory.pages import Page, Wanted, containing, read_page
from gatepost.directory.subjects import require_allowed, require_subject
from gatepost.errors import AlreadyExists, Conflict, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import MAIN, TAKEN_BY, forget, held_as, relate, unrelate
from gatepost.store.store import Change

t = tables.groups


@dataclass(frozen=True, slots=True)
class Group:
    """A group, without its members."""

    name: str
    description: str
    origin: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Member:
    """One membership and where it came from."""

    subject: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None


def _group(row: Row[tuple[object, ...]]) -> Group:
    return Group(row.name, row.description, row.origin, row.created_at, row.created_by)


def _row(connection: Connection, name: str) -> Row[tuple[object, ...]]:
    row = connection.execute(select(t).where(t.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no group:{name}")
    return row


def create_group(gate: Gatepost, caller: Principal, name: str, description: str = "") -> Group:
    """Make a group.  Raises `AlreadyExists`, `InvalidField`."""
    gate.require(caller, "group:create", seen_by="")
    require_name(name)
    require_text(description, "description")
    with gate.change(caller, "group:create") as tx:
        if tx.connection.execute(select(t.c.name).where(t.c.name == name)).one_or_none() is not None:
            raise AlreadyExists(f"there is a group {name} already")
        add_group(tx, name, description, author=str(caller.subject), origin=tx.origin)
        tx.record(AuditRecord.of(caller, "group.created", f"group:{name}", at=tx.at))
        return _group(_row(tx.connection, name))


def add_group(tx: Change, name: str, description: str, *, author: str, origin: str) -> None:
    tx.connection.execute(
        insert(t).values(name=name, description=description, origin=origin, created_at=tx.at, created_by=author)
    )
    tx.log("group", name)


def get_group(gate: Gatepost, caller: Principal, name: str) -> Group:
    gate.require(caller, "group:view")
    with gate.database.read() as connection:
        return _group(_row(connection, name))


def list_groups(gate: Gatepost, caller: Principal, page: Wanted, query: str = "") -> Page[Group]:
    """List groups by name; `query` finds a part of the name."""
    gate.require(caller, "group:view", seen_by="")
    with gate.database.read() as connection:
        return read_page(connection, select(t).where(containing(query, t.c.name)), [t.c.name], page, _group)


def change_group(gate: Gatepost, caller: Principal, name: str, description: str) -> Group:
    require_text(description, "description")
    with gate.change(caller, "group:edit", seen_by="group:view") as tx:
        _row(tx.connection, name)
        tx.connection.execute(update(t).where(t.c.name == name).values(description=description))
        tx.log("group", name)
        tx.record(AuditRecord.of(caller, "group.changed", f"group:{name}", at=tx.at))
        return _group(_row(tx.connection, name))


def delete_group(gate: Gatepost, caller: Principal, name: str) -> None:
    """Delete a group with its memberships and everything that was granted through it."""
    with gate.change(caller, "group:delete", seen_by="group:view") as tx:
        _row(tx.connection, name)
        if alone := owned_alone(tx.connection, f"group:{name}#member"):
            raise Conflict(f"group:{name} alone owns {counted(alone)}: add another owner first", items=alone[:100])
        with an_admin_stays(tx):
            forget(tx, f"group:{name}")
        tx.connection.execute(t.delete().where(t.c.name == name))
        tx.log("group", name, gone=True)
        tx.record(AuditRecord.of(caller, "group.deleted", f"group:{name}", at=tx.at))


def list_members(gate: Gatepost, caller: Principal, name: str, page: Wanted) -> Page[Member]:
    """The direct members, one row for each origin."""
    gate.require(caller, "group:view")
    with gate.database.read() as connection:
        _row(connection, name)
        return members_of(connection, f"group:{name}", "member", page)


def members_of(connection: Connection, object_: str, relation: str, page: Wanted) -> Page[Member]:
    """One page of those who have a relation to an object, who may be a hundred thousand."""
    u = tables.tuples
    held = select(u).where(u.c.store == MAIN, u.c.object == object_, u.c.relation == relation)
    return read_page(connection, held, [u.c.subject, u.c.origin], page, _member)


def _member(row: Row[tuple[object, ...]]) -> Member:
    return Member(row.subject, row.origin, row.author, row.created_at, row.expires_at)


def add_member(
    gate: Gatepost, caller: Principal, name: str, subject: str, *, expires_at: datetime | None = None
) -> None:
    """Add a user, a service or another group's members.  The caller must hold all that the group carries."""
    gate.require_signed_in(caller)
    who = require_subject(subject, "member of a group")
    require_allowed(gate, Entity("group", name), "member", who.subject)  # no wildcards: nobody signs in to be anonymous
    if expires_at is not None and expires_at <= gate.now():
        raise InvalidField({"expires_at": "this is in the past"})
    with gate.change(caller, "group:edit", seen_by="group:view") as tx:
        _row(tx.connection, name)
        who.require_exists(tx.connection)
        require_until(gate, caller, "group:edit", until=expires_at)
        require_carries_no_more(gate, caller, Subject("group", name, "member"), expires_at)
        member, author = str(who.subject), str(caller.subject)
        with an_admin_stays(tx):  # an expiry on a membership that had none takes it away, only later
            changed = relate(tx, f"group:{name}", "member", member, author=author, expires_at=expires_at)
        if changed:
            detail = {"member": member, "expires_at": expires_at.isoformat() if expires_at else ""}
            tx.record(AuditRecord.of(caller, "group.member_added", f"group:{name}", at=tx.at, detail=detail))


def remove_member(gate: Gatepost, caller: Principal, name: str, subject: str) -> None:
    """Remove a membership that was made by hand.  One that a provider synchronises is changed there."""
    gate.require_signed_in(caller)
    who = require_subject(subject, "member of a group")
    with gate.change(caller, "group:edit", seen_by="group:view") as tx:
        _row(tx.connection, name)
        with an_admin_stays(tx):
            remove_by_hand(tx, f"group:{name}", "member", str(who.subject))
        tx.record(
            AuditRecord.of(
                caller, "group.member_removed", f"group:{name}", at=tx.at, detail={"member": str(who.subject)}
            )
        )


def remove_by_hand(tx: Change, object_: str, relation: str, subject: str) -> None:
    """Remove a tuple that people, or the configuration, have made.

    Raises `NotFound` if there is none, `Conflict` if the only one comes from a provider, which would bring it back.
    """
    origins = [row.origin for row in held_as(tx.connection, object_, relation, subject)]
    if not origins:
        raise NotFound(f"{subject} is no {relation} of {object_}")
    mine = [origin for origin in origins if origin in TAKEN_BY[tx.origin]]
    if not mine:
        raise Conflict(f"this comes from {', '.join(origins)} and would come back: change it there")
    for origin in mine:
        unrelate(tx, object_, relation, subject, origin=origin)
