"""Sessions: a sign-in that goes on, in a browser (opaque cookie) or as a pair of access and refresh token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gatepost.access import permissions_of
from gatepost.audit.record import AuditRecord
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Subject
from gatepost.records import ProviderToken, SessionRecord
from gatepost.session_roles import KIND
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.secrets import digest, new_session_secret

AGENT_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a sign-in comes from, and how it was proved."""

    method: str
    address: str
    agent: str = ""
    provider: str = ""
    issuer: str | None = None
    provider_subject: str | None = None
    provider_sid: str | None = None
    id_token: str | None = field(default=None, repr=False)
    longest: timedelta | None = None  # the provider is asked again after that
    roles: frozenset[str] = frozenset()  # those that the provider vouches for until this session ends
    default_role: str | None = None
    vouched_at: datetime | None = None  # when it did, if not now
    provider_token: str | None = field(default=None, repr=False)  # its refresh token
    rests_on: str | None = None  # the browser's session that this one comes of
    local_door: bool = False  # by password where passwords are off
    secret: str | None = field(default=None, repr=False)  # its cookie, for whoever has to find it again


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session and its secret, which is not stored and never shown again."""

    record: SessionRecord
    secret: str = field(repr=False)


def open_session(gate: Gatepost, tx: Change, subject: Entity, arrival: Arrival, *, cookie: bool) -> NewSession:
    """Start a session for `subject`, who has just proved who they are.  Raises `InvalidToken` for the disabled."""
    _require_there(tx, subject)
    secret = arrival.secret or new_session_secret(gate.dice)
    session_id = gate.new_id()
    life = min(gate.settings.sessions.absolute_timeout, arrival.longest or gate.settings.sessions.absolute_timeout)
    if not cookie:
        life = gate.settings.tokens.refresh_token_ttl if arrival.longest is None else min(life, arrival.longest)
    values = {
        "id": session_id,
        "subject": str(subject),
        "digest": digest(secret) if cookie else None,
        "method": arrival.method,
        "provider": arrival.provider,
        "issuer": arrival.issuer,
        "provider_subject": arrival.provider_subject,
        "provider_sid": arrival.provider_sid,
        "id_token": gate.sealer.seal(arrival.id_token.encode(), f"sessions/{session_id}") if arrival.id_token else None,
        "roles": sorted(arrival.roles) or None,
        "default_role": arrival.default_role,
        "vouched_at": (arrival.vouched_at or tx.at) if arrival.provider else None,
        "provider_token": seal_provider_token(gate, session_id, arrival.provider_token),
        "rests_on": arrival.rests_on,
        "created_at": tx.at,
        "last_seen_at": tx.at,
        "expires_at": tx.at + life,
        "address": arrival.address,
        "agent": arrival.agent[:AGENT_CHARACTERS],
    }
    tx.connection.execute(insert(tables.sessions).values(**values))
    tx.record(
        AuditRecord(
            event="session.opened",
            target=f"session:{session_id}",
            subject=str(subject),
            method=arrival.method,
            at=tx.at,
            address=arrival.address,
            credential_id=session_id,
            detail=_told(arrival),
        )
    )
    if arrival.roles or arrival.default_role is not None:
        log_roles(tx, session_id, arrival.roles, arrival.default_role, tx.at + life)
    row = tx.connection.execute(select(tables.sessions).where(tables.sessions.c.id == session_id)).one()
    return NewSession(record_of(row), secret if cookie else "")


def _told(arrival: Arrival) -> dict[str, object]:
    """What the record of a sign-in says beside who and how."""
    told: dict[str, object] = {"provider": arrival.provider} if arrival.provider else {}
    if arrival.roles:
        told["roles"] = sorted(arrival.roles)
    if arrival.default_role is not None:
        told["default_role"] = arrival.default_role
    if arrival.local_door:
        told["local_door"] = True
    return told


def log_roles(tx: Change, session_id: str, roles: Iterable[str], default: str | None, expires_at: datetime) -> None:
    """Tell every process what a session carries from now on."""
    tx.log(KIND, session_id, roles=sorted(roles), default=default, expires=expires_at.timestamp())


def narrow_roles(gate: Gatepost, tx: Change, session_id: str, expires_at: datetime, allowed: frozenset[str]) -> bool:
    """Take from a session what is not among `allowed`.  It is never given more.  Answers whether anything was taken."""
    carried = gate.memory.session_roles.of(session_id)
    if carried is None or carried.roles <= allowed:
        return False
    left = carried.roles & allowed
    tx.connection.execute(update(tables.sessions).where(tables.sessions.c.id == session_id).values(roles=sorted(left)))
    log_roles(tx, session_id, left, carried.default, expires_at)
    return True


def seal_provider_token(gate: Gatepost, session_id: str, token: str | None) -> str | None:
    """Seal a provider's refresh token for its place: it cannot be pasted into another session's row."""
    return gate.sealer.seal(token.encode(), f"sessions/{session_id}/provider_token") if token else None


def open_provider_token(gate: Gatepost, session_id: str, sealed: str) -> str:
    """The way back.  Raises `ValueError`, or `Unavailable` if its key is not here."""
    return gate.sealer.open(sealed, f"sessions/{session_id}/provider_token").decode()


def require_provider(gate: Gatepost, name: str) -> None:
    """Raise `InvalidToken` for what rests on a provider that was taken out of the configuration.

    Nobody is left who could end it there, nor asked whether the person is still who they were (infrahq/infra#2260).
    """
    if name and not any(provider.name == name for provider in gate.settings.sso.providers):
        raise InvalidToken(detail=f"the provider {name} that vouched is not configured any more")


def require_password_counts(gate: Gatepost, subject: Entity, provider: str) -> None:
    """Raise `InvalidToken` for what no provider vouches for where passwords are off, but for admins.

    Whoever switches them off means those of yesterday, too.  As with a provider that was taken out it is refused and not
    ended: a process that was started with another configuration must not sign everybody out.
    """
    if provider or gate.settings.main.password_sign_in or subject.type != "user":
        return
    if not may_use_local_door(gate, subject.id):
        raise InvalidToken(detail="it came of a password, and passwords are off")


def may_use_local_door(gate: Gatepost, username: str) -> bool:
    """Tell whether somebody has a password that counts where passwords are off: an admin, and for good."""
    return "*:*" in permissions_of(Subject("user", username), gate.memory.graph)


def _require_there(tx: Change, subject: Entity) -> None:
    """Between the proof and this lock, the account may have been disabled or deleted."""
    u = tables.users
    row = tx.connection.execute(select(u.c.disabled_at).where(u.c.username == subject.id)).one_or_none()
    if row is None:
        raise InvalidToken(detail=f"{subject} was deleted while signing in")
    if row.disabled_at is not None:
        raise InvalidToken("this account is disabled", detail=str(subject))


def record_of(row: Row[tuple[object, ...]]) -> SessionRecord:
    return SessionRecord(
        id=row.id,
        subject=Entity.parse(row.subject),
        method=row.method,
        provider=row.provider,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        address=row.address,
        agent=row.agent,
        has_cookie=row.digest is not None,
        roles=frozenset(row.roles or ()),
        default_role=row.default_role,
    )


def read_session(gate: Gatepost, secret_digest: bytes) -> SessionRecord | None:
    """Read a session by its cookie's digest, from the database."""
    t = tables.sessions
    with gate.database.read() as connection:
        row = connection.execute(select(t).where(t.c.digest == secret_digest)).one_or_none()
    return record_of(row) if row is not None and row.ended_at is None else None


def is_over(gate: Gatepost, session: SessionRecord, last_seen: datetime, now: datetime) -> bool:
    """Judge a session's two limits: since it began, and since it was last used."""
    return now >= session.expires_at or now - last_seen >= gate.settings.sessions.idle_timeout


def session_ids_of(connection: Connection, subject: Entity, *, besides: str = "") -> list[str]:
    t = tables.sessions
    query = select(t.c.id).where(t.c.subject == str(subject), t.c.ended_at.is_(None), t.c.id != besides)
    return list(connection.execute(query).scalars())


def end_sessions(tx: Change, ids: Iterable[str]) -> int:
    """End sessions with everything that was issued in them: their access tokens die with the changelog entry.

    What a provider gave for them goes in the same transaction, and back to it after that, as far as it takes it.
    """
    t, r = tables.sessions, tables.refresh_tokens
    count = 0
    held: list[Row[Any]] = []
    for session_id in ids:
        row = tx.connection.execute(select(t).where(t.c.id == session_id)).one_or_none()
        if row is None or row.ended_at is not None:
            continue
        held += [row] if row.provider_token is not None else []
        tx.connection.execute(
            update(t).where(t.c.id == session_id).values(ended_at=tx.at, id_token=None, provider_token=None)
        )
        tx.connection.execute(r.delete().where(r.c.session == session_id))
        tx.log("session", session_id, ended=True, digest=row.digest.hex() if row.digest else "")
        count += 1
    release(tx, held)
    return count


def release(tx: Change, held: Iterable[Row[Any]]) -> None:
    """Give back the refresh tokens of sessions that are over, but of no sign-in at a provider that goes on here.

    To revoke one ends that whole sign-in there with some (Keycloak), and so the token that came with it a second time.
    """
    t = tables.sessions
    for row in held:
        same = (t.c.issuer == row.issuer, t.c.provider_subject == row.provider_subject, t.c.id != row.id)
        sid = t.c.provider_sid.is_not_distinct_from(row.provider_sid)
        going_on = select(t.c.id).where(*same, sid, t.c.provider_token.is_not(None), t.c.ended_at.is_(None)).limit(1)
        if tx.connection.execute(going_on).one_or_none() is None:
            tx.released.append(ProviderToken(row.id, row.provider, row.provider_token))


def sign_out(gate: Gatepost, caller: Principal) -> None:
    """End the session that the caller came with.  Whoever has none (an API token) is refused by name."""
    with gate.change_unasked() as tx:
        if end_sessions(tx, [caller.credential_id]):
            tx.record(
                AuditRecord.of(
                    caller, "session.ended", f"session:{caller.credential_id}", at=tx.at, reason="signed out"
                )
            )
