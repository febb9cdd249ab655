"""Signing in elsewhere: `/oauth/{provider}/login` and `/callback`."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import Forbidden, InvalidRequest, InvalidToken, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal
from gatepost.server.cookies import ASK_AGAIN, forget, is_secure, kept, set_session
from gatepost.sso.addresses import safe_next
from gatepost.sso.attempts import cookie_for, open_attempt, seal_attempt, use_once
from gatepost.sso.callback import finish, read_params
from gatepost.sso.login import ATTEMPT_TTL, Attempt, Wish, begin
from gatepost.sso.provider import Provider
from gatepost.sso.provisioning import Visit, enter
from gatepost.sso.states import providers_of
from gatepost.tokens.sessions import NewSession


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth/{provider}/login", start, methods=["GET"]),
        Route("/oauth/{provider}/callback", come_back, methods=["GET"]),
    ]


async def start(request: Request) -> Response:
    """Send the browser to the provider, with the attempt sealed in a cookie of its own."""
    gate: Gatepost = request.state.gate
    provider = providers_of(gate).get(request.path_params["provider"])
    query = request.query_params
    main = gate.settings.main
    if request.headers.get("host", "").lower() != urlsplit(main.public_url).netloc.lower():
        # The provider sends the browser back to the public URL, and this attempt's cookie has to be there by then.
        return RedirectResponse(f"{main.public_url}{request.url.path}?{request.url.query}", status_code=303)
    linking = query.get("link") == "true"
    if linking and request.state.principal.method is not Method.SESSION:
        raise Unauthenticated("sign in first, to link another identity")
    wish = Wish(next=query.get("next"), login_hint=query.get("login_hint"), prompt=_prompt(request, gate), link=linking)
    redirect_uri = f"{gate.settings.main.public_url}/oauth/{provider.name}/callback"
    begun = await request.state.pools.provider(provider.name)(
        begin, provider, wish, redirect_uri=redirect_uri, now=gate.now(), random=gate.dice.urandom
    )
    response = RedirectResponse(begun.url, status_code=303)
    secure = is_secure(gate)
    response.set_cookie(
        cookie_for(begun.attempt.state, secure=secure),
        seal_attempt(gate, begun.attempt),
        max_age=int(ATTEMPT_TTL.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


def _prompt(request: Request, gate: Gatepost) -> str | None:
    """What the provider shall ask.  After a sign-out from this browser it asks who it is, whatever the link says."""
    wanted = request.query_params.get("prompt")
    if kept(request, gate, ASK_AGAIN) is None or "login" in (wanted or "").split():
        return wanted
    return "login"


async def come_back(request: Request) -> Response:
    """Judge the provider's answer, and open a session for whom it vouches."""
    gate: Gatepost = request.state.gate
    params = read_params(request.query_params.multi_items())
    name = cookie_for(params.get("state", ""), secure=is_secure(gate))
    sealed = request.cookies.get(name)
    if sealed is None:
        raise InvalidRequest("this sign-in was not begun in this browser, or too long ago: begin again")
    attempt = open_attempt(gate, sealed)
    agent = request.headers.get("user-agent", "")
    caller: Principal = request.state.principal
    visit = Visit(address=request.state.address, agent=agent, linking=caller if attempt.link else None)
    provider = providers_of(gate).get(request.path_params["provider"])
    session = await request.state.pools.provider(provider.name)(_finish, gate, provider, attempt, params, visit)
    response = RedirectResponse(safe_next(attempt.next), status_code=303)
    set_session(response, gate, session.secret)
    forget(response, gate, ASK_AGAIN)
    response.delete_cookie(name, path="/", secure=is_secure(gate), httponly=True, samesite="lax")
    return response


def _finish(gate: Gatepost, provider: Provider, attempt: Attempt, params: dict[str, str], visit: Visit) -> NewSession:
    if attempt.link and (visit.linking is None or visit.linking.method is not Method.SESSION):
        # No 401: the door would carry this address, with a code that is still good in it.
        raise Forbidden("sign in first, to link another identity: then begin again")
    use_once(gate, attempt)
    person = finish(provider, attempt, params, gate.now())
    try:
        return enter(gate, provider.settings, person, visit)
    except InvalidToken as error:  # of somebody disabled; a page for a 401 would send the browser to the door and back
        raise Forbidden(str(error), detail=error.detail) from error
