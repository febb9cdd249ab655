"""The session cookie."""

from __future__ import annotations

from starlette.responses import Response

from gatepost.authn.credential import cookie_name
from gatepost.gate import Gatepost


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
