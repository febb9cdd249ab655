"""The caller that a verified token of another issuer makes, judged anew with each call."""

from __future__ import annotations

from datetime import datetime

from gatepost.access import roles_of
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal, Subject
from gatepost.vouched import Vouched


def principal_vouched_for(gate: Gatepost, known: Vouched, method: Method, address: str, now: datetime) -> Principal:
    """Return the caller.  Raises `InvalidToken` once the token, its session there or the account here is over."""
    if known.subject is None or known.expires <= now.timestamp():
        raise InvalidToken(detail="expired")
    if gate.memory.vouched.has_ended(known):
        raise InvalidToken(detail="its session was ended at the issuer")
    if str(known.subject) in gate.memory.disabled:
        raise InvalidToken(detail="the account is disabled")
    if known.role is not None:
        own = roles_of(Subject.of(known.subject), gate.memory.graph, groups=known.groups, roles=known.roles)
        if known.role not in own:
            raise InvalidToken(detail=f"its default role {known.role} is none of its roles")
    return Principal(
        subject=known.subject,
        method=method,
        scope=None,  # a `scope` of somebody else's token speaks of their permissions
        role=known.role,
        actor=known.actor,
        groups=known.groups,
        roles=known.roles,
        credential_id=known.credential_id,
        provider=known.provider,
        address=address,
    )
