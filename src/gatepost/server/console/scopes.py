"""The part of a form that bounds a token: what it may do, and until when."""

from __future__ import annotations

from datetime import timedelta

from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.server.console.forms import Form
from gatepost.tokens.api_tokens import WantedToken

LIVES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "no end"))
READING = ("*:view",)


def wanted_token(gate: Gatepost, form: Form, name: str) -> WantedToken:
    """Read name, scopes and life from a form.  Raises `InvalidField`."""
    bound, days = form.text("bound"), form.text("days")
    scopes: tuple[str, ...] | None = None
    if bound == "view":
        scopes = READING
    elif bound == "some":
        scopes = tuple(form.text("scopes").replace(",", " ").split())
        if not scopes:
            raise InvalidField({"scopes": "write at least one, such as dataset:view"})
    elif bound != "all":
        raise InvalidField({"bound": "choose what the token may do"})
    if days not in dict(LIVES):
        raise InvalidField({"days": "choose one of the list"})
    return WantedToken(name=name, scopes=scopes, expires_at=gate.now() + timedelta(days=int(days)) if days else None)
