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
    document: object = _QUICK.decode(text)
    strings = _strings(document, MAX_DEPTH)
    if "\\" in text or text.count('"') != 2 * strings:
        # Each quotation mark begins or ends a text.  More of them than was read take means a member that is there twice;
        # where there are escapes, that takes a closer look.
        document = _DECODER.decode(text)
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


# Made once: `json.loads` would make one for each text.
_QUICK = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse, parse_float=_finite)


def _strings(document: object, depth: int) -> int:
    """Count the texts in a document, the names of members too.  Raises `ValueError` for deep nesting."""
    if isinstance(document, str):
        return 1
    if isinstance(document, dict):
        found, children = len(document), list(document.values())
    elif isinstance(document, list):
        found, children = 0, document
    else:
        return 0
    for child in children:
        if isinstance(child, str):
            found += 1
        elif isinstance(child, (dict, list)):
            if depth == 1:
                raise ValueError("nested too deeply")
            found += _strings(child, depth - 1)
    return found
