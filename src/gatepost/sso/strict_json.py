"""JSON as RFC 8259 has it, and no further."""

from __future__ import annotations

import json
import re

MAX_DEPTH = 64
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def strict_json(text: bytes | str) -> object:
    """Parse JSON as RFC 8259 has it.  Raises `ValueError` for duplicate members, NaN, infinities and deep nesting.

    Two parsers that disagree about which of two `iss` members counts are how a checked value and a used value differ.
    Half a character (RFC 7493 section 2.1) is refused too: it could be stored, and then breaks every list it stands in.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    document: object = _DECODER.decode(text)
    _bound(document, MAX_DEPTH)
    if _SURROGATE.search(text):  # whole characters may be spelled so as well, so only the result tells
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(  # made once: `json.loads` would make one for each text
    object_pairs_hook=_without_duplicates, parse_constant=_refuse, parse_float=_finite
)


def _bound(document: object, depth: int) -> None:
    for child in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        if depth == 1:
            raise ValueError("nested too deeply")
        if isinstance(child, (dict, list)):
            _bound(child, depth - 1)
