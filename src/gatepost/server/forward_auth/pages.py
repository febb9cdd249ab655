"""Signing in at an application on another host: there and back.

    application's host                              Gatepost's host
    /.gatepost/sign-in    sets the attempt's cookie ─► /gateway/sign-in   asks to sign in, makes a ticket
    /.gatepost/callback   wants cookie and ticket   ◄─
                          sets the session's cookie ─► the page that was wanted, on the application's host

The gateway routes `/.gatepost/` of the application's host to Gatepost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.audit.record import AuditRecord
from gatepost.authn.credential import read_credential
from gatepost.authn.pending import Pending
from gatepost.authn.session import of_session
from gatepost.errors import GatepostError, InvalidRequest, InvalidToken, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal, SessionCookie
from gatepost.server.cookies import is_secure, sent
from gatepost.server.forward_auth import tickets
from gatepost.server.forward_auth.applications import ENTRY, HERE, Application, Applications, applications
from gatepost.server.origin import require_same_origin
from gatepost.server.problems import headers_of
from gatepost.sso.addresses import safe_path
from gatepost.sso.leaving import Left
from gatepost.sso.leaving import leave as end_session
from gatepost.tokens.secrets import digest

Page = Callable[[Request], Awaitable[Response]]


def routes(gate: Gatepost) -> list[BaseRoute]:
    known = applications(gate)

    async def enter(request: Request) -> Response:
        return await _enter(request, known)

    return [
        Route(f"{HERE}/sign-in", _on_host(begin), methods=["GET"]),
        Route(f"{HERE}/callback", _on_host(finish), methods=["GET"]),
        Route(f"{HERE}/sign-out", _on_host(leave), methods=["GET", "POST"]),
        Route(ENTRY, enter, methods=["GET"]),
    ]


def _on_host(page: Page) -> Page:
    """A page of ours on an application's host: nothing of our style is there, so what went wrong is said in plain."""

    @wraps(page)
    async def handler(request: Request) -> Response:
        try:
            return await page(request)
        except GatepostError as error:
            why = escape(str(error))
            again = f'<a href="{HERE}/sign-in">Sign in</a>'
            text = f"<!doctype html><html lang=en><title>Sign in</title><h1>{why[:1].upper()}{why[1:]}</h1><p>{again}"
            return HTMLResponse(text, error.status, headers_of(error))

    return handler


def _gate(request: Request) -> Gatepost:
    gate: Gatepost = request.state.gate
    return gate


def _application(request: Request) -> Application:
    """The edge has found it by the host.  Raises `NotFound` on our own host, where there is no such place."""
    application: Application | None = getattr(request.state, "application", None)
    if application is None or not application.host:
        raise NotFound("there is nothing at this address")
    return application


def _see_other(url: str) -> Response:
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


def _put(response: Response, application: Application, name: str, value: str, seconds: int) -> None:
    secure = application.is_secure
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


async def begin(request: Request) -> Response:
    """Remember in this browser that it began, and send it to Gatepost's own host."""
    gate, application = _gate(request), _application(request)
    state = tickets.new_state(gate)
    attempt = tickets.Attempt(state, _next(request.query_params.get("next")))
    wanted = urlencode({"host": application.host, "state": state})
    response = _see_other(f"{gate.settings.main.public_url}{ENTRY}?{wanted}")
    kept = [name for name in sent(request) if name.startswith(application.cookie_named(tickets.ATTEMPT))]
    if len(kept) >= tickets.MOST_ATTEMPTS:  # somebody opens one after the other in this browser: those are given up
        for name in kept:
            _put(response, application, name, "", 0)
    sealed = tickets.seal_attempt(gate, application.host, attempt)
    name = application.cookie_named(tickets.attempt_name(state))
    _put(response, application, name, sealed, int(tickets.ATTEMPT_TTL.total_seconds()))
    return response


def _next(wanted: str | None) -> str:
    """A page of the application's host, and none of ours there, which would go round in circles."""
    path = safe_path(wanted)
    return "/" if path.startswith(f"{HERE}/") or len(path) > tickets.MOST_NEXT else path


async def _enter(request: Request, known: Applications) -> Response:
    """On Gatepost's own host: whoever is signed in is sent back with a ticket; anybody else is asked to sign in first.

    A link on another site may lead here.  What comes of it is a ticket that only the browser which began can redeem.
    """
    gate, caller = _gate(request), request.state.principal
    application = known.others.get(request.query_params.get("host", "").lower())
    state = request.query_params.get("state", "")
    if application is None or not tickets.is_state(state):
        raise NotFound("there is no such application")
    if caller.method is not Method.SESSION:
        raise Unauthenticated("this needs a signed-in caller")
    cookie = read_credential(request.scope["headers"], secure=is_secure(gate))
    if not isinstance(cookie, SessionCookie):
        raise Unauthenticated("this needs a signed-in caller")
    ticket = tickets.make_ticket(gate, application.host, state, digest(cookie.secret))
    return _see_other(f"{application.public_url}{HERE}/callback?{urlencode({'state': state, 'ticket': ticket})}")


async def finish(request: Request) -> Response:
    """Take the ticket in the browser that began, once, and set the cookie of this host."""
    gate, application = _gate(request), _application(request)
    states, given = request.query_params.getlist("state"), request.query_params.getlist("ticket")
    if len(states) != 1 or len(given) != 1 or not tickets.is_state(states[0]):
        raise InvalidRequest(tickets.BEGIN_AGAIN)
    name = application.cookie_named(tickets.attempt_name(states[0]))
    attempt = tickets.open_attempt(gate, application.host, sent(request).get(name, ""), states[0])
    session = await request.state.pools.database(_redeem, request, application, given[0], states[0])
    response = _see_other(_next(attempt.next))
    _put(response, application, name, "", 0)
    longest = int(gate.settings.sessions.absolute_timeout.total_seconds())
    sealed = tickets.seal_session(gate, application.host, session)
    _put(response, application, application.cookie, sealed, longest)
    return response


def _redeem(request: Request, application: Application, ticket: str, state: str) -> bytes:
    gate = _gate(request)
    session = tickets.redeem_ticket(gate, application.host, ticket, state)
    caller = _holder(gate, session, request.state.address)
    gate.journal.note(AuditRecord.of(caller, "gateway.signed_in", f"host:{application.host}", at=gate.now()))
    return session


def _holder(gate: Gatepost, session: bytes, address: str) -> Principal:
    """Whose session it is.  Raises `InvalidToken` if it is over by now."""
    answer = of_session(gate, session, gate.now(), address)
    return answer.work() if isinstance(answer, Pending) else answer


async def leave(request: Request) -> Response:
    """Sign out.  A link leads to our own page, which asks, and signs out at the provider too; a form of the application
    ends the session here and now: on every host, with every token that was issued in it.
    """
    gate, application = _gate(request), _application(request)
    if request.method == "GET":
        return _see_other(f"{gate.settings.main.public_url}/logout")
    require_same_origin(request.scope["headers"], application.origins)
    left = await request.state.pools.database(_end, request, application)
    path = f"/oauth/{left.provider}/signed-out?open=true" if left.provider else "/login?done=signed-out"
    response = _see_other(f"{gate.settings.main.public_url}{path}")
    _put(response, application, application.cookie, "", 0)
    return response


def _end(request: Request, application: Application) -> Left:
    """End the session; whoever has none is signed out already.  Answers where it came from."""
    gate = _gate(request)
    try:
        cookie = read_credential(
            [pair for pair in request.scope["headers"] if pair[0] == b"cookie"], cookie=application.cookie
        )
        if not isinstance(cookie, SessionCookie):
            return Left()
        session = tickets.open_session(gate, application.host, cookie.secret)
        caller = _holder(gate, session, request.state.address)
    except InvalidToken:
        return Left()
    return end_session(gate, caller)
