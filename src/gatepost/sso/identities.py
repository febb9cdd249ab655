"""Identities by (issuer, subject): which sign-ins elsewhere open which account."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from gatepost.access import permissions_of
from gatepost.audit.record import AuditRecord
from gatepost.directory.guards import an_admin_stays
from gatepost.directory.pages import Page, Wanted, read_page
from gatepost.errors import Conflict, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import holding, unrelate
from gatepost.store.store import Change
from gatepost.tokens.sessions import end_sessions, log_roles, release

t = tables.identities
EVERYTHING = "*:*"


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


def list_identities(gate: Gatepost, caller: Principal, username: str | None = None) -> list[Identity]:
    """One's own; somebody else's takes `user:view`."""
    gate.require_signed_in(caller, "user:view")
    own = caller.subject.id if caller.subject.type == "user" else ""
    if username is None or username == own:
        username = own
    else:
        gate.require(caller, "user:view", seen_by="")
    if not username:
        return []
    with gate.database.read() as connection:
        return identities_of(connection, username)


def unlink_identity(gate: Gatepost, caller: Principal, wanted: str) -> None:
    """Unlink one of one's own, and end the sessions that it opened, but for the caller's.

    Raises `Conflict` if it is the last way in.
    """
    gate.require_signed_in(caller, "user:edit")
    username = caller.subject.id if caller.subject.type == "user" else ""
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        linked = identities_of(tx.connection, username)
        found = next((i for i in linked if i.id == wanted), None)
        if found is None:
            raise NotFound("there is no such linked identity")
        others = [identity for identity in linked if identity is not found]
        if not is_way_left(gate, tx.connection, username, found, others):
            raise Conflict("this is your only way in: link another identity first, or have a password that counts here")
        tx.connection.execute(t.delete().where(t.c.issuer == found.issuer, t.c.subject == found.subject))
        _take_back(tx, caller, found)
        ended = end_sessions(tx, _opened_by(tx.connection, caller, found))
        tx.log("identity", username, provider=found.provider, gone=True)
        detail = {"provider": found.provider, "issuer": found.issuer, "sessions": ended}
        tx.record(AuditRecord.of(caller, "identity.unlinked", caller.subject, at=tx.at, detail=detail))


def is_way_left(gate: Gatepost, connection: Connection, username: str, gone: Identity, left: list[Identity]) -> bool:
    """Tell whether a person can still get in without `gone`: by another identity, or with a password that counts.

    A provider that was taken out of the configuration lets nobody in; and with tokens of a delegated issuer nobody signs
    in to the console, so they do not stand in for a provider.
    """
    providers = {provider.name for provider in gate.settings.sso.providers}
    doors = providers | {issuer.name for issuer in gate.settings.delegated.issuers}
    if gone.provider not in doors:
        return True
    if any(identity.provider in (providers if gone.provider in providers else doors) for identity in left):
        return True
    u = tables.users
    password = connection.execute(select(u.c.password).where(u.c.username == username)).scalar_one_or_none()
    if password is None:
        return False
    return password_counts(gate, username)


def password_counts(gate: Gatepost, username: str) -> bool:
    """Tell whether a password of this account would open it: where passwords are off, admins have /login/local."""
    held = permissions_of(Subject("user", username), gate.memory.graph)
    return gate.settings.main.password_sign_in or EVERYTHING in held


def _opened_by(connection: Connection, caller: Principal, identity: Identity) -> list[str]:
    s = tables.sessions
    theirs = (s.c.issuer == identity.issuer, s.c.provider_subject == identity.subject)
    here = (s.c.subject == str(caller.subject), s.c.id != caller.credential_id, s.c.ended_at.is_(None))
    return list(connection.execute(select(s.c.id).where(*theirs, *here)).scalars())


def _take_back(tx: Change, caller: Principal, identity: Identity) -> None:
    """Take back what it brought: a session of the caller's goes on as the account's own, and nobody vouches for more.

    Its memberships and roles end as well, unless another identity at the same provider speaks for them: nobody would
    ever bring them in line again.  And an account that was made for this provider is its own from now on: the one sign-in
    that binds it has been, and whoever has that name there today would otherwise be the next.
    """
    s, subject = tables.sessions, str(caller.subject)
    mine = (s.c.id == caller.credential_id, s.c.issuer == identity.issuer, s.c.provider_subject == identity.subject)
    for row in tx.connection.execute(select(s).where(*mine)).all():
        tx.connection.execute(
            update(s).where(s.c.id == row.id).values(provider_token=None, roles=None, default_role=None)
        )
        log_roles(tx, row.id, (), None, row.expires_at)
        release(tx, [row] if row.provider_token is not None else [])
    if any(other.provider == identity.provider for other in identities_of(tx.connection, identity.username)):
        return
    u, origin = tables.users, f"sso:{identity.provider}"
    made_for_it = (u.c.username == identity.username, u.c.external == identity.provider)
    tx.connection.execute(update(u).where(*made_for_it).values(external=None))
    with an_admin_stays(tx):
        for held in holding(tx.connection, subject):
            if held.origin == origin:
                unrelate(tx, held.object, held.relation, subject, origin=origin)


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
    with gate.database.read() as connection:
        return read_page(
            connection,
            select(c),
            [c.c.id],
            page,
            lambda r: SignInConflict(r.id, r.provider, r.issuer, r.subject, r.username, r.email, r.reason, r.at),
            descending=True,
        )


def dismiss_conflict(gate: Gatepost, caller: Principal, conflict_id: str) -> None:
    """Take one off the list.  It changes nobody's account; the same sign-in brings it back."""
    c = tables.conflicts
    with gate.change(caller, "conflict:delete", seen_by="conflict:view") as tx:
        row = tx.connection.execute(select(c).where(c.c.id == conflict_id)).one_or_none()
        if row is None:
            raise NotFound("there is no such refused sign-in")
        tx.connection.execute(c.delete().where(c.c.id == conflict_id))
        detail = {"provider": row.provider, "issuer": row.issuer, "subject": row.subject}
        tx.record(AuditRecord.of(caller, "conflict.dismissed", f"user:{row.username}", at=tx.at, detail=detail))
