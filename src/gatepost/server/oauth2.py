"""`/oauth2/token` (RFC 6749) and `/oauth2/device_authorization` (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.authority import require_patterns
from gatepost.errors import GatepostError, InvalidCredentials
from gatepost.gate import Gatepost
from gatepost.principal import Scope
from gatepost.server.oauth2_requests import Asked, answer, read_request
from gatepost.tokens import authorization_codes, device_codes, refresh_tokens
from gatepost.tokens.client_credentials import access_token_for_service, allowed_audience
from gatepost.tokens.clients import read_wish, require_client
from gatepost.tokens.grants import Place
from gatepost.tokens.refresh_tokens import OWN_CLIENT, TokenPair

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class UnsupportedGrantType(GatepostError):
    """RFC 6749 section 5.2."""

    code = "unsupported_grant_type"
    status = 400


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth2/token", token, methods=["POST"]),
        Route("/oauth2/device_authorization", begin_device, methods=["POST"]),
    ]


async def token(request: Request) -> Response:
    """Answer an access token for a grant."""
    asked = await read_request(request)
    grant = GRANTS.get(asked.get("grant_type"))
    if grant is None:
        raise UnsupportedGrantType(f"allowed are {', '.join(GRANTS)}")
    return answer(await request.state.pools.database(grant, request.state.gate, asked))


async def begin_device(request: Request) -> Response:
    """Answer the codes of a sign-in on a machine without a browser."""
    asked = await read_request(request)
    return answer(await request.state.pools.database(_begin_device, request.state.gate, asked))


def _begin_device(gate: Gatepost, asked: Asked) -> dict[str, Any]:
    _require_public_client(asked)
    wish = read_wish(gate, asked.get("scope"), asked.get("resource"))
    begun = device_codes.begin(gate, asked.client.id, wish, _place(asked))
    page = f"{gate.settings.main.public_url}/device"
    return {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={begun.user_code}",
        "expires_in": begun.expires_in,
        "interval": begun.interval,
    }


def _require_public_client(asked: Asked) -> None:
    """A public client that comes with a secret is not the one that it says it is."""
    require_client(asked.client.id)
    if asked.client.secret:
        raise InvalidCredentials("this client has no secret")


def _place(asked: Asked) -> Place:
    return Place(address=asked.address, agent=asked.agent)


def _scope(gate: Gatepost, asked: Asked) -> Scope | None:
    """Raises `InvalidField` for what is no scope at all: below `*:*` any text would count as narrower."""
    if not asked.get("scope"):
        return None
    return Scope(require_patterns(gate, Scope.parse(asked["scope"]).patterns, "scope"))


def _audience(gate: Gatepost, asked: Asked) -> str:
    """Where `resource` is not given, that of the grant."""
    return allowed_audience(gate, asked["resource"]) if asked.get("resource") else ""


def _answer(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "token_type": pair.token_type,
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
        "scope": pair.scope,
    }


def _authorization_code(gate: Gatepost, asked: Asked) -> dict[str, Any]:
    _require_public_client(asked)
    shown = authorization_codes.Shown(
        client_id=asked.client.id,
        redirect_uri=asked["redirect_uri"],
        audience=_audience(gate, asked),
        code=asked["code"],
        verifier=asked["code_verifier"],
    )
    return _answer(authorization_codes.redeem(gate, shown, _place(asked)))


def _device_code(gate: Gatepost, asked: Asked) -> dict[str, Any]:
    _require_public_client(asked)
    audience = _audience(gate, asked)
    return _answer(device_codes.poll(gate, asked["device_code"], asked.client.id, _place(asked), audience))


def _refresh(gate: Gatepost, asked: Asked) -> dict[str, Any]:
    """A refresh token is its client's.  Whoever names no client is the API's own sign-in, which has none to name."""
    secret = asked["refresh_token"]
    if asked.client.secret:
        raise InvalidCredentials("no client that has a secret has refresh tokens")
    audience = _audience(gate, asked)
    client_id = asked.client.id or OWN_CLIENT
    return _answer(
        refresh_tokens.refresh(gate, secret, client_id=client_id, scope=_scope(gate, asked), audience=audience)
    )


def _client_credentials(gate: Gatepost, asked: Asked) -> dict[str, Any]:
    if not asked.client.id or not asked.client.secret:
        raise InvalidCredentials("the client authenticates with a service's name and token")
    access, scope, life = access_token_for_service(
        gate,
        asked.client.id,
        asked.client.secret,
        scope=_scope(gate, asked),
        audience=asked.get("resource"),
        address=asked.address,
    )
    return {"access_token": access, "token_type": "Bearer", "expires_in": life, "scope": str(scope)}


GRANTS: dict[str, Callable[[Gatepost, Asked], dict[str, Any]]] = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh,
    "client_credentials": _client_credentials,
    DEVICE_GRANT: _device_code,
}
