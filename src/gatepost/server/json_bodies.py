"""JSON as it comes in: one meaning, or none.  What two parsers could read in two ways is refused."""

from __future__ import annotations

from email.message import Message

from gatepost.errors import InvalidRequest
from gatepost.server.origin import Headers, all_of
from gatepost.sso.strict_json import strict_json

RULE = (
    "the body is not JSON in UTF-8 (RFC 8259, 7493): no member twice, no NaN, no number beyond a double, no half of a "
    "character, at most 64 levels"
)


def is_json(headers: Headers) -> bool:
    """Tell whether a body says that it is JSON: `application/json`, or anything that ends in `+json`."""
    for value in all_of(headers, b"content-type"):
        message = Message()
        message["content-type"] = value
        subtype = message.get_content_subtype()
        if message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json")):
            return True
    return False


def read_json(body: bytes) -> object:
    """Raises `InvalidRequest`.  What was sent is not repeated: it may be a secret."""
    try:
        return strict_json(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(RULE) from error
