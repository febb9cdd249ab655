"""Leaving: our session ends first, whatever the provider does then (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from gatepost.errors import NotFound, Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.sso.logout import end_session_url
from gatepost.sso.states import providers_of
from gatepost.store import tables
from gatepost.tokens.sessions import sign_out

PLACE = "sso/leaving"
# People linger on a provider's page that asks whether they are sure.
RETURN_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A session that is over here, and where it came from.  `provider` is empty for a password."""

    provider: str = ""
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what it keeps until it comes back."""

    url: str = field(repr=False)
    sealed: str = field(repr=False)


def leave(gate: Gatepost, caller: Principal) -> Left:
    """End the caller's session with all its tokens, and return what the provider needs to know of it."""
    s = tables.sessions
    with gate.database.read() as connection:
        query = select(s.c.provider, s.c.id_token).where(s.c.id == caller.credential_id, s.c.ended_at.is_(None))
        row = connection.execute(query).one_or_none()
    sign_out(gate, caller)
    if row is None:
        return Left()
    return Left(provider=row.provider, id_token=_opened(gate, caller.credential_id, row.id_token))


def _opened(gate: Gatepost, session: str, sealed: str | None) -> str:
    """The sign-in's ID token.  Without it the provider asks, which is better than no sign-out there at all."""
    if sealed is None:
        return ""
    try:
        return gate.sealer.open(sealed, f"sessions/{session}").decode()
    except (ValueError, Unavailable):
        return ""


def depart(gate: Gatepost, left: Left) -> Departure | None:
    """Return the way to the provider's own sign-out, or None where it has none or cannot be asked.  It may be slow."""
    try:
        provider = providers_of(gate).get(left.provider)
    except NotFound:
        return None  # it was taken out of the configuration
    state = base64.urlsafe_b64encode(gate.dice.urandom(32)).rstrip(b"=").decode()
    return_to = f"{gate.settings.main.public_url}/oauth/{provider.name}/signed-out"
    url = end_session_url(provider, id_token=left.id_token, return_to=return_to, state=state)
    if url is None:
        return None
    kept = {"provider": provider.name, "state": state, "until": (gate.now() + RETURN_WITHIN).timestamp()}
    return Departure(url, gate.sealer.seal(json.dumps(kept).encode(), PLACE))


def has_returned(gate: Gatepost, provider: str, sealed: str, state: str) -> bool:
    """Tell whether the browser comes back from the sign-out that it was sent to: the same provider, the same state."""
    try:
        kept = json.loads(gate.sealer.open(sealed, PLACE))
    except (ValueError, Unavailable):
        return False
    same = hmac.compare_digest(str(kept["state"]).encode(), state.encode("utf-8", "replace"))
    return same and kept["provider"] == provider and gate.now().timestamp() < float(kept["until"])
