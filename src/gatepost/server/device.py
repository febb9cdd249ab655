"""`/device` (RFC 8628 section 3.3): the code is typed, the person sees what waits there, and says yes or no.

A code in the address fills the field and does nothing more.  Whoever sends somebody such a link gets no further than
the warning that the second page starts with.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import GatepostError, InvalidField, InvalidRequest, NotFound, Throttled
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.agents import agent_text
from gatepost.server.console.forms import Form, Wrong, read_form, status_of
from gatepost.server.console.rendering import caller_of, gate_of, own, render
from gatepost.tokens import device_codes
from gatepost.tokens.clients import CLIENT_NAME
from gatepost.tokens.device_codes import Waiting, read_user_code, written

PATH = "/device"
SHOWN_FOR = timedelta(minutes=10)
LONGEST_SHOWN = 20


def routes() -> list[BaseRoute]:
    return [
        Route(PATH, own(show), methods=["GET"]),
        Route(PATH, look, methods=["POST"]),
        Route(f"{PATH}/answer", answer, methods=["POST"]),
    ]


def show(request: Request, wrong: Wrong | None = None) -> Response:
    """Ask for the code."""
    typed = request.query_params.get("user_code", "")[:LONGEST_SHOWN]
    response = render(request, "device.html", status=status_of(wrong), navigates=False, wrong=wrong, user_code=typed)
    if wrong is not None and isinstance(wrong.error, Throttled):
        response.headers["Retry-After"] = str(wrong.error.retry_after)
    return response


async def look(request: Request) -> Response:
    """Show what waits with the code that was typed."""
    form = await read_form(request)
    response: Response = await request.state.pools.database(_look, request, form)
    return response


def _look(request: Request, form: Form) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require_signed_in(caller)
    typed = form.text("user_code")
    try:
        waiting = device_codes.find(gate, caller, typed)
    except (InvalidField, Throttled) as error:
        return show(request, Wrong("device", error, form))
    except NotFound as error:
        return show(request, Wrong("device", InvalidField({"user_code": str(error)}), form))
    return render(
        request,
        "device_confirm.html",
        navigates=False,
        client=CLIENT_NAME,
        user_code=written(read_user_code(typed)),
        waiting=waiting,
        agent=agent_text(waiting.agent),
        nearby=waiting.address == caller.address,
        scopes=[] if waiting.scope == "*:*" else waiting.scope.split(),
        elsewhere=waiting.audience if waiting.audience != gate.settings.main.public_url else "",
        sealed=_seal(gate, caller, waiting, gate.now() + SHOWN_FOR),
    )


def _place(caller: Principal) -> str:
    return f"{PATH} in {caller.credential_id}"


def _seal(gate: Gatepost, caller: Principal, waiting: Waiting, until: datetime) -> str:
    shown = {"device": waiting.digest.hex(), "until": until.timestamp()}
    return gate.sealer.seal(json.dumps(shown).encode(), _place(caller))


def _open(gate: Gatepost, caller: Principal, sealed: str) -> bytes:
    try:
        shown = json.loads(gate.sealer.open(sealed, _place(caller)))
    except (ValueError, GatepostError) as error:
        raise InvalidRequest("this was asked in another session: type the code again") from error
    if shown["until"] <= gate.now().timestamp():
        raise InvalidRequest("this was asked too long ago: begin again on the device")
    return bytes.fromhex(shown["device"])


async def answer(request: Request) -> Response:
    """Take the person's answer."""
    form = await read_form(request)
    response: Response = await request.state.pools.database(_answer, request, form)
    return response


def _answer(request: Request, form: Form) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require_signed_in(caller)
    device = _open(gate, caller, form.raw("request"))
    decision = form.raw("decision")
    if decision not in ("allow", "deny"):
        raise InvalidRequest("decision is allow or deny")
    device_codes.answer(gate, caller, device, allowed=decision == "allow")
    return render(request, "device_done.html", navigates=False, client=CLIENT_NAME, allowed=decision == "allow")
