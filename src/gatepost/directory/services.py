"""Services: machines that call with service tokens.  A service has one role, and perhaps shares of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, insert, select, update

from gatepost.audit.record import AuditRecord
from gatepost.directory.guards import counted, owned_alone
from gatepost.directory.names import require_name, require_text
from gatepost.directory.pages import Page, Wanted, containing, read_page
from gatepost.errors import AlreadyExists, Conflict, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.store.relations import forget, relate
from gatepost.store.store import Change
from gatepost.tokens.api_tokens import revoke_tokens_of

t = tables.services


@dataclass(frozen=True, slots=True)
class Service:
    """A machine, by name."""

    name: str
    description: str
    role: str | None
    created_at: datetime
    created_by: str


def _service(row: Row[tuple[object, ...]]) -> Service:
    return Service(row.name, row.description, row.role, row.created_at, row.created_by)


def create_service(gate: Gatepost, caller: Principal, name: str, description: str = "") -> Service:
    """Make a service without a token.  Raises `AlreadyExists`, `InvalidField`."""
    gate.require(caller, "service:create", seen_by="")
    require_name(name)
    require_text(description, "description")
    with gate.change(caller, "service:create") as tx:
        if tx.connection.execute(select(t.c.name).where(t.c.name == name)).one_or_none() is not None:
            raise AlreadyExists(f"there is a service {name} already")
        add_service(tx, caller, name, description)
        return _service(_row(tx, name))


def add_service(tx: Change, caller: Principal, name: str, description: str) -> None:
    tx.connection.execute(
        insert(t).values(name=name, description=description, created_at=tx.at, created_by=str(caller.subject))
    )
    tx.log("service", name)
    tx.record(AuditRecord.of(caller, "service.created", f"service:{name}", at=tx.at))


def set_role(tx: Change, caller: Principal, name: str, role: str) -> None:
    """Give a service its one role."""
    tx.connection.execute(update(t).where(t.c.name == name).values(role=role))
    relate(tx, f"role:{role}", "assignee", f"service:{name}", author=str(caller.subject))


def _row(tx: Change, name: str) -> Row[tuple[object, ...]]:
    row = tx.connection.execute(select(t).where(t.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no service:{name}")
    return row


def get_service(gate: Gatepost, caller: Principal, name: str) -> Service:
    gate.require(caller, "service:view")
    with gate.database.read() as connection:
        row = connection.execute(select(t).where(t.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no service:{name}")
    return _service(row)


def made_at(gate: Gatepost, name: str) -> datetime | None:
    """When a service was made, which tells it from a later one of its name; None if there is none."""
    with gate.database.read() as connection:
        return connection.execute(select(t.c.created_at).where(t.c.name == name)).scalar_one_or_none()


def list_services(gate: Gatepost, caller: Principal, page: Wanted, query: str = "") -> Page[Service]:
    """List services by name; `query` finds a part of the name."""
    gate.require(caller, "service:view", seen_by="")
    with gate.database.read() as connection:
        return read_page(connection, select(t).where(containing(query, t.c.name)), [t.c.name], page, _service)


def change_service(gate: Gatepost, caller: Principal, name: str, description: str) -> Service:
    require_text(description, "description")
    with gate.change(caller, "service:edit", seen_by="service:view") as tx:
        _row(tx, name)
        tx.connection.execute(update(t).where(t.c.name == name).values(description=description))
        tx.log("service", name)
        tx.record(AuditRecord.of(caller, "service.changed", f"service:{name}", at=tx.at))
        return _service(_row(tx, name))


def delete_service(gate: Gatepost, caller: Principal, name: str) -> int:
    """Delete a service with its tokens and tuples.  Answers how many tokens ended."""
    with gate.change(caller, "service:delete", seen_by="service:view") as tx:
        _row(tx, name)
        if alone := owned_alone(tx.connection, f"service:{name}"):
            raise Conflict(f"service:{name} alone owns {counted(alone)}: add another owner first", items=alone[:100])
        tokens = revoke_tokens_of(tx, Entity("service", name))
        forget(tx, f"service:{name}")
        tx.connection.execute(t.delete().where(t.c.name == name))
        tx.log("service", name, gone=True)
        tx.record(AuditRecord.of(caller, "service.deleted", f"service:{name}", at=tx.at, detail={"tokens": tokens}))
        return tokens


def role_of(gate: Gatepost, name: str) -> str | None:
    """The one role of a service."""
    with gate.database.read() as connection:
        return connection.execute(select(t.c.role).where(t.c.name == name)).scalar_one_or_none()
