"""Pages as OpenFGA has them: a size, and a token that says where the next one starts."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from gatepost.stores.errors import invalid_token

T = TypeVar("T")

USUAL = 50
MOST = 100


@dataclass(frozen=True, slots=True)
class Paging:
    """How many, and after what."""

    size: int = USUAL
    token: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`token` is empty at the end."""

    items: list[T]
    token: str


def write_token(*parts: str | int) -> str:
    """Make a token of what the next page has to know."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def read_token(token: str, *kinds: type) -> tuple[object, ...]:
    """Read a token back.  Raises `StoreError` for one that was never given."""
    try:
        parts = json.loads(base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid_token() from None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise invalid_token()
    if any("\0" in part for part in parts if isinstance(part, str)) or not all(map(_fits, parts)):
        raise invalid_token()
    return tuple(parts)


def _fits(part: object) -> bool:
    """Tell whether a database can be asked for it."""
    if isinstance(part, int):
        return 0 <= part < 1 << 62
    return not any("\ud800" <= c <= "\udfff" for c in str(part))
