"""JSON as it comes in: one meaning, or none.  What two parsers could read in two ways is refused."""

from __future__ import annotations

from email.message import Message
from functools import lru_cache

from gatepost.errors import InvalidRequest
from gatepost.server.origin import Headers
from gatepost.sso.strict_json import strict_json

MOST_TYPES = 256  # whose reading is remembered
RULE = (
    "the body is not JSON in UTF-8 (RFC 8259, 7493): no member twice, no NaN, no number beyond a double, no half of a "
    "character, at most 64 levels"
)


def is_json(headers: Headers) -> bool:
    """Tell whether a body says that it is JSON: `application/json`, or anything that ends in `+json`."""
    return any(_names_json(value) for name, value in headers if name == b"content-type")


@lru_cache(MOST_TYPES)
def _names_json(value: bytes) -> bool:
    message = Message()
    message["content-type"] = value.decode("latin-1")
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def read_json(body: bytes) -> object:
    """Raises `InvalidRequest`.  What was sent is not repeated: it may be a secret."""
    try:
        return strict_json(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(RULE) from error
