"""What an error says over HTTP, whoever sends it: the members of RFC 9457 and the headers that belong to a status."""

from __future__ import annotations

from typing import Any

from gatepost import errors
from gatepost.errors import GatepostError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "1"


def is_answer(error: GatepostError) -> bool:
    """Tell whether it is for whoever asked.  What has no status of its own is not, such as what a client says of a server
    that it cannot reach: with that server's address in it.
    """
    return error.status != GatepostError.status


def challenge(error: GatepostError) -> str:
    """RFC 6750 section 3: bare where nothing was sent, with the code where something bad was."""
    if error.code == errors.Unauthenticated.code:
        return 'Bearer realm="gatepost"'
    return 'Bearer realm="gatepost", error="invalid_token"'


def headers_of(error: GatepostError) -> dict[str, str]:
    """The headers that belong to a status."""
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = challenge(error)
    if isinstance(error, errors.Throttled):
        headers["Retry-After"] = str(error.retry_after)
    elif error.status == 503:
        headers["Retry-After"] = RETRY_AFTER
    return headers


def body_of(error: GatepostError) -> dict[str, Any]:
    """The members of a problem document.  `errors` names each wrong field, `items` what stands in the way."""
    body: dict[str, Any] = {
        "type": f"urn:gatepost:{error.code}",
        "title": error.code.replace("_", " "),
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }
    if isinstance(error, errors.InvalidField):
        body["errors"] = error.fields
    if isinstance(error, errors.Conflict) and error.items:
        body["items"] = list(error.items)
    return body
