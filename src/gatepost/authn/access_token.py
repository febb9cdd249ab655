"""Access tokens that we issued (RFC 9068)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BearerToken, Credential, Entity, Method, Principal
from gatepost.records import AccessClaims
from gatepost.tokens.access_tokens import TYPE, verify
from gatepost.tokens.compact import read_both
from gatepost.tokens.sessions import require_password_counts, require_provider


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        if not isinstance(credential, BearerToken) or not credential.token.isascii():
            return None
        # Only what was verified is under its digest, so a known token has the right shape and is not looked at again.
        key = hashlib.sha256(credential.token.encode()).digest()
        claims = gate.memory.verified.get(key)
        if claims is None:
            header = header_if_ours(gate, credential.token)
            if header is None:
                return None
            claims = gate.memory.verified.get_or_read(key, lambda _: verify(gate, credential.token, header))
        if claims is None or claims.expires <= now.timestamp():
            raise InvalidToken(detail="expired")
        return _principal(gate, key, claims, address)

    return recognise


def header_if_ours(gate: Gatepost, token: str) -> dict[str, Any] | None:
    """Tell by what it says of itself whether a JWS is for us to judge.  Nothing here is believed yet."""
    try:
        header, claims = read_both(token)
    except InvalidToken:
        return None
    return header if header.get("typ") == TYPE and claims.get("iss") == gate.settings.main.public_url else None


def _principal(gate: Gatepost, key: bytes, claims: AccessClaims, address: str) -> Principal:
    memory = gate.memory
    if memory.has_ended(claims.session) or (memory.disabled and str(claims.subject) in memory.disabled):
        raise InvalidToken(detail="its session was ended, or the account disabled")
    require_password_counts(gate, claims.subject, claims.provider)
    carried = memory.session_roles.of(claims.session)
    if claims.caller is not None and claims.caller.address == address and claims.carried is carried:
        return claims.caller
    require_provider(gate, claims.provider)
    caller = Principal(
        subject=claims.subject,
        method=Method.ACCESS_TOKEN,
        scope=claims.scope,
        role=carried.default if carried else None,
        roles=carried.roles if carried else frozenset(),
        credential_id=claims.session,
        issuer=Entity.parse(claims.issuer) if claims.issuer else None,
        provider=claims.provider,
        address=address,
    )
    memory.verified.renew(key, replace(claims, caller=caller, carried=carried))
    return caller
