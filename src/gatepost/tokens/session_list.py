"""Seeing and ending sessions: one's own, or anybody's."""

from __future__ import annotations

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.directory.pages import Page, Wanted, read_page
from gatepost.errors import NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.records import SessionRecord
from gatepost.store import tables
from gatepost.tokens.sessions import end_sessions, record_of, session_ids_of

t = tables.sessions


def list_sessions(gate: Gatepost, caller: Principal, page: Wanted, owner: str | None = None) -> Page[SessionRecord]:
    """One's own sessions that go on; `owner` (a username, or `*` for everybody's) takes `session:view`."""
    gate.require_signed_in(caller, "session:view")
    now = gate.now()
    idle_since = now - gate.settings.sessions.idle_timeout
    alive = (t.c.digest.is_(None)) | (t.c.last_seen_at > idle_since)
    query = select(t).where(t.c.ended_at.is_(None), t.c.expires_at > now, alive)
    if owner is None or f"user:{owner.lower()}" == str(caller.subject):
        query = query.where(t.c.subject == str(caller.subject))
    else:
        gate.require(caller, "session:view", seen_by="")
        if owner != "*":
            query = query.where(t.c.subject == f"user:{owner.lower()}")
    with gate.database.read() as connection:
        return read_page(connection, query, [t.c.id], page, record_of)


def end_session(gate: Gatepost, caller: Principal, session_id: str) -> None:
    """End one session with its tokens, at once and everywhere.  One's own, or with `session:delete` anybody's."""
    gate.require_signed_in(caller, "session:delete")
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        query = select(t.c.subject).where(t.c.id == session_id, t.c.ended_at.is_(None))
        owner = tx.connection.execute(query).scalar_one_or_none()
        if owner is None or owner != str(caller.subject):
            gate.require(caller, "session:delete", seen_by="session:view")
        if owner is None or not end_sessions(tx, [session_id]):
            raise NotFound(f"there is no session:{session_id[:40]}")
        detail = {"owner": owner}
        tx.record(AuditRecord.of(caller, "session.ended", f"session:{session_id}", at=tx.at, detail=detail))


def end_other_sessions(gate: Gatepost, caller: Principal) -> int:
    """End all of one's own sessions but this one.  Answers how many there were."""
    gate.require_signed_in(caller, "session:delete")
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        ids = session_ids_of(tx.connection, caller.subject, besides=caller.credential_id)
        count = end_sessions(tx, ids)
        if count:
            detail = {"sessions": count}
            tx.record(AuditRecord.of(caller, "session.others_ended", caller.subject, at=tx.at, detail=detail))
        return count
