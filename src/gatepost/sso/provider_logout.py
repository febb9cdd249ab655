"""A sign-out at the provider ends the sessions here that came from it, in every process.

Back-channel: the provider calls, and proves itself by a signed token that serves once.  Front-channel: its page loads an
address of ours in the person's browser, with the issuer and the session's id, which nobody else knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from gatepost.audit.record import AuditRecord
from gatepost.errors import InvalidRequest, InvalidToken
from gatepost.gate import Gatepost
from gatepost.settings.tenants import speaks_for
from gatepost.sso.logout_token import LogoutToken, read_logout_token
from gatepost.sso.provider import Provider
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.store.upsert import insert_if_new
from gatepost.tokens.sessions import end_sessions
from gatepost.vouched import LOGOUT

MAX_PARAMETER = 2048
s, once = tables.sessions, tables.used_once


def end_by_back_channel(gate: Gatepost, provider: Provider, token: str) -> int:
    """End what a logout token names, and answer how many sessions that were.  Those that are gone are no error.

    Raises `InvalidRequest` for a token that does not hold or that served before, `ProviderFailed` without keys.
    """
    _require_openid(provider)
    try:
        said = read_logout_token(provider, token)
    except InvalidToken as error:
        raise InvalidRequest("the logout token is not valid", detail=error.detail) from error
    with gate.change_unasked() as tx:
        # In the same transaction: a token that was used up by a crash would leave the session open for good.
        if not insert_if_new(tx.connection, once, {"digest": _handle(said), "expires_at": said.good_until}):
            raise InvalidRequest("the logout token was used already")
        named = [s.c.provider_subject == said.subject] if said.subject else []
        named += [s.c.provider_sid == said.sid] if said.sid else []
        ended = _end(tx, provider, [s.c.issuer == said.issuer, *named], "back-channel")
        # ID tokens have no row here: that they are over is told to every process.
        tx.log(LOGOUT, provider.name, issuer=said.issuer, sid=said.sid, sub=said.subject, until=said.issued)
    return ended


def end_by_front_channel(gate: Gatepost, provider: Provider, issuer: str, sid: str) -> int:
    """End the sessions of `sid` at `issuer`, and answer how many that were.  Raises `InvalidRequest`."""
    _require_openid(provider)
    if not issuer or not sid or len(issuer) > MAX_PARAMETER or len(sid) > MAX_PARAMETER:
        raise InvalidRequest("both iss and sid are needed")
    if not sid.isprintable():
        raise InvalidRequest("sid is malformed")
    if not speaks_for(provider.settings, issuer):
        raise InvalidRequest(f"iss is not the issuer of {provider.name}")
    which: list[ColumnElement[bool]] = [s.c.issuer == issuer, s.c.provider_sid == sid]
    with gate.database.read() as connection:  # anybody can call this: a guess must not make the writers wait
        if not _open_sessions(connection, which):
            return 0
    with gate.change_unasked() as tx:
        return _end(tx, provider, which, "front-channel")


def _require_openid(provider: Provider) -> None:
    if provider.settings.protocol != "oidc":
        raise InvalidRequest(f"{provider.name} signs people in by OAuth 2.0, in which a provider cannot sign them out")


def _open_sessions(connection: Connection, which: Sequence[ColumnElement[bool]]) -> list[tuple[str, str]]:
    query = select(s.c.id, s.c.subject).where(*which, s.c.ended_at.is_(None))
    return [(row.id, row.subject) for row in connection.execute(query)]


def _end(tx: Change, provider: Provider, which: Sequence[ColumnElement[bool]], way: str) -> int:
    found = _open_sessions(tx.connection, which)
    for session_id, subject in found:
        end_sessions(tx, [session_id])
        record = AuditRecord(
            event="session.ended",
            target=f"session:{session_id}",
            subject=subject,
            method="sso",
            at=tx.at,
            credential_id=session_id,
            reason=f"{way} logout by {provider.name}",
            detail={"provider": provider.name},
        )
        tx.record(record)
    return len(found)


def _handle(said: LogoutToken) -> bytes:
    return hashlib.sha256(f"logout token\0{said.issuer}\0{said.jti}".encode("utf-8", "replace")).digest()
