"""Reading a JWS without believing it (RFC 7515 section 7.1): only to pick who should verify it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from gatepost.errors import InvalidToken

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
MOST_CHARACTERS = 16_384


def is_jws(text: str) -> bool:
    """Tell by its shape alone whether `text` is a signed JWT."""
    return len(text) <= MOST_CHARACTERS and _SHAPE.fullmatch(text) is not None


def read_header(token: str) -> dict[str, Any]:
    """The header as it stands there.  Raises `InvalidToken` for what is not the shape of a JWS."""
    return read_both(token)[0]


def read_both(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header, and the claims as they stand there: somebody's say-so, good for `iss` and `aud`, to find a verifier."""
    if not is_jws(token):
        raise InvalidToken(detail="not the shape of a JWS")
    header, claims, _ = token.split(".")
    return _read_part(header), _read_part(claims)


def _read_part(text: str) -> dict[str, Any]:
    try:
        value = decode_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidToken(detail="a JWS whose parts are not JSON") from error
    if not isinstance(value, dict):
        raise InvalidToken(detail="a JWS whose parts are not objects")
    return value


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says one thing twice: two readers could take two different ones for the truth."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a JSON object names a member twice")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=unique_members)  # made once: `json.loads` would make one for each part


def decode_json(octets: bytes) -> Any:
    """Read a part's JSON (RFC 7519 section 3: UTF-8).  Raises `ValueError`, `RecursionError`."""
    return _DECODER.decode(octets.decode("utf-8"))
