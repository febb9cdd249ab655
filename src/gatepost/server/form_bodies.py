"""A small form that anybody may post: read whole, within bounds, before anything is done with it."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from gatepost.errors import InvalidRequest, TooLarge

FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 32 << 10
MOST_FIELDS = 30


async def read_small_form(request: Request) -> list[tuple[str, str]]:
    """Return the fields in their order.  Raises `InvalidRequest` for what is no form, `TooLarge` beyond 32 KiB."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequest(f"the body is to be {FORM}")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise TooLarge("a form here is at most 32 KiB")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidRequest("the form cannot be read") from error
