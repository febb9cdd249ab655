"""What a dry run shows of the claims: all of them, where each came from, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.errors import InvalidToken
from gatepost.sso.callback import Vouched
from gatepost.sso.keys import read_unverified

HIDDEN = "(a secret, not shown)"
MOST_CHARACTERS = 2000  # of one claim
ID_TOKEN, USERINFO, CONFIGURED = "ID token", "userinfo", "configuration"
# They bind this one answer together, and are worth nothing to a reader.
LEFT_OUT = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
_SECRET_NAME = re.compile(r"token|secret|passw|api_?-?key|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"gp[a-z]?_|eyJ[A-Za-z0-9_-]+\.|-----BEGIN|(?:bearer|basic) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """One claim, as JSON."""

    name: str
    value: str
    source: str


def shown_claims(vouched: Vouched) -> tuple[ShownClaim, ...]:
    """Return the claims by name.  The ID token was verified before."""
    of_token = _of_id_token(vouched.tokens.id_token)
    names = sorted(name for name in vouched.claims if name not in LEFT_OUT)
    return tuple(
        ShownClaim(name, _text(name, vouched.claims[name]), _source(name, of_token))
        for name in names
        if vouched.claims[name] is not None
    )


def _source(name: str, of_token: Mapping[str, object]) -> str:
    """Without an ID token nobody says who the issuer is: it is who was asked."""
    if name in of_token:
        return ID_TOKEN
    return CONFIGURED if name == "iss" else USERINFO


def _of_id_token(token: str) -> Mapping[str, object]:
    """A provider of plain OAuth 2.0 gives none."""
    try:
        return read_unverified(token).claims if token else {}
    except InvalidToken:
        return {}


def _text(name: str, value: object) -> str:
    text = json.dumps(_without_secrets(name, value), ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _without_secrets(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _without_secrets(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(name, inner) for inner in value]
    if isinstance(value, str) and (_SECRET_NAME.search(name) or _SECRET_VALUE.match(value)):
        return HIDDEN
    return value
