"""RFC 7662: a service asks what a token is.

With `decision:ask` it may ask about every access, API and service token; without, about its own.  Everything else is
`{"active": false}`, whether it is unknown, expired, ended, a refresh token, or just not for this caller to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.tokens.access_tokens import TYPE, verified
from gatepost.tokens.api_tokens import read_token
from gatepost.tokens.compact import is_jws
from gatepost.tokens.secrets import API_PREFIX, digest
from gatepost.tokens.sessions import require_password_counts, require_provider

INACTIVE: Mapping[str, Any] = {"active": False}


def introspect(gate: Gatepost, caller: Principal, token: str) -> Mapping[str, Any]:
    """Return the members of the answer."""
    found = _api_token(gate, token) if token.startswith(API_PREFIX) else _access_token(gate, token)
    if found is None:
        return INACTIVE
    own = found["sub"] == str(caller.subject)
    if not own and not gate.may(caller, "decision:ask"):
        return INACTIVE
    return {"active": True, "token_type": "Bearer", "iss": gate.settings.main.public_url, **found}


def _access_token(gate: Gatepost, token: str) -> dict[str, Any] | None:
    """For whichever audience: whoever asks compares `aud` with its own name."""
    if not is_jws(token):
        return None
    try:
        claims = verified(gate, token, TYPE)
        subject = Entity.parse(str(claims.get("sub", "")))
        provider = str(claims.get("idp", ""))
        require_provider(gate, provider)
        require_password_counts(gate, subject, provider)
    except (InvalidToken, ValueError):
        return None
    if gate.memory.has_ended(str(claims.get("sid", ""))) or str(subject) in gate.memory.disabled:
        return None
    told: dict[str, Any] = {name: claims[name] for name in ("aud", "client_id", "exp", "iat", "jti") if name in claims}
    return {"sub": str(subject), "username": subject.id, "scope": str(claims.get("scope", "")), **told}


def _api_token(gate: Gatepost, secret: str) -> dict[str, Any] | None:
    """Asking about a token is not using it, so its last use stays what it was."""
    token = gate.memory.tokens.get_or_read(digest(secret), lambda digest_: read_token(gate, digest_))
    if token is None or gate.memory.has_ended(token.id) or str(token.owner) in gate.memory.disabled:
        return None
    if token.expires_at is not None and token.expires_at <= gate.now():
        return None
    told = {} if token.expires_at is None else {"exp": int(token.expires_at.timestamp())}
    return {
        "sub": str(token.owner),
        "username": token.owner.id,
        "scope": str(token.scopes),
        "aud": gate.settings.main.public_url,
        "iat": int(token.created_at.timestamp()),
        "jti": token.id,
        **told,
    }
