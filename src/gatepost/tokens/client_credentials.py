"""RFC 6749 section 4.4: a service trades its token for a short-lived access token."""

from __future__ import annotations

from gatepost.authn.api_token import recogniser
from gatepost.authn.pending import Pending
from gatepost.errors import InvalidCredentials, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, Method, Principal, Scope
from gatepost.tokens import access_tokens
from gatepost.tokens.api_tokens import read_token
from gatepost.tokens.secrets import digest


def access_token_for_service(
    gate: Gatepost, name: str, secret: str, *, scope: Scope | None, audience: str, address: str
) -> tuple[str, Scope]:
    """Return an access token that dies with the service token, and its scope.

    Raises `InvalidCredentials` for a name and secret that do not fit, `InvalidField` for a wider scope or an unknown
    audience.
    """
    caller = service_of(gate, name, secret, address)
    if caller.scope is None:
        raise InvalidCredentials("the client or its secret is wrong", detail="a service token without a scope")
    granted = caller.scope if scope is None else scope
    if not granted.within(caller.scope.patterns):
        raise InvalidField({"scope": "wider than the service token's"})
    token = access_tokens.mint(
        gate,
        caller.subject,
        session=caller.credential_id,
        scope=granted,
        client_id=caller.subject.id,
        audience=allowed_audience(gate, audience),
        extra={"issued_by": str(caller.issuer), **_no_longer_than(gate, secret)},
    )
    return token, granted


def service_of(gate: Gatepost, name: str, secret: str, address: str) -> Principal:
    """Return the service whose name and token these are.  Raises `InvalidCredentials`."""
    try:
        answer = recogniser(gate, address)(BasicCredential(name, secret), gate.now())
        caller = answer.work() if isinstance(answer, Pending) else answer
    except InvalidToken as error:
        raise InvalidCredentials("the client or its secret is wrong", detail=error.detail) from error
    if caller is None or caller.method is not Method.SERVICE_TOKEN:
        raise InvalidCredentials("the client or its secret is wrong", detail="not a service token")
    return caller


def _no_longer_than(gate: Gatepost, secret: str) -> dict[str, int]:
    """The `exp` of a token that is made from one which ends before the usual life is over."""
    key = digest(secret)
    token = gate.memory.tokens.get_or_read(key, lambda digest_: read_token(gate, digest_))
    ends = None if token is None or token.expires_at is None else int(token.expires_at.timestamp())
    usual = int(gate.dice.clock() + gate.settings.tokens.access_token_ttl.total_seconds())
    return {} if ends is None or ends >= usual else {"exp": ends}


def allowed_audience(gate: Gatepost, wanted: str) -> str:
    """RFC 8707: an access token is for one audience, of those that are configured."""
    own = gate.settings.main.public_url
    if wanted and wanted != own and wanted not in gate.settings.tokens.audiences:
        raise InvalidField({"resource": "this audience is not configured (tokens.audiences)"})
    return wanted or own
