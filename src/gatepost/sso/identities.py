"""Identities by (issuer, subject): which sign-ins elsewhere open which account."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from gatepost.audit.record import AuditRecord
from gatepost.directory.pages import Page, Wanted, read_page
from gatepost.errors import Conflict, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables

t = tables.identities


@dataclass(frozen=True, slots=True)
class Identity:
    """A sign-in elsewhere.  `id` stands for issuer and subject in URLs."""

    id: str
    provider: str
    issuer: str
    subject: str
    username: str
    linked_at: datetime
    last_sign_in_at: datetime


def identity_id(issuer: str, subject: str) -> str:
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:15]).decode()


def _identity(row: Row[Any]) -> Identity:
    return Identity(
        id=identity_id(row.issuer, row.subject),
        provider=row.provider,
        issuer=row.issuer,
        subject=row.subject,
        username=row.username,
        linked_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
    )


def identities_of(connection: Connection, username: str) -> list[Identity]:
    rows = connection.execute(select(t).where(t.c.username == username).order_by(t.c.issuer, t.c.subject))
    return [_identity(row) for row in rows]


def list_identities(gate: Gatepost, caller: Principal) -> list[Identity]:
    """One's own."""
    gate.require_signed_in(caller, "user:view")
    if caller.subject.type != "user":
        return []
    with gate.store.read() as connection:
        return identities_of(connection, caller.subject.id)


def unlink_identity(gate: Gatepost, caller: Principal, wanted: str) -> None:
    """Unlink one of one's own.  Raises `Conflict` if it is the last way in."""
    gate.require_signed_in(caller, "user:edit")
    username = caller.subject.id if caller.subject.type == "user" else ""
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        linked = identities_of(tx.connection, username)
        found = next((i for i in linked if i.id == wanted), None)
        if found is None:
            raise NotFound("there is no such linked identity")
        u = tables.users
        password = tx.connection.execute(select(u.c.password).where(u.c.username == username)).scalar_one_or_none()
        if len(linked) == 1 and password is None:
            raise Conflict("this is your only way in: set a password or link another identity first")
        tx.connection.execute(t.delete().where(t.c.issuer == found.issuer, t.c.subject == found.subject))
        tx.log("identity", username, provider=found.provider, gone=True)
        detail = {"provider": found.provider, "issuer": found.issuer}
        tx.record(AuditRecord.of(caller, "identity.unlinked", caller.subject, at=tx.at, detail=detail))


@dataclass(frozen=True, slots=True)
class SignInConflict:
    """A sign-in that was refused because the name or the e-mail is somebody's already."""

    id: str
    provider: str
    issuer: str
    subject: str
    username: str
    email: str | None
    reason: str
    at: datetime


def list_conflicts(gate: Gatepost, caller: Principal, page: Wanted) -> Page[SignInConflict]:
    gate.require(caller, "conflict:view", seen_by="")
    c = tables.conflicts
    with gate.store.read() as connection:
        return read_page(
            connection,
            select(c),
            [c.c.id],
            page,
            lambda r: SignInConflict(r.id, r.provider, r.issuer, r.subject, r.username, r.email, r.reason, r.at),
            descending=True,
        )
