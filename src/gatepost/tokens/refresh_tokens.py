"""Refresh tokens (RFC 9700 section 4.14.2): rotated at each use, with a grace for the tab that lost the race.

A spent token that comes back within three seconds, while its successor has not been used, is the other tab of the same
browser: it gets that same successor.  Any other return of a spent token is theft, and ends the whole family: the session,
its refresh tokens and its access tokens.  The successor is derived from its predecessor with a key that the database does
not hold, so nothing needs to be kept to hand it out a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, Entity, Method, Scope
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens import access_tokens
from gatepost.tokens.secrets import REFRESH_PREFIX, digest, new_refresh_secret
from gatepost.tokens.sessions import end_sessions, require_password_counts, require_provider

GRACE = timedelta(seconds=3)
OWN_CLIENT = "gatepost"
t, s = tables.refresh_tokens, tables.sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """RFC 6749 section 5.1.  `expires_in` is in seconds and speaks of the access token."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scope: str
    token_type: str = "Bearer"  # noqa: S105 - a name of the protocol


def first_pair(
    gate: Gatepost,
    tx: Change,
    subject: Entity,
    session: str,
    *,
    scope: Scope = FULL_SCOPE,
    client_id: str = OWN_CLIENT,
    audience: str = "",
) -> TokenPair:
    """Issue the first pair of a new session."""
    secret = new_refresh_secret(gate.dice)
    _store(gate, tx, secret, session, client_id, str(scope), audience)
    found = tx.connection.execute(select(s).where(s.c.id == session)).one()
    return _pair(gate, subject, found, scope, client_id, audience, secret)


def _store(gate: Gatepost, tx: Change, secret: str, session: str, client_id: str, scope: str, audience: str) -> None:
    tx.connection.execute(
        insert(t).values(
            digest=digest(secret),
            session=session,
            client_id=client_id,
            scope=scope,
            audience=audience,
            created_at=tx.at,
            expires_at=tx.at + gate.settings.tokens.refresh_token_ttl,
        )
    )


def _pair(
    gate: Gatepost, subject: Entity, session: Row[Any], scope: Scope, client_id: str, audience: str, refresh: str
) -> TokenPair:
    """Mint the access token.  It is good no longer than its session, and says which provider that rests on.

    Roles that the provider vouches for are not in it: they are the session's, and looked up there with each call.
    """
    left = session.expires_at.timestamp() - gate.dice.clock()
    lifetime = max(0, int(min(gate.settings.tokens.access_token_ttl.total_seconds(), left)))
    extra: dict[str, object] = {"exp": int(gate.dice.clock()) + lifetime}
    if session.provider:
        extra["idp"] = session.provider
    access = access_tokens.mint(
        gate, subject, session=session.id, scope=scope, client_id=client_id, audience=audience, extra=extra
    )
    return TokenPair(access_token=access, refresh_token=refresh, expires_in=lifetime, scope=str(scope))


def refresh(
    gate: Gatepost, secret: str, *, client_id: str | None = None, scope: Scope | None = None, audience: str = ""
) -> TokenPair:
    """Swap a refresh token for the next pair.  Raises `InvalidToken` for anything but a good one.

    `scope` may narrow what the token carries, never widen it (RFC 6749 section 6); `audience`, one of those that are
    configured, is for a token that was not granted for another one (RFC 8707 section 2.2): else `InvalidField`.
    """
    if not secret.startswith(REFRESH_PREFIX):
        raise InvalidToken(detail="not the shape of a refresh token")
    wanted = select(t).where(t.c.digest == digest(secret))
    with gate.database.read() as connection:  # whoever sends rubbish must not make the writers wait
        if connection.execute(wanted).one_or_none() is None:
            raise InvalidToken(detail="an unknown refresh token")
    with gate.change_unasked() as tx:
        row = tx.connection.execute(wanted).one_or_none()
        if row is None or row.expires_at <= tx.at or (client_id is not None and row.client_id != client_id):
            raise InvalidToken(detail="an unknown or expired refresh token")
        session = _live_session(gate, tx, row.session)
        subject = Entity.parse(session.subject)
        granted = Scope.parse(row.scope)
        if scope is not None and not scope.within(granted.patterns):
            raise InvalidField({"scope": "wider than the refresh token's"})
        if audience and row.audience not in ("", audience):
            raise InvalidField({"resource": "this refresh token is for another audience"})
        successor = _spend(gate, tx, secret, row) if row.spent_at is None else _same_successor(gate, tx, secret, row)
        if successor is None:
            _end_family(tx, row, subject)
    # Raised outside the transaction, which has to commit: the family is over.
    if successor is None:
        raise InvalidToken(detail=f"a spent refresh token came back: session {row.session} ended")
    return _pair(gate, subject, session, scope or granted, row.client_id, audience or row.audience, successor)


def _spend(gate: Gatepost, tx: Change, secret: str, row: Row[Any]) -> str:
    successor = REFRESH_PREFIX + gate.sealer.derive("refresh", secret)[0]
    _store(gate, tx, successor, row.session, row.client_id, row.scope, row.audience)
    spent = {"spent_at": tx.at, "successor": digest(successor)}
    tx.connection.execute(update(t).where(t.c.digest == row.digest).values(**spent))
    return successor


def _live_session(gate: Gatepost, tx: Change, session: str) -> Row[Any]:
    found = tx.connection.execute(select(s).where(s.c.id == session)).one_or_none()
    if (
        found is None
        or found.ended_at is not None
        or found.expires_at <= tx.at
        or found.subject in gate.memory.disabled
    ):
        raise InvalidToken(detail="the refresh token's session is over")
    require_provider(gate, found.provider)
    require_password_counts(gate, Entity.parse(found.subject), found.provider)
    return found


def _same_successor(gate: Gatepost, tx: Change, secret: str, row: Row[Any]) -> str | None:
    """The successor that this spent token already has, if it may still be handed out."""
    if tx.at - row.spent_at > GRACE:
        return None
    unused = tx.connection.execute(select(t.c.spent_at).where(t.c.digest == row.successor)).one_or_none()
    if unused is None or unused.spent_at is not None:
        return None
    # The encryption key may have been replaced in between: then the successor was derived with an older one.
    candidates = (REFRESH_PREFIX + text for text in gate.sealer.derive("refresh", secret))
    return next((candidate for candidate in candidates if digest(candidate) == row.successor), None)


def _end_family(tx: Change, row: Row[Any], subject: Entity) -> None:
    end_sessions(tx, [row.session])
    tx.record(
        AuditRecord(
            event="session.ended",
            target=f"session:{row.session}",
            subject=str(subject),
            method=Method.ACCESS_TOKEN,
            at=tx.at,
            outcome=Outcome.FAILED,
            credential_id=row.session,
            reason="a spent refresh token came back",
        )
    )


def forget_expired(tx: Change, now: datetime) -> None:
    tx.connection.execute(t.delete().where(t.c.expires_at < now - timedelta(days=1)))
