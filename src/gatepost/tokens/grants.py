"""From somebody's yes to tokens: what the code and the device grant have in common, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import GatepostError, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Scope
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.refresh_tokens import TokenPair, first_pair
from gatepost.tokens.sessions import Arrival, end_sessions, open_session, require_password_counts, require_provider

s = tables.sessions


class AuthorizationPending(GatepostError):
    """RFC 8628 section 3.5: nobody has answered yet."""

    code = "authorization_pending"
    status = 400


class SlowDown(AuthorizationPending):
    """RFC 8628 section 3.5: asked again too early; from now on the interval is five seconds longer."""

    code = "slow_down"


class ExpiredToken(GatepostError):
    """RFC 8628 section 3.5: nobody answered in time."""

    code = "expired_token"
    status = 400


class AccessDenied(GatepostError):
    """RFC 6749 section 4.1.2.1: the person said no."""

    code = "access_denied"
    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody's yes: whose, in which of their browser's sessions, to how much, for which client."""

    subject: Entity
    approved_in: str
    client_id: str
    scope: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the client is that takes the tokens."""

    address: str
    agent: str = ""


def require_approved(audience: str, approved: str) -> None:
    """RFC 8707 section 2.2: a client that names an audience gets tokens for that one or none.  Empty names none."""
    if audience not in ("", approved):
        raise InvalidField({"resource": "another audience than the one that was approved"})


def open_for(gate: Gatepost, tx: Change, approval: Approval, place: Place) -> tuple[str, TokenPair]:
    """Open a session of its own for the client, and issue its first tokens.  Returns the session's id too.

    It is listed and ended like any other, goes on when the browser signs out, and ends when the account is disabled.
    It carries what the provider vouches for in the browser's session at this moment, and is never given more.
    Raises `InvalidToken` if the session that said yes is over by now.
    """
    browser = tx.connection.execute(select(s).where(s.c.id == approval.approved_in)).one_or_none()
    if browser is None or browser.ended_at is not None or browser.expires_at <= tx.at:
        raise InvalidToken(detail="the session in which this was approved is over")
    require_provider(gate, browser.provider)
    require_password_counts(gate, approval.subject, browser.provider)
    if browser.subject != str(approval.subject) or browser.subject in gate.memory.disabled:
        raise InvalidToken(detail="whoever approved this is disabled")
    carried = gate.memory.session_roles.of(browser.id)
    arrival = Arrival(
        method=browser.method,
        address=place.address,
        agent=place.agent,
        provider=browser.provider,
        issuer=browser.issuer,
        provider_subject=browser.provider_subject,
        # Not the provider's `sid`: that is the browser's sign-in there, and this one goes on without it.
        longest=_left_of(gate, browser, tx.at),
        roles=carried.roles if carried else frozenset(),
        default_role=carried.default if carried else None,
        vouched_at=browser.vouched_at,
        rests_on=browser.id,
    )
    session = open_session(gate, tx, approval.subject, arrival, cookie=False).record.id
    scope = Scope.parse(approval.scope)
    pair = first_pair(
        gate, tx, approval.subject, session, scope=scope, client_id=approval.client_id, audience=approval.audience
    )
    return session, pair


def _left_of(gate: Gatepost, browser: Row[Any], now: datetime) -> timedelta | None:
    """How long the provider's word holds: a sign-in derived from it is no longer than the one it came from."""
    for provider in gate.settings.sso.providers:
        if provider.name == browser.provider:
            began: datetime = browser.vouched_at or browser.created_at
            return began + provider.session_max_age - now
    return None


def end_replayed(tx: Change, session: str | None, subject: str, what: str) -> None:
    """A handle that may be used once came back: one of the two who had it is a thief, so nobody keeps the tokens."""
    if session is not None and end_sessions(tx, [session]):
        tx.record(
            AuditRecord(
                event="session.ended",
                target=f"session:{session}",
                subject=subject,
                method=Method.ACCESS_TOKEN,
                at=tx.at,
                outcome=Outcome.FAILED,
                credential_id=session,
                reason=f"{what} came back",
            )
        )
