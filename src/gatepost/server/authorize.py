"""`/oauth2/authorize`: a command-line tool asks for tokens, and the person is asked each time (RFC 6749, 7636, 8252).

What is wrong before the redirect address is trusted is said on a page; what is wrong after that goes back to the client.
The page holds what was asked, sealed for the session that it was shown in: what is approved is what was read.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import GatepostError, InvalidCredentials, InvalidField, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.forms import Form, read_form
from gatepost.server.console.rendering import caller_of, catch_up, gate_of, render
from gatepost.server.headers import page_policy
from gatepost.server.oauth2_requests import single_values
from gatepost.server.problems import FIELD_CODES, description_of
from gatepost.tokens.authorization_codes import Asked, approve, deny, require_challenge
from gatepost.tokens.clients import CLIENT_NAME, read_wish, require_client, require_loopback

PATH = "/oauth2/authorize"
SHOWN_FOR = timedelta(minutes=10)
LONGEST_STATE = 512
_VISIBLE = re.compile(r"[\x20-\x7e]*", re.ASCII)  # RFC 6749 appendix A.5


class UnsupportedResponseType(GatepostError):
    """RFC 6749 section 4.1.2.1."""

    code = "unsupported_response_type"
    status = 400


def routes() -> list[BaseRoute]:
    return [Route(PATH, ask, methods=["GET"]), Route(PATH, decide, methods=["POST"])]


def ask(request: Request) -> Response:
    """Show who wants what, or send the person to sign in first."""
    gate, query = gate_of(request), request.query_params
    redirect_uri = _trusted_redirect_uri(query)
    states = query.getlist("state")
    state = states[0] if len(states) == 1 and len(states[0]) <= LONGEST_STATE else ""
    try:
        asked = _read(gate, query)
    except (InvalidRequest, InvalidField, UnsupportedResponseType) as error:
        return _refused(gate, redirect_uri, state, error)
    caller = caller_of(request)
    gate.require_signed_in(caller)
    catch_up(request)
    return _page(request, asked, state)


def _trusted_redirect_uri(query: QueryParams) -> str:
    """Raises `InvalidRequest`, which is shown as a page: an address that is not trusted gets no answer."""
    clients, addresses = query.getlist("client_id"), query.getlist("redirect_uri")
    if len(clients) != 1 or len(addresses) != 1:
        raise InvalidRequest("client_id and redirect_uri are needed, once each")
    try:
        require_client(clients[0])
    except InvalidCredentials as error:
        raise InvalidRequest(str(error)) from error
    require_loopback(addresses[0])
    return addresses[0]


def _read(gate: Gatepost, query: QueryParams) -> Asked:
    sent = single_values(query.multi_items())
    if "response_type" not in sent:
        raise InvalidRequest("response_type is missing")
    if sent["response_type"] != "code":
        raise UnsupportedResponseType("response_type is code")
    if sent.get("response_mode", "query") != "query":
        raise InvalidRequest("response_mode is query")
    state = sent.get("state", "")
    if len(state) > LONGEST_STATE or _VISIBLE.fullmatch(state) is None:
        raise InvalidRequest(f"state is at most {LONGEST_STATE} visible ASCII characters")
    challenge = sent.get("code_challenge", "")
    require_challenge(challenge, sent.get("code_challenge_method", ""))
    wish = read_wish(gate, sent.get("scope", ""), sent.get("resource", ""))
    return Asked(
        client_id=sent["client_id"],
        redirect_uri=sent["redirect_uri"],
        challenge=challenge,
        scope=str(wish.scope),
        audience=wish.audience,
    )


def _page(request: Request, asked: Asked, state: str) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    target = urlsplit(asked.redirect_uri)
    response = render(
        request,
        "authorize.html",
        navigates=False,
        client=CLIENT_NAME,
        asked=asked,
        place=target.netloc,
        scopes=[] if asked.scope == "*:*" else asked.scope.split(),
        elsewhere=asked.audience if asked.audience != gate.settings.main.public_url else "",
        sealed=_seal(gate, caller, asked, state, gate.now() + SHOWN_FOR),
        again=f"{PATH}?{request.url.query}",
    )
    # Browsers hold a form to its policy also when its answer sends them on, so this page names the one address.
    # A policy cannot name an IPv6 address; there it is the scheme.
    allowed = "http:" if target.hostname == "::1" else f"http://{target.netloc}"
    response.headers["Content-Security-Policy"] = page_policy(f" {allowed}").decode()
    return response


def _place(caller: Principal) -> str:
    return f"{PATH} in {caller.credential_id}"


def _seal(gate: Gatepost, caller: Principal, asked: Asked, state: str, until: datetime) -> str:
    shown = {"asked": asdict(asked), "state": state, "until": until.timestamp()}
    return gate.sealer.seal(json.dumps(shown).encode(), _place(caller))


def _open(gate: Gatepost, caller: Principal, sealed: str) -> tuple[Asked, str]:
    try:
        shown = json.loads(gate.sealer.open(sealed, _place(caller)))
    except (ValueError, GatepostError) as error:
        raise InvalidRequest("this was asked in another session: begin again where you came from") from error
    if shown["until"] <= gate.now().timestamp():
        raise InvalidRequest("this was asked too long ago: begin again where you came from")
    return Asked(**shown["asked"]), shown["state"]


async def decide(request: Request) -> Response:
    """Take the person's answer to the client."""
    form = await read_form(request)
    response: Response = await request.state.pools.database(_decide, request, form)
    return response


def _decide(request: Request, form: Form) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require_signed_in(caller)
    asked, state = _open(gate, caller, form.raw("request"))
    decision = form.raw("decision")
    if decision == "allow":
        return _back(gate, asked.redirect_uri, state, code=approve(gate, caller, asked))
    if decision != "deny":
        raise InvalidRequest("decision is allow or deny")
    deny(gate, caller, asked)
    return _back(gate, asked.redirect_uri, state, error="access_denied", error_description="the person said no")


def _refused(gate: Gatepost, redirect_uri: str, state: str, error: GatepostError) -> Response:
    code = error.code
    if isinstance(error, InvalidField):
        code = FIELD_CODES.get(next(iter(error.fields), ""), InvalidRequest.code)
    return _back(gate, redirect_uri, state, error=code, error_description=description_of(error))


def _back(gate: Gatepost, redirect_uri: str, state: str, **answer: str) -> Response:
    """RFC 9207: the client learns whose answer this is."""
    params = {**answer, **({"state": state} if state else {}), "iss": gate.settings.main.public_url}
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(f"{redirect_uri}?{urlencode(params)}", 303, headers=headers)
