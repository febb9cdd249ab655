"""The cookies: the session's, and small ones that remember a sign-out."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from gatepost.authn.credential import cookie_name, cookies_in
from gatepost.gate import Gatepost

LEAVING = "gp_leaving"  # what a sign-out at the provider has to bring back, sealed
ASK_AGAIN = "gp_ask_again"  # the next sign-in from this browser asks who it is
ASK_AGAIN_FOR = timedelta(days=30)


def sent(request: Request) -> dict[str, str]:
    """The cookies of a request, for `request.cookies` takes more off their names than browsers do."""
    return dict(cookies_in(value for name, value in request.scope["headers"] if name == b"cookie"))


def is_secure(gate: Gatepost) -> bool:
    return gate.settings.main.public_url.startswith("https://")


def set_session(response: Response, gate: Gatepost, secret: str) -> None:
    """Hand the browser its session: opaque, out of reach of scripts, and not sent along by other sites' posts."""
    secure = is_secure(gate)
    response.set_cookie(
        cookie_name(secure=secure),
        secret,
        max_age=int(gate.settings.sessions.absolute_timeout.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def clear_session(response: Response, gate: Gatepost) -> None:
    secure = is_secure(gate)
    response.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


def _named(gate: Gatepost, name: str) -> str:
    return f"__Host-{name}" if is_secure(gate) else name


def keep(response: Response, gate: Gatepost, name: str, value: str, longest: timedelta) -> None:
    """Let the browser keep a value that no script and no other site's post can use."""
    age = int(longest.total_seconds())
    secure = is_secure(gate)
    response.set_cookie(_named(gate, name), value, age, path="/", secure=secure, httponly=True, samesite="lax")


def kept(request: Request, gate: Gatepost, name: str) -> str | None:
    return sent(request).get(_named(gate, name))


def forget(response: Response, gate: Gatepost, name: str) -> None:
    secure = is_secure(gate)
    response.delete_cookie(_named(gate, name), path="/", secure=secure, httponly=True, samesite="lax")


def ask_again(response: Response, gate: Gatepost) -> None:
    """After a sign-out the provider's own session may go on, and would sign the same person in without a word."""
    keep(response, gate, ASK_AGAIN, "1", ASK_AGAIN_FOR)
