"""WHO?  A credential becomes a principal, or is refused.

Each authenticator answers a `Principal`, `None` for "not mine", or `Pending` work (Argon2, a row to read); or it raises
for "mine, and bad".  A bad credential never falls through to the next one, and never becomes an anonymous one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gatepost.authn import access_token, anonymous, api_token, delegated, id_token, password, session
from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Credential, Principal

__all__ = ["Authenticator", "Pending", "authenticate", "authenticate_now", "chain"]


def chain(gate: Gatepost, address: str = "") -> tuple[Authenticator, ...]:
    """The authenticators, in their one visible order.  They are disjoint by shape, so the order is for the reader."""
    return (
        session.recogniser(gate, address),
        api_token.recogniser(gate, address),
        access_token.recogniser(gate, address),
        delegated.recogniser(gate, address),
        id_token.recogniser(gate, address),
        password.recogniser(gate, address),
        anonymous.recogniser(gate, address),
    )


def authenticate(credential: Credential, chain: Sequence[Authenticator], now: datetime) -> Principal | Pending:
    """Return the principal, or the pending work that will, of the first authenticator that recognises the credential."""
    for recognise in chain:
        if (answer := recognise(credential, now)) is not None:
            return answer
    raise InvalidToken(detail=f"nobody recognises this {type(credential).__name__}")


def authenticate_now(credential: Credential, chain: Sequence[Authenticator], now: datetime) -> Principal:
    """As `authenticate`, doing any pending work here and now: for threads that may wait."""
    answer = authenticate(credential, chain, now)
    return answer.work() if isinstance(answer, Pending) else answer
