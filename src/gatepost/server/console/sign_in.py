"""The door: signing in with a password or at a provider, and signing out."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import InvalidCredentials, Throttled
from gatepost.gate import Gatepost
from gatepost.server.console.forms import Wrong, read_form
from gatepost.server.console.naming import Names
from gatepost.server.console.origins import names_of_providers
from gatepost.server.console.rendering import caller_of, gate_of, render, url
from gatepost.server.console.signed_out import look_ahead, sign_out_everywhere
from gatepost.server.cookies import ASK_AGAIN, keep, kept, set_session
from gatepost.server.forward_auth.applications import ENTRY
from gatepost.sso.addresses import safe_next
from gatepost.sso.states import providers_of
from gatepost.tokens.sessions import NewSession, sign_out
from gatepost.tokens.sign_in import PasswordTry, prove_by_password, sign_in_for_cookie

LOCAL = "/login/local"
SENT_ON = "gp_sent_on"  # this browser was just sent to the only provider there is
SENT_ON_FOR = timedelta(minutes=1)


def show_door(request: Request) -> Response:
    """The sign-in page; or straight on, where there is but one way in and no reason to stop (behaviours 2, 11)."""
    if (name := only_way(request)) is None:
        return show_sign_in(request)
    next_ = _next(request, None)
    response = RedirectResponse(url("oauth", name, "login", next=next_), 303, headers={"Cache-Control": "no-store"})
    keep(response, gate_of(request), SENT_ON, "1", SENT_ON_FOR)
    return response


def only_way(request: Request) -> str | None:
    """The one provider to send a visitor on to, or None where they are better shown the page.

    Not after a sign-out: the provider's own session would undo it.  Not twice within a minute, whatever went wrong: that
    would be a loop.  Not to a provider that is known to be down, and not over the head of somebody who is signed in.
    """
    gate, providers = gate_of(request), providers_of(gate_of(request)).all()
    if gate.settings.main.password_sign_in or len(providers) != 1 or gate.demo_people:
        return None
    stops = any(kept(request, gate, cookie) is not None for cookie in (ASK_AGAIN, SENT_ON))
    if stops or "done" in request.query_params or not caller_of(request).is_anonymous:
        return None
    return None if providers[0].state().up is False else providers[0].name


def show_sign_in(request: Request, wrong: Wrong | None = None) -> Response:
    gate, local = gate_of(request), request.url.path == LOCAL
    passwords = local or gate.settings.main.password_sign_in
    next_ = _next(request, wrong)
    people = () if local else getattr(gate, "demo_people", ())
    names = Names(gate, caller_of(request))
    retry = wrong.error.retry_after if wrong and isinstance(wrong.error, Throttled) else 0
    response = render(
        request,
        "login.html",
        status=wrong.status if wrong else 200,
        wrong=wrong,
        again_at=gate.now() + timedelta(seconds=retry) if retry else None,
        next=next_,
        target=_target(gate, next_),
        local_door=local,
        passwords=passwords,
        providers=() if local else [provider.state() for provider in providers_of(gate).all()],
        people=people,
        faces={person.username: names.subject(f"user:{person.username}") for person in people},
        local_way=not passwords,
        anonymous_way=gate.settings.main.allow_anonymous_access,
    )
    if retry:
        response.headers["Retry-After"] = str(retry)
    if response.status_code == InvalidCredentials.status:
        response.headers["WWW-Authenticate"] = 'Bearer realm="gatepost"'  # RFC 9110 wants a challenge with each 401
    return response


def _target(gate: Gatepost, next_: str) -> str:
    """What the visitor will go on to: a page, or the application that they come from."""
    path, _, query = next_.partition("?")
    if path == ENTRY:
        host = dict(parse_qsl(query)).get("host", "")
        return next((each.host for each in gate.settings.forward_auth.hosts if each.host.lower() == host), "")
    return "" if path == "/" and not query else path


def _next(request: Request, wrong: Wrong | None) -> str:
    wanted = wrong.typed.raw("next") if wrong else request.query_params.get("next")
    path = safe_next(wanted)
    page = path.partition("?")[0]
    # Whoever signs in from the page that a sign-in or a sign-out ended on does not want to see that page again.
    return "/" if page in ("/login", LOCAL, "/logout") else path


async def sign_in(request: Request) -> Response:
    """Prove a password on the pool for passwords, which is slow on purpose, and open a session."""
    gate, form = gate_of(request), await read_form(request)
    attempt = PasswordTry(
        username=form.text("username"),
        password=form.raw("password"),
        address=request.state.address,
        agent=request.headers.get("user-agent", ""),
        local_door=request.url.path == LOCAL,
    )
    pools = request.state.pools
    try:
        proved = await pools.passwords(prove_by_password, gate, attempt)
    except (InvalidCredentials, Throttled) as error:
        shown: Response = await pools.database(show_sign_in, request, Wrong("login", error, form))
        return shown
    session: NewSession = await pools.database(sign_in_for_cookie, gate, proved, attempt)
    if not caller_of(request).is_anonymous:
        await pools.database(sign_out, gate, caller_of(request))  # one browser, one session: the old one ends
    response = RedirectResponse(safe_next(form.raw("next")), 303, headers={"Cache-Control": "no-store"})
    set_session(response, gate, session.secret)
    return response


async def show_sign_out(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    policy = await look_ahead(request, caller)
    response: Response = await request.state.pools.database(
        render,
        request,
        "logout.html",
        provider=names_of_providers(gate.settings).get(caller.provider, caller.provider),
    )
    response.headers["Content-Security-Policy"] = policy
    return response


def routes() -> list[BaseRoute]:
    return [
        Route("/login", show_door, methods=["GET"]),
        Route("/login", sign_in, methods=["POST"]),
        Route(LOCAL, show_sign_in, methods=["GET"]),
        Route(LOCAL, sign_in, methods=["POST"]),
        Route("/logout", show_sign_out, methods=["GET"]),
        Route("/logout", sign_out_everywhere, methods=["POST"]),
    ]
