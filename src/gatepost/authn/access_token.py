"""Access tokens that we issued (RFC 9068)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BearerToken, Credential, Entity, Method, Principal
from gatepost.records import AccessClaims
from gatepost.tokens.access_tokens import TYPE, verify
from gatepost.tokens.compact import is_jws, read_header, read_unverified


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        if not isinstance(credential, BearerToken) or not is_jws(credential.token):
            return None
        key = hashlib.sha256(credential.token.encode()).digest()
        claims = gate.memory.verified.get(key)
        if claims is None:
            if not is_ours(gate, credential.token):
                return None
            claims = gate.memory.verified.get_or_read(key, lambda _: verify(gate, credential.token))
        if claims is None or claims.expires <= now.timestamp():
            raise InvalidToken(detail="expired")
        return _principal(gate, claims, address)

    return recognise


def is_ours(gate: Gatepost, token: str) -> bool:
    """Tell by what it says of itself whether a JWS is for us to judge.  Nothing here is believed yet."""
    try:
        return (
            read_header(token).get("typ") == TYPE and read_unverified(token).get("iss") == gate.settings.main.public_url
        )
    except InvalidToken:
        return False


def _principal(gate: Gatepost, claims: AccessClaims, address: str) -> Principal:
    if gate.memory.has_ended(claims.session) or str(claims.subject) in gate.memory.disabled:
        raise InvalidToken(detail="its session was ended, or the account disabled")
    return Principal(
        subject=claims.subject,
        method=Method.ACCESS_TOKEN,
        scope=claims.scope,
        credential_id=claims.session,
        issuer=Entity.parse(claims.issuer) if claims.issuer else None,
        provider=claims.provider,
        address=address,
    )
