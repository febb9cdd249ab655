"""`/oauth2/token` (RFC 6749): refresh tokens and client credentials."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import GatepostError, InvalidCredentials, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Scope
from gatepost.tokens import refresh_tokens
from gatepost.tokens.client_credentials import access_token_for_service, allowed_audience

PARAMETERS = frozenset({"grant_type", "refresh_token", "client_id", "client_secret", "scope", "resource"})


class UnsupportedGrantType(GatepostError):
    """RFC 6749 section 5.2."""

    code = "unsupported_grant_type"
    status = 400


def routes() -> list[BaseRoute]:
    return [Route("/oauth2/token", token, methods=["POST"])]


async def token(request: Request) -> Response:
    """Answer an access token for a grant."""
    gate: Gatepost = request.state.gate
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidRequest("the body has to be application/x-www-form-urlencoded")
    sent = _single_values(await request.form())
    client = _client(request, sent)
    grant = _GRANTS.get(sent.get("grant_type", ""))
    if grant is None:
        raise UnsupportedGrantType("allowed are refresh_token and client_credentials")
    body = await request.state.pools.database(grant, gate, sent, client, request.state.address)
    return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _single_values(form: FormData) -> dict[str, str]:
    """Section 3.2: a parameter that is sent twice makes the request invalid."""
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str) or name in found or "\0" in value:
            raise InvalidRequest("each parameter is a text, and sent once")
        if name in PARAMETERS and value:
            found[name] = value
    return found


def _client(request: Request, sent: dict[str, str]) -> tuple[str, str]:
    """Section 2.3.1: the client and its secret, from the header or the body, but not from both."""
    headers = request.headers.getlist("authorization")
    if not headers:
        return sent.get("client_id", ""), sent.get("client_secret", "")
    if len(headers) > 1 or "client_secret" in sent:
        raise InvalidRequest("more than one way of authenticating the client")
    scheme, _, text = headers[0].partition(" ")
    if scheme.lower() != "basic":
        raise InvalidCredentials("clients authenticate with Basic, or in the body")
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidCredentials("Basic is not the base64 of UTF-8") from error
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon or sent.get("client_id", name) != name:
        raise InvalidRequest("client_id is not the client that authenticates")
    return name, secret


def _scope(sent: dict[str, str]) -> Scope | None:
    return Scope.parse(sent["scope"]) if "scope" in sent else None


def _refresh(gate: Gatepost, sent: dict[str, str], client: tuple[str, str], _address: str) -> dict[str, Any]:
    if "refresh_token" not in sent:
        raise InvalidRequest("refresh_token is missing")
    audience = allowed_audience(gate, sent["resource"]) if "resource" in sent else ""
    pair = refresh_tokens.refresh(
        gate, sent["refresh_token"], client_id=client[0] or None, scope=_scope(sent), audience=audience
    )
    return {
        "access_token": pair.access_token,
        "token_type": pair.token_type,
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
        "scope": pair.scope,
    }


def _client_credentials(gate: Gatepost, sent: dict[str, str], client: tuple[str, str], address: str) -> dict[str, Any]:
    if not client[0] or not client[1]:
        raise InvalidCredentials("the client authenticates with a service's name and token")
    access, scope = access_token_for_service(
        gate, client[0], client[1], scope=_scope(sent), audience=sent.get("resource", ""), address=address
    )
    lifetime = int(gate.settings.tokens.access_token_ttl.total_seconds())
    return {"access_token": access, "token_type": "Bearer", "expires_in": lifetime, "scope": str(scope)}


_GRANTS = {"refresh_token": _refresh, "client_credentials": _client_credentials}
