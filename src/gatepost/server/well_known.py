"""Discovery: `/.well-known/jwks.json` and `/.well-known/oauth-authorization-server` (RFC 7517, 8414)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.gate import Gatepost
from gatepost.server import authorize
from gatepost.server.oauth2 import GRANTS


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
    secrets = ["client_secret_basic", "client_secret_post"]
    body = {
        "issuer": url,
        "authorization_endpoint": f"{url}{authorize.PATH}",
        "token_endpoint": f"{url}/oauth2/token",
        "device_authorization_endpoint": f"{url}/oauth2/device_authorization",
        "revocation_endpoint": f"{url}/oauth2/revoke",
        "introspection_endpoint": f"{url}/oauth2/introspect",
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": [*secrets, "none"],
        "revocation_endpoint_auth_methods_supported": [*secrets, "none"],
        "introspection_endpoint_auth_methods_supported": secrets,
        "service_documentation": f"{url}/reference",
    }
    return JSONResponse(body, headers={"Cache-Control": "public, max-age=300"})
