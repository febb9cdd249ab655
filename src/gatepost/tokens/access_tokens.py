"""Access tokens: JWTs by RFC 9068, signed with the active key, for one audience, dead with their session.

What they carry is who and the ceiling (`scope`).  Roles and groups are looked up when a question is asked, not trusted
from a token that was issued half an hour ago.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Scope
from gatepost.records import AccessClaims
from gatepost.tokens.compact import decode_json, read_header

TYPE = "at+jwt"
IDENTITY_TYPE = "gatepost-identity+jwt"


def mint(
    gate: Gatepost,
    subject: Entity,
    *,
    session: str,
    scope: Scope,
    client_id: str,
    audience: str = "",
    extra: Mapping[str, object] | None = None,
) -> str:
    """Sign an access token.  `session` is the session, or the service token, that it dies with."""
    now = int(gate.dice.clock())
    claims = {
        "iss": gate.settings.main.public_url,
        "sub": str(subject),
        "aud": audience or gate.settings.main.public_url,
        "client_id": client_id,
        "iat": now,
        "exp": now + int(gate.settings.tokens.access_token_ttl.total_seconds()),
        "jti": gate.new_id(),
        "sid": session,
        "scope": str(scope),
    } | dict(extra or {})
    if gate.settings.tokens.hasura_claims:
        # That file stands on this one's signing, and few switch it on.
        from gatepost.tokens.hasura import hasura_claims

        claims |= hasura_claims(gate, subject, session, scope)
    return sign(gate, claims, TYPE)


def sign(gate: Gatepost, claims: Mapping[str, object], typ: str) -> str:
    key = gate.memory.keys.active
    header = {"alg": key.algorithm, "typ": typ, "kid": key.kid}
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return jws.serialize_compact(header, payload, key.key, algorithms=[key.algorithm])


def verify(gate: Gatepost, token: str, header: Mapping[str, Any] | None = None) -> AccessClaims:
    """Verify signature, issuer, audience, type and time.  Whether it was ended is asked on every call, elsewhere.

    `header` is the token's own, where the caller has read it already.
    """
    claims = verified(gate, token, TYPE, header)
    if claims.get("aud") != gate.settings.main.public_url:
        raise InvalidToken(detail="an access token for another audience")
    try:
        return AccessClaims(
            subject=Entity.parse(claims["sub"]),
            session=str(claims["sid"]),
            scope=Scope.parse(claims.get("scope", "")),  # a missing scope is an empty one, never "no ceiling"
            client_id=str(claims.get("client_id", "")),
            audience=claims["aud"],
            expires=float(claims["exp"]),
            issued=float(claims["iat"]),
            jti=str(claims.get("jti", "")),
            issuer=str(claims.get("issued_by", "")),
            provider=str(claims.get("idp", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidToken(detail="an access token without a needed claim") from error


def verified(gate: Gatepost, token: str, typ: str, header: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the claims of a token that we signed, of this type, in its time: `exp` says when it is over here.

    Raises `InvalidToken`.
    """
    if header is None:
        header = read_header(token)
    key = gate.memory.keys.by_kid(str(header.get("kid", "")))
    if key is None or header.get("alg") != key.algorithm or header.get("typ") != typ or "crit" in header:
        raise InvalidToken(detail="not signed by a key of ours, or of another type")
    try:
        parsed = jws.deserialize_compact(token, key.key, algorithms=[key.algorithm])
        claims = decode_json(parsed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken(detail=f"{type(error).__name__} on a token of ours") from error
    if not isinstance(claims, dict) or claims.get("iss") != gate.settings.main.public_url:
        raise InvalidToken(detail="the issuer is not ours")
    issued, expires, now = claims.get("iat"), claims.get("exp"), gate.dice.clock()
    if not isinstance(issued, int) or issued > now + 60:
        raise InvalidToken(detail="issued in the future")
    if not isinstance(expires, int):
        raise InvalidToken(detail="without an end")
    if typ == TYPE:
        # What was ended is known for as long as a token can live.  One that was made before `access_token_ttl` was
        # shortened would come back to life after that, so it ends with those of today.
        expires = min(expires, issued + int(gate.settings.tokens.access_token_ttl.total_seconds()))
    if expires <= now:
        raise InvalidToken(detail="expired")
    return claims | {"exp": expires}
