"""A refusal as a page: what happened, why in one sentence, and what to do next."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gatepost.errors import Conflict, Forbidden, GatepostError, InvalidRequest, NotFound, Unauthenticated, Unavailable
from gatepost.gate import Gatepost
from gatepost.server.console.rendering import gate_of, render, url
from gatepost.server.problems import headers_of
from gatepost.sso.addresses import safe_next

# Status: what happened, and what to do next.
SAID = {
    400: ("This request makes no sense", "Go back and try again; if a link led here, tell whoever gave it to you."),
    401: ("This sign-in did not work", "Begin again from the sign-in page."),
    403: ("You may not do this", "Ask the owner, or an administrator, to give you access."),
    404: (
        "There is nothing here",
        "It may have been deleted, or it was never shared with you: its owner can share it.",
    ),
    405: ("This address takes no such request", "Go back to the page that you came from."),
    409: ("This is not possible as things are", "Change what stands in the way, then try again."),
    413: ("That is too large", "Send less than 1 MiB."),
    421: ("This is not our address", "Open Gatepost under its own address."),
    422: ("Something in this is wrong", "Go back, correct it, and try again."),
    429: ("Too many tries", "Wait a moment, then try again."),
    502: ("The identity provider did not answer as it should", "Try again in a moment, or sign in another way."),
    503: ("There is no answer at the moment", "Nothing was decided and nothing was changed. Try again in a moment."),
}
UNKNOWN = ("Something went wrong on our side", "It was written to the log. Try again; nothing was half done.")
NO_PROVIDER = (SAID[404][0], SAID[401][1])  # nobody shares a way to sign in
NOT_SIGNED_IN = ("You are not signed in", "Try again, or sign in another way.")
UNAUTHENTICATED = 401


def error_page(request: Request, error: GatepostError) -> Response:
    """Answer a refused request for a page.  Whoever is not signed in is sent to the door, and brought back."""
    signing_in = request.url.path.startswith("/oauth/")
    if error.status == UNAUTHENTICATED and (isinstance(error, Unauthenticated) or not signing_in):
        return _to_the_door(request)
    refused_there = signing_in and request.state.principal.is_anonymous and _came_to_nothing(request, error)
    title, next_step = SAID.get(error.status, UNKNOWN)
    if refused_there:
        title, next_step = NOT_SIGNED_IN
    elif signing_in and error.status == NotFound.status:
        title, next_step = NO_PROVIDER
    why = _as_people_call_it(request, str(error)) if signing_in else str(error)
    said: dict[str, object] = {
        "title": title,
        "why": f"{why[:1].upper()}{why[1:]}." if error.status in SAID else "This was not meant to happen.",
        "next_step": next_step,
        "items": error.items if isinstance(error, Conflict) else (),
        "again": getattr(request.state, "again", ""),
    }
    response = _rendered(request, error, said)
    for name, value in headers_of(error).items():
        response.headers[name] = value
    return response


def _came_to_nothing(request: Request, error: GatepostError) -> bool:
    """Tell whether a sign-in ended here: refused, or by an answer that came too late or in another browser."""
    is_back = request.url.path.endswith("/callback")
    return error.status == Forbidden.status or (is_back and error.status == InvalidRequest.status)


def _as_people_call_it(request: Request, why: str) -> str:
    """Name the provider as its button does: the sentences of a failing one start with its name in addresses and logs."""
    name = request.path_params.get("provider")
    settings = next((p for p in gate_of(request).settings.sso.providers if p.name == name), None)
    if settings is None or not why.startswith(f"{settings.name}: "):
        return why
    return settings.called + why.removeprefix(settings.name)


def _rendered(request: Request, error: GatepostError, said: dict[str, object]) -> Response:
    try:
        return render(request, "error.html", said, status=error.status)
    except Unavailable:
        # The way around asks what the visitor may, and just that cannot be answered now.
        return render(request, "error_alone.html", said, status=error.status, navigates=False)


def _to_the_door(request: Request) -> Response:
    if request.headers.get("hx-request"):
        return HTMLResponse('<p class="error" role="alert">Your session is over: sign in again.</p>')
    wanted = request.url.path
    if request.url.query:
        wanted = f"{wanted}?{request.url.query}"
    # A form's own address shows nothing: whoever signs in again starts from the page that they had open.
    next_ = safe_next(wanted) if request.method in ("GET", "HEAD") else _page_before(gate_of(request), request)
    address = url("login", next=next_ if next_ != "/" else None)
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _page_before(gate: Gatepost, request: Request) -> str:
    before = request.headers.get("referer", "")
    ours = gate.settings.main.public_url
    return safe_next(before.removeprefix(ours)) if before.startswith(f"{ours}/") else "/"
