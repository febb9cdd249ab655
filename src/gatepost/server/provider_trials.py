"""The end of a dry run: a page, and the same as JSON for the terminal that asked for it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from gatepost.errors import GatepostError, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.server.console.rendering import render
from gatepost.server.headers import page_policy
from gatepost.sso.attempts import take_back, use_once
from gatepost.sso.login import Attempt
from gatepost.sso.provider import Provider
from gatepost.sso.trial import Trial, try_out, unreached

HIGHEST_PORT = 65_535
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_STATE = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)


def terminal_of(asked: Mapping[str, str]) -> str:
    """Return the loopback address that waits for the result, or an empty text if nobody does.

    Raises `InvalidRequest` for what is not a port and a state: the address is made of nothing else.
    """
    port, state = asked.get("terminal", ""), asked.get("terminal_state", "")
    if not port and not state:
        return ""
    if not _PORT.fullmatch(port) or int(port) > HIGHEST_PORT or not _STATE.fullmatch(state):
        raise InvalidRequest("terminal is a port, and terminal_state 16 to 128 URL-safe characters")
    return f"http://127.0.0.1:{port}/callback?state={state}"


async def show_trial(request: Request, provider: Provider, attempt: Attempt, params: Mapping[str, str]) -> Response:
    """Go through the checks on the provider's own pool, and show how they came out."""
    pool = request.state.pools.provider(provider.name)
    response: Response = await pool.for_visitor(request.state.address, _try, request, provider, attempt, params)
    return response


async def show_unreached(request: Request, provider: Provider, error: GatepostError, terminal: str) -> Response:
    """Show a dry run that ended before it began: the provider has no address to send the browser to."""
    gate: Gatepost = request.state.gate
    trial = unreached(gate, provider, error, request.state.principal)
    response: Response = await request.state.pools.database(_page, request, provider, trial, terminal)
    return response


def _try(request: Request, provider: Provider, attempt: Attempt, params: Mapping[str, str]) -> Response:
    gate: Gatepost = request.state.gate
    use_once(gate, attempt)
    trial = try_out(gate, provider, attempt, params, request.state.principal)
    if not trial.is_vouched:
        take_back(gate, attempt)
    return _page(request, provider, trial, attempt.terminal)


def _page(request: Request, provider: Provider, trial: Trial, terminal: str) -> Response:
    response = render(
        request,
        "trial.html",
        trial=trial,
        failed=trial.failed,
        display_name=provider.display_name,
        terminal=terminal,
        result=as_json(trial) if terminal else "",
    )
    # The form may end at the one loopback address that this dry run was begun with, and nowhere else.
    target = f" {terminal.partition('/callback')[0]}" if terminal else ""
    response.headers["Content-Security-Policy"] = page_policy(target).decode()
    return response


def as_json(trial: Trial) -> str:
    """Write the result for a script.  `failed` is the name of the first check that failed, or null."""
    document = {**asdict(trial), "at": trial.at.isoformat(), "failed": trial.failed.name if trial.failed else None}
    return json.dumps(document)
