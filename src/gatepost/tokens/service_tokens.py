"""Service tokens: for machines.  Each belongs to a service with one role, and names who issued it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import require_carries_no_more, require_until
from gatepost.directory.names import require_name
from gatepost.directory.pages import Page, Wanted, read_page
from gatepost.directory.services import add_service, set_role
from gatepost.errors import Conflict, Forbidden, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal, Subject
from gatepost.records import TokenRecord
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.api_tokens import (
    IssuedToken,
    WantedToken,
    checked_wish,
    drop_token,
    store_token,
    token_record,
)
from gatepost.tokens.secrets import new_api_secret

t = tables.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedServiceToken:
    """`name` is the service's.  `role` is the one role that bounds what it may do."""

    name: str
    role: str
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


def issue_service_token(gate: Gatepost, caller: Principal, wanted: WantedServiceToken) -> IssuedToken:
    """Mint a token for a service, which is made if it is new.  The secret is returned once and never stored."""
    if caller.method is Method.SERVICE_TOKEN or caller.subject.type == "service":
        raise Forbidden("no service token makes a service token")
    gate.require(caller, "service_token:create", seen_by="")
    service = Entity("service", require_name(wanted.name))
    wish = WantedToken(name=wanted.name, scopes=wanted.scopes, expires_at=wanted.expires_at)
    name, scope = checked_wish(gate, caller, wish)
    _require_bounded_life(gate, wanted.expires_at)
    secret = new_api_secret(gate.dice)
    with gate.change(caller, "service_token:create") as tx:
        _require_role(gate, caller, tx, wanted)
        require_until(gate, caller, "service_token:create", until=wanted.expires_at)
        require_carries_no_more(gate, caller, Subject.of(service), wanted.expires_at)
        token = store_token(gate, tx, service, caller.subject, name, scope, wanted.expires_at, secret)
        detail = {"service": wanted.name, "role": wanted.role, "scopes": sorted(scope.patterns)}
        tx.record(AuditRecord.of(caller, "service_token.issued", f"token:{token.id}", at=tx.at, detail=detail))
    return IssuedToken(token, secret)


def _require_bounded_life(gate: Gatepost, expires_at: datetime | None) -> None:
    longest = gate.settings.tokens.service_token_max_age
    if longest is not None and (expires_at is None or expires_at > gate.now() + longest):
        raise InvalidField({"expires_at": f"needed, and at most {longest.days} days from now"})


def _require_role(gate: Gatepost, caller: Principal, tx: Change, wanted: WantedServiceToken) -> None:
    """The service has one role; a token of another one is a conflict.  A new service is made with it."""
    r, s = tables.roles, tables.services
    if tx.connection.execute(select(r.c.name).where(r.c.name == wanted.role)).one_or_none() is None:
        raise InvalidField({"role": "there is no such role"})
    row = tx.connection.execute(select(s).where(s.c.name == wanted.name)).one_or_none()
    # A token ends, the role of a service stays.
    until = None if row is None or row.role is None else wanted.expires_at
    require_carries_no_more(gate, caller, Subject("role", wanted.role, "assignee"), until)
    if row is None:
        add_service(tx, caller, wanted.name, "")
        set_role(tx, caller, wanted.name, wanted.role)
    elif row.role is None:
        set_role(tx, caller, wanted.name, wanted.role)
    elif row.role != wanted.role:
        raise Conflict(
            f"service:{wanted.name} has the role {row.role}: a token of another role would not be bounded by it"
        )


def list_service_tokens(gate: Gatepost, caller: Principal, page: Wanted, service: str = "") -> Page[TokenRecord]:
    gate.require(caller, "service_token:view", seen_by="")
    query = select(t).where(t.c.owner.like("service:%"))
    if service:
        query = query.where(t.c.owner == f"service:{service}")
    with gate.database.read() as connection:
        return read_page(connection, query, [t.c.id], page, token_record)


def revoke_service_token(gate: Gatepost, caller: Principal, token_id: str) -> None:
    """Revoke a service token, at once and everywhere, with the access tokens that were made from it."""
    with gate.change(caller, "service_token:delete", seen_by="service_token:view") as tx:
        row = tx.connection.execute(select(t).where(t.c.id == token_id, t.c.owner.like("service:%"))).one_or_none()
        if row is None:
            raise NotFound(f"there is no service token {token_id[:40]!r}")
        drop_token(tx, row)
        detail = {"service": row.owner, "name": row.name}
        tx.record(AuditRecord.of(caller, "service_token.revoked", f"token:{row.id}", at=tx.at, detail=detail))
