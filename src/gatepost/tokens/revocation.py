"""RFC 7009: whoever holds a token may end it, and with it the sign-in that it belongs to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.errors import GatepostError, InvalidRequest, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Method
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.access_tokens import TYPE, verified
from gatepost.tokens.compact import is_jws
from gatepost.tokens.secrets import API_PREFIX, REFRESH_PREFIX, digest
from gatepost.tokens.sessions import end_sessions

r, s = tables.refresh_tokens, tables.sessions


class UnsupportedTokenType(GatepostError):
    """RFC 7009 section 2.2.1."""

    code = "unsupported_token_type"
    status = 400


def revoke(gate: Gatepost, token: str, client_id: str, address: str) -> None:
    """End the session that a refresh or access token belongs to, with everything that was issued in it.

    A token that is unknown, expired or ended already is no error: there is nothing left to end.  Raises
    `InvalidRequest` for a token of another client than `client_id` (empty: whoever holds it), `UnsupportedTokenType`
    for API and service tokens, by their shape alone: whether there is such a token is not told.
    """
    if token.startswith(API_PREFIX):
        raise UnsupportedTokenType("API and service tokens are revoked at /api/v1/tokens and /api/v1/service-tokens")
    if token.startswith(REFRESH_PREFIX):
        _revoke_refresh_token(gate, token, client_id, address)
    elif is_jws(token):
        _revoke_access_token(gate, token, client_id, address)


def _revoke_refresh_token(gate: Gatepost, token: str, client_id: str, address: str) -> None:
    """A spent one counts too: it still names its family."""
    # Looked up before the lock is taken: whoever sends nonsense shall not make writers wait.
    with gate.database.read() as connection:
        query = select(r.c.session, r.c.client_id).where(r.c.digest == digest(token))
        row = connection.execute(query).one_or_none()
    if row is not None:
        _require_own(row.client_id, client_id)
        with gate.change_unasked() as tx:
            _end(tx, row.session, address)


def _revoke_access_token(gate: Gatepost, token: str, client_id: str, address: str) -> None:
    try:
        claims = verified(gate, token, TYPE)
    except InvalidToken:
        return
    _require_own(str(claims.get("client_id", "")), client_id)
    with gate.change_unasked() as tx:
        if not _is_session(tx, claims):
            raise UnsupportedTokenType("this access token ends with the service token that it was made from")
        _end(tx, str(claims.get("sid", "")), address)


def _is_session(tx: Change, claims: dict[str, Any]) -> bool:
    return tx.connection.execute(select(s.c.id).where(s.c.id == str(claims.get("sid", "")))).first() is not None


def _require_own(of_token: str, client_id: str) -> None:
    if client_id and of_token != client_id:
        raise InvalidRequest("this token was issued to another client")


def _end(tx: Change, session: str, address: str) -> None:
    subject = tx.connection.execute(select(s.c.subject).where(s.c.id == session)).scalar_one_or_none()
    if subject is not None and end_sessions(tx, [session]):
        tx.record(
            AuditRecord(
                event="session.ended",
                target=f"session:{session}",
                subject=subject,
                method=Method.ACCESS_TOKEN,
                at=tx.at,
                credential_id=session,
                reason="revoked by its holder",
                address=address,
            )
        )
