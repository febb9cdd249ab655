"""Discovery: `/.well-known/jwks.json` and `/.well-known/oauth-authorization-server` (RFC 7517, 8414)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.gate import Gatepost


def routes() -> list[BaseRoute]:
    return [
        Route("/.well-known/jwks.json", jwks, methods=["GET"]),
        Route("/.well-known/oauth-authorization-server", metadata, methods=["GET"]),
    ]


def jwks(request: Request) -> Response:
    """The public signing keys: the one that signs, the next one, and those that still verify."""
    gate: Gatepost = request.state.gate
    headers = {"Cache-Control": "public, max-age=300"}
    return JSONResponse(gate.memory.keys.jwks(), headers=headers, media_type="application/jwk-set+json")


def metadata(request: Request) -> Response:
    """What the authorization server offers."""
    gate: Gatepost = request.state.gate
    url = gate.settings.main.public_url
    body = {
        "issuer": url,
        "token_endpoint": f"{url}/oauth2/token",
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "service_documentation": f"{url}/reference",
    }
    return JSONResponse(body, headers={"Cache-Control": "public, max-age=300"})
