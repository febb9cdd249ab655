"""RFC 6749 section 4.4: a service trades its token for a short-lived access token."""

from __future__ import annotations

from gatepost.errors import InvalidCredentials, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, Method, Principal, Scope
from gatepost.tokens import access_tokens
from gatepost.tokens.api_tokens import read_token
from gatepost.tokens.secrets import digest


def access_token_for_service(
    gate: Gatepost, name: str, secret: str, *, scope: Scope | None, audience: str, address: str
) -> tuple[str, Scope, int]:
    """Return an access token that dies with the service token, its scope, and its life in seconds.

    Raises `InvalidCredentials` for a name and secret that do not fit, `InvalidField` for a wider scope or an unknown
    audience.
    """
    caller = service_of(gate, name, secret, address)
    if caller.scope is None:
        raise InvalidCredentials("the client or its secret is wrong", detail="a service token without a scope")
    granted = caller.scope if scope is None else scope
    if not granted.within(caller.scope.patterns):
        raise InvalidField({"scope": "wider than the service token's"})
    life = _life(gate, secret)
    token = access_tokens.mint(
        gate,
        caller.subject,
        session=caller.credential_id,
        scope=granted,
        client_id=caller.subject.id,
        audience=allowed_audience(gate, audience),
        extra={"issued_by": str(caller.issuer), "exp": int(gate.dice.clock()) + life},
    )
    return token, granted, life


def service_of(gate: Gatepost, name: str, secret: str, address: str) -> Principal:
    """Return the service whose name and token these are.  Raises `InvalidCredentials`."""
    # With the authenticators comes all of signing in elsewhere, which opening a gate does not need.
    from gatepost.authn.api_token import recogniser
    from gatepost.authn.pending import Pending

    try:
        answer = recogniser(gate, address)(BasicCredential(name, secret), gate.now())
        caller = answer.work() if isinstance(answer, Pending) else answer
    except InvalidToken as error:
        raise InvalidCredentials("the client or its secret is wrong", detail=error.detail) from error
    if caller is None or caller.method is not Method.SERVICE_TOKEN:
        raise InvalidCredentials("the client or its secret is wrong", detail="not a service token")
    return caller


def _life(gate: Gatepost, secret: str) -> int:
    """Seconds: the usual life, or less where the service token itself ends before that."""
    key = digest(secret)
    token = gate.memory.tokens.get_or_read(key, lambda digest_: read_token(gate, digest_))
    usual = int(gate.settings.tokens.access_token_ttl.total_seconds())
    if token is None or token.expires_at is None:
        return usual
    return max(0, min(usual, int(token.expires_at.timestamp()) - int(gate.dice.clock())))


def allowed_audience(gate: Gatepost, wanted: str) -> str:
    """RFC 8707: an access token is for one audience, of those that are configured."""
    own = gate.settings.main.public_url
    if wanted and wanted != own and wanted not in gate.settings.tokens.audiences:
        raise InvalidField({"resource": "this audience is not configured (tokens.audiences)"})
    return wanted or own
