"""`/oauth/{provider}/callback`: the provider's answer, in the address or as a form, and the session it opens.

A provider answers in the way that it was asked to, and an answer in the other way is refused: what was to be kept out of
addresses is not taken from one.  A form comes from another site, without our cookies (RFC 6265bis section 5.2 withholds
those that are `Lax` from a cross-site POST, and sends them with the GET that it redirects to), so it is only parked, and
judged when this browser asks for it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gatepost.directory.profiles import read_profile
from gatepost.errors import Forbidden, InvalidRequest, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal
from gatepost.server.console.rendering import url
from gatepost.server.cookies import ASK_AGAIN, forget, is_secure, sent, set_session
from gatepost.server.form_bodies import read_small_form
from gatepost.server.provider_trials import show_trial
from gatepost.sso.addresses import safe_next
from gatepost.sso.attempts import cookie_for, handle_of, open_attempt, used_once
from gatepost.sso.callback import read_params, read_person, vouch
from gatepost.sso.login import Attempt
from gatepost.sso.parked import park, unpark
from gatepost.sso.provider import Provider
from gatepost.sso.provisioning import Visit, enter
from gatepost.sso.states import providers_of
from gatepost.tokens.sessions import NewSession, sign_out

PARKED = "parked"


async def take_in(request: Request) -> Response:
    """Park a posted answer, and have the browser come back for it.  Nothing is believed, asked or written here."""
    gate: Gatepost = request.state.gate
    provider = providers_of(gate).get(request.path_params["provider"])
    if not _answers_by_form(provider):
        raise InvalidRequest(f"{provider.settings.called} is to answer in the address (response_mode)")
    handle = park(gate, provider.name, read_params(await read_small_form(request)))
    return RedirectResponse(
        url("oauth", provider.name, "callback", **{PARKED: handle}), 303, headers={"Cache-Control": "no-store"}
    )


async def come_back(request: Request) -> Response:
    """Judge the provider's answer, and open a session for whom it vouches."""
    gate: Gatepost = request.state.gate
    provider = providers_of(gate).get(request.path_params["provider"])
    params = _params(request, gate, provider)
    name = cookie_for(params.get("state", ""), secure=is_secure(gate))
    sealed = sent(request).get(name)
    if sealed is None:
        raise InvalidRequest("this sign-in was not begun in this browser, or too long ago: begin again")
    attempt = open_attempt(gate, sealed)
    if attempt.trial:
        response = await show_trial(request, provider, attempt, params)
    else:
        response = await _sign_in(request, provider, attempt, params)
    response.delete_cookie(name, path="/", secure=is_secure(gate), httponly=True, samesite="lax")
    return response


def _answers_by_form(provider: Provider) -> bool:
    return provider.settings.response_mode == "form_post"


def _params(request: Request, gate: Gatepost, provider: Provider) -> dict[str, str]:
    handles = request.query_params.getlist(PARKED)
    if not _answers_by_form(provider):
        return read_params(request.query_params.multi_items())
    if len(handles) != 1:
        raise InvalidRequest(f"{provider.settings.called} is to answer by form_post (response_mode): begin again")
    return unpark(gate, provider.name, handles[0])


async def _sign_in(request: Request, provider: Provider, attempt: Attempt, params: dict[str, str]) -> Response:
    gate: Gatepost = request.state.gate
    # Whatever goes wrong from here on, the page that says so offers to begin again, with the same aim.
    request.state.again = url("oauth", provider.name, "login", next=attempt.next, link="true" if attempt.link else None)
    agent = request.headers.get("user-agent", "")
    caller: Principal = request.state.principal
    is_signed_in = caller.method is Method.SESSION
    visit = Visit(
        address=request.state.address,
        agent=agent,
        linking=caller if attempt.link else None,
        handle="" if is_signed_in else handle_of(gate, sent(request), attempt, secure=is_secure(gate)),
    )
    pool = request.state.pools.provider(provider.name)
    session = await pool.for_visitor(request.state.address, _finish, gate, provider, attempt, params, visit)
    response = RedirectResponse(safe_next(attempt.next), 303, headers={"Cache-Control": "no-store"})
    if is_signed_in:
        await request.state.pools.database(sign_out, gate, caller)  # one browser, one session: the old one ends
    set_session(response, gate, session.secret)
    forget(response, gate, ASK_AGAIN)
    return response


def _finish(gate: Gatepost, provider: Provider, attempt: Attempt, params: dict[str, str], visit: Visit) -> NewSession:
    if attempt.link and not _is_owner(gate, visit.linking, attempt):
        # No 401: the door would carry this address, with a code that is still good in it.
        raise Forbidden("sign in first, to link another identity: then begin again")
    with used_once(gate, attempt):
        vouched = vouch(provider, attempt, params, gate.now())
    person = read_person(provider, vouched)
    try:
        return enter(gate, provider.settings, person, visit)
    except InvalidToken as error:  # of somebody disabled; a page for a 401 would send the browser to the door and back
        raise Forbidden(str(error), detail=error.detail) from error


def _is_owner(gate: Gatepost, caller: Principal | None, attempt: Attempt) -> bool:
    """Whether this is who began the link: in another tab somebody else may have signed in since."""
    if caller is None or caller.method is not Method.SESSION:
        return False
    account = read_profile(gate, caller.subject.id)  # the name may have gone to somebody else
    return account is not None and account.id == attempt.owner
