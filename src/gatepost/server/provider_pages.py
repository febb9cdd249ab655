"""Signing in elsewhere: `/oauth/{provider}/login`, which sends the browser to the provider.

Anybody may start a sign-in in anybody's browser, by a link or by a form (OpenID Connect Core 4): it changes nothing here,
and whoever signs in does it at the provider, on the provider's own page.  What a start must not do is lead out of this
server afterwards, link an identity, or let the browser be filled with attempts.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.profiles import read_profile
from gatepost.errors import Forbidden, GatepostError, InvalidRequest, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Method
from gatepost.server.cookies import ASK_AGAIN, is_secure, kept, sent
from gatepost.server.form_bodies import read_small_form
from gatepost.server.oauth2_requests import single_values
from gatepost.server.provider_answers import come_back, take_in
from gatepost.server.provider_trials import show_unreached, terminal_of
from gatepost.sso.attempts import cookie_for, seal_attempt, superseded
from gatepost.sso.login import ATTEMPT_TTL, AuthorizationRequest, Wish, begin
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of
from gatepost.sso.third_party import THIRD_PARTY, is_third_party, third_party_wish

LONGEST_MAX_AGE = 10  # digits


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth/{provider}/login", start, methods=["GET"]),
        Route("/oauth/{provider}/login", start_by_form, methods=["POST"]),
        Route("/oauth/{provider}/callback", come_back, methods=["GET"]),
        Route("/oauth/{provider}/callback", take_in, methods=["POST"]),
    ]


async def start_by_form(request: Request) -> Response:
    """Third-party-initiated login by POST: go on with GET, to which this browser sends its cookies.

    Only what OpenID Connect Core 4 names is passed on.
    """
    gate: Gatepost = request.state.gate
    providers_of(gate).get(request.path_params["provider"])
    fields = single_values(await read_small_form(request))
    asked = {name: fields[name] for name in THIRD_PARTY if name in fields}
    if not is_third_party(asked):
        raise InvalidRequest("iss is needed")
    return _see_other(f"{gate.settings.main.public_url}{request.url.path}?{urlencode(asked)}")


async def start(request: Request) -> Response:
    """Send the browser to the provider, with the attempt sealed in a cookie of its own."""
    gate: Gatepost = request.state.gate
    provider = providers_of(gate).get(request.path_params["provider"])
    main = gate.settings.main
    if request.headers.get("host", "").lower() != urlsplit(main.public_url).netloc.lower():
        # The provider sends the browser back to the public URL, and this attempt's cookie has to be there by then.
        return _see_other(f"{main.public_url}{request.url.path}?{request.url.query}")
    wish = _wish(request, gate, provider)
    if wish.link:
        _require_owner(request)
        account = await request.state.pools.database(read_profile, gate, request.state.principal.subject.id)
        wish = replace(wish, owner=account.id if account else "")
    redirect_uri = f"{main.public_url}/oauth/{provider.name}/callback"
    try:
        begun = await request.state.pools.provider(provider.name).for_visitor(
            request.state.address,
            begin,
            provider,
            wish,
            redirect_uri=redirect_uri,
            now=gate.now(),
            random=gate.dice.urandom,
        )
    except GatepostError as error:
        if not wish.trial:
            raise
        return await show_unreached(request, provider, error, wish.terminal)
    return _sent_there(request, gate, begun)


def _sent_there(request: Request, gate: Gatepost, begun: AuthorizationRequest) -> Response:
    response = _see_other(begun.url)
    secure = is_secure(gate)
    sealed = seal_attempt(gate, begun.attempt)
    for name in superseded(gate, sent(request), sealed, secure=secure):
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    response.set_cookie(
        cookie_for(begun.attempt.state, secure=secure),
        sealed,
        max_age=int(ATTEMPT_TTL.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


def _wish(request: Request, gate: Gatepost, provider: Provider) -> Wish:
    """Read what is asked for.  Raises `InvalidRequest` for what comes twice or makes no sense."""
    asked = single_values(request.query_params.multi_items())
    if is_third_party(asked):
        wish = third_party_wish(asked, provider.issuer, gate.settings.main.public_url)
        return Wish(next=wish.next, login_hint=wish.login_hint, prompt=_prompt(request, gate, asked.get("prompt")))
    trial = asked.get("try") == "true"
    return Wish(
        next=asked.get("next"),
        login_hint=asked.get("login_hint"),
        prompt=_prompt(request, gate, asked.get("prompt")),
        max_age=_max_age(asked.get("max_age")),
        link=asked.get("link") == "true" and not trial,
        trial=trial,
        terminal=terminal_of(asked) if trial else "",
    )


def _max_age(wanted: str | None) -> int | None:
    """OpenID Connect Core 3.1.2.1, in seconds.  One that cannot be read is refused, for without it more would pass."""
    if wanted is None:
        return None
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= LONGEST_MAX_AGE):
        raise InvalidRequest("max_age is a number of seconds")
    return int(wanted)


def _require_owner(request: Request) -> None:
    """Linking is begun by the signed-in owner, on a page of ours.

    A link on another site could begin it as well, in a browser that was signed in at the provider as somebody else just
    before: then that one would have a way into the account.  Browsers say where a request came from; of one that does not
    (an old one, or over plain http), the page that it comes from has to be ours.
    """
    if request.state.principal.method is not Method.SESSION:
        raise Unauthenticated("sign in first, to link another identity")
    site, page = request.headers.get("sec-fetch-site"), request.headers.get("referer", "")
    public_url = request.state.gate.settings.main.public_url
    if site not in ("same-origin", "none") and not (site is None and page.startswith(f"{public_url}/")):
        raise Forbidden("linking another identity is begun on your own account's page")


def _prompt(request: Request, gate: Gatepost, wanted: str | None) -> str | None:
    """What the provider shall ask.  After a sign-out from this browser it asks who it is, whatever the link says."""
    if kept(request, gate, ASK_AGAIN) is None or "login" in (wanted or "").split():
        return wanted
    return "login"


def _see_other(address: str) -> Response:
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
