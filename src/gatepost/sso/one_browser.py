"""One browser, one session: also where several of its tabs come back from the provider at the same moment.

None of them has the session's cookie of another yet, so nothing would tell that they are one browser, and all but the last
session would be left to run out.  Neither can the later one simply end the earlier one: the browser keeps the cookie that
reaches it last, whichever that is.  So they share one: its secret is derived, with a key of ours, from what the tabs have
in common, and the second to come back as the same person at the same provider is given what the first was given.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.principal import Entity
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.secrets import SESSION_PREFIX, digest
from gatepost.tokens.sessions import Arrival, NewSession, end_sessions, open_session, record_of

AT_ONCE = timedelta(minutes=1)
s = tables.sessions


def open_once(gate: Gatepost, tx: Change, subject: Entity, arrival: Arrival, handle: str) -> NewSession:
    """Open a session, or return the one that another tab of this browser has just opened for the same sign-in.

    `handle` is what the tabs have in common, and empty where a session of its own is wanted.  One of somebody else's in
    the same browser ends.
    """
    if not handle:
        return open_session(gate, tx, subject, arrival, cookie=True)
    secret = SESSION_PREFIX + gate.sealer.derive("sso/session", handle)[0]
    row = tx.connection.execute(select(s).where(s.c.digest == digest(secret))).one_or_none()
    if row is None:
        return open_session(gate, tx, subject, replace(arrival, secret=secret), cookie=True)
    if row.ended_at is None and _is_same(row, subject, arrival) and row.created_at > tx.at - AT_ONCE:
        return NewSession(record_of(row), secret)
    if end_sessions(tx, [row.id]):
        tx.record(
            AuditRecord(
                event="session.ended",
                target=f"session:{row.id}",
                subject=row.subject,
                method=row.method,
                at=tx.at,
                credential_id=row.id,
                reason="the same browser signed in anew",
            )
        )
    return open_session(gate, tx, subject, arrival, cookie=True)


def _is_same(row: Row[Any], subject: Entity, arrival: Arrival) -> bool:
    """Whether the two say the same of the same person.  A session that was opened meanwhile is never given more."""
    said = (arrival.issuer, arrival.provider_subject, arrival.provider_sid, arrival.default_role)
    known = (row.issuer, row.provider_subject, row.provider_sid, row.default_role)
    return row.subject == str(subject) and known == said and frozenset(row.roles or ()) == arrival.roles
