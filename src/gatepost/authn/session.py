"""The console's session cookie."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Credential, Method, Principal, SessionCookie
from gatepost.records import SessionRecord
from gatepost.tokens.secrets import digest
from gatepost.tokens.sessions import is_over, read_session, require_password_counts, require_provider

SEEN_EVERY = timedelta(seconds=10)


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        if not isinstance(credential, SessionCookie):
            return None
        return of_session(gate, digest(credential.secret), now, address)

    return recognise


def of_session(gate: Gatepost, key: bytes, now: datetime, address: str) -> Principal | Pending:
    """The principal of the session whose cookie has this digest.  Raises `InvalidToken`."""
    known = gate.memory.sessions.get(key)
    # Another process may have seen the session more lately than this one: ask the database before giving it up.
    if known is not None and not is_over(gate, known, known.last_seen_at, now):
        return _principal(gate, key, known, now, address)
    return Pending("database", lambda: _read(gate, key, now, address))


def _read(gate: Gatepost, key: bytes, now: datetime, address: str) -> Principal:
    gate.memory.sessions.drop(key)
    session = gate.memory.sessions.get_or_read(key, lambda digest_: read_session(gate, digest_))
    if session is None or is_over(gate, session, session.last_seen_at, now):
        raise InvalidToken(detail="an unknown session, or one that is over")
    return _principal(gate, key, session, now, address)


def _principal(gate: Gatepost, key: bytes, session: SessionRecord, now: datetime, address: str) -> Principal:
    memory = gate.memory
    if memory.has_ended(session.id) or (memory.disabled and str(session.subject) in memory.disabled):
        raise InvalidToken(detail="the session was ended, or the account disabled")
    require_provider(gate, session.provider)
    require_password_counts(gate, session.subject, session.provider)
    seen, carried, caller = session.last_seen_at, memory.session_roles.of(session.id), session.caller
    if now - seen > SEEN_EVERY:
        seen = now
        gate.journal.session_seen(session.id, now)
    if caller is None or caller.address != address or session.carried is not carried:
        caller = Principal(
            subject=session.subject,
            method=Method.SESSION,
            scope=None,
            role=carried.default if carried else None,
            roles=carried.roles if carried else frozenset(),
            credential_id=session.id,
            provider=session.provider,
            address=address,
        )
    if seen is now or caller is not session.caller:
        memory.sessions.renew(key, replace(session, last_seen_at=seen, caller=caller, carried=carried))
    return caller
