"""`/oauth/{provider}/logout`: a sign-out at the provider ends the sessions here that came from it.

No credential of ours is read: a provider calls the one way, and its page loads the other in a frame, to which a browser
sends no cookie.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import InvalidRequest, NotFound
from gatepost.gate import Gatepost
from gatepost.server.problems import oauth_problem
from gatepost.sso.provider import Provider
from gatepost.sso.provider_logout import end_by_back_channel, end_by_front_channel
from gatepost.sso.states import providers_of

FORM = "application/x-www-form-urlencoded"


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth/{provider}/logout", front_channel, methods=["GET"]),
        Route("/oauth/{provider}/logout", back_channel, methods=["POST"]),
    ]


def _provider(request: Request, wanted: str) -> Provider:
    provider = providers_of(request.state.gate).get(request.path_params["provider"])
    if not getattr(provider.settings, wanted) or provider.settings.protocol != "oidc":
        raise NotFound("this is switched off for this provider")
    return provider


async def front_channel(request: Request) -> Response:
    """OpenID Connect Front-Channel Logout 1.0: by `iss` and `sid`, both of them."""
    gate: Gatepost = request.state.gate
    provider = _provider(request, "front_channel_logout")
    try:
        issuer, sid = (_only(request.query_params.getlist(name), name) for name in ("iss", "sid"))
        await request.state.pools.database(end_by_front_channel, gate, provider, issuer, sid)
    except InvalidRequest as error:
        return oauth_problem(error)
    return HTMLResponse(
        "<!doctype html><title>Signed out</title>",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"default-src 'none'; frame-ancestors {' '.join(origins_of(provider))}",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


async def back_channel(request: Request) -> Response:
    """OpenID Connect Back-Channel Logout 1.0: 200, or 400 for a token that does not hold."""
    gate: Gatepost = request.state.gate
    provider = _provider(request, "back_channel_logout")
    try:
        token = await _read_token(request)
        # On the provider's own pool: its keys may have to be fetched, and it may be slow.
        pool = request.state.pools.provider(provider.name)
        await pool.for_visitor(request.state.address, end_by_back_channel, gate, provider, token)
    except InvalidRequest as error:
        return oauth_problem(error)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


async def _read_token(request: Request) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequest(f"the body is to be {FORM}")
    async with request.form(max_files=0, max_fields=20) as form:
        return _only([str(value) for value in form.getlist("logout_token")], "logout_token")


def _only(values: list[str], name: str) -> str:
    if len(values) != 1 or not values[0]:
        raise InvalidRequest(f"{name} is needed, once")
    return values[0]


def origins_of(provider: Provider) -> list[str]:
    """Where a page of the provider comes from: its issuer, and its endpoints as far as they are known."""
    settings, known = provider.settings, provider.known_metadata()
    urls = [settings.issuer, settings.authorization_endpoint, settings.end_session_endpoint]
    if known is not None:
        urls += [known.authorization_endpoint, known.end_session_endpoint]
    parts = [urlsplit(url) for url in urls if url]
    return sorted({f"{p.scheme}://{p.netloc}" for p in parts if p.scheme in ("http", "https") and p.netloc}) or [
        "'none'"
    ]
