"""`gp_` secrets: API and service tokens, as Bearer or as the secret in Basic."""

from __future__ import annotations

from datetime import datetime

from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, BearerToken, Credential, Method, Principal
from gatepost.records import TokenRecord
from gatepost.tokens.api_tokens import read_token
from gatepost.tokens.secrets import API_PREFIX, digest

ANY_OWNER = "__token__"


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        if isinstance(credential, BearerToken):
            secret, username = credential.token, ANY_OWNER
        elif isinstance(credential, BasicCredential):
            secret, username = credential.secret, credential.username
        else:
            return None
        if not secret.startswith(API_PREFIX):
            return None
        key = digest(secret)
        known = gate.memory.tokens.get(key)
        if known is not None:
            return principal_of(gate, known, username, now, address)
        return Pending("database", lambda: read_principal(gate, key, username, now, address))

    return recognise


def read_principal(gate: Gatepost, key: bytes, username: str, now: datetime, address: str) -> Principal:
    token = gate.memory.tokens.get_or_read(key, lambda digest_: read_token(gate, digest_))
    if token is None:
        raise InvalidToken(detail="an unknown or revoked token")
    return principal_of(gate, token, username, now, address)


def _as_stored(username: str, kind: str) -> str:
    """Usernames are lower-cased on the way in; services' names are not, and two may differ in case alone."""
    return username.lower() if kind == "user" else username


def principal_of(gate: Gatepost, token: TokenRecord, username: str, now: datetime, address: str) -> Principal:
    if token.expires_at is not None and token.expires_at <= now:
        raise InvalidToken(detail=f"token {token.id} has expired")
    if gate.memory.has_ended(token.id) or str(token.owner) in gate.memory.disabled:
        raise InvalidToken(detail=f"token {token.id} was revoked, or its owner disabled")
    if username != ANY_OWNER and _as_stored(username, token.owner.type) != token.owner.id:
        raise InvalidToken(detail=f"token {token.id} is not of the user named with it")
    gate.journal.token_used(token.id, now)
    is_service = token.owner.type == "service"
    return Principal(
        subject=token.owner,
        method=Method.SERVICE_TOKEN if is_service else Method.API_TOKEN,
        scope=token.scopes,
        credential_id=token.id,
        issuer=token.issuer if is_service else None,
        address=address,
    )
