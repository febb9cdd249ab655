"""The body of a request: bounded, and read whole before anybody is judged by it.

Anybody may send one, so what is there of all that are not whole yet is bounded, too: a thousand connections that wait
with their last byte would hold a gigabyte.
"""

from __future__ import annotations

from starlette.types import Message, Receive

from gatepost.errors import InvalidRequest, TooLarge, Unavailable
from gatepost.server.origin import Headers

MOST_BYTES = 1 << 20
MOST_DIGITS = 20  # of a Content-Length
ALWAYS_HELD = 64 << 10  # bytes of each, which nobody else's keep from coming
MOST_HELD = 64 << 20  # bytes of all that are not whole, beyond which a larger one is refused
TOO_MANY = "too much is being sent at once: try again in a moment"


class Uploads:
    """The bodies that are coming."""

    def __init__(self) -> None:
        self.held = 0

    async def whole(self, receive: Receive) -> bytes:
        """Raises `TooLarge`, `Unavailable` where too much is coming already, `InvalidRequest` for who hangs up."""
        part, more = await _part(receive)
        if not more:
            _require_at_most(len(part))
            return part
        body = bytearray()
        try:
            while True:
                body += part
                self.held += len(part)
                _require_at_most(len(body))
                if not more:
                    return bytes(body)
                if len(body) > ALWAYS_HELD and self.held > MOST_HELD:
                    raise Unavailable(TOO_MANY, detail=f"{self.held} bytes are held of bodies that are not whole")
                part, more = await _part(receive)
        finally:
            self.held -= len(body)


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise InvalidRequest("the caller hung up")
    return message.get("body", b""), message.get("more_body", False)


def _require_at_most(size: int) -> None:
    if size > MOST_BYTES:
        raise TooLarge("a body is at most 1 MiB")


def require_small(headers: Headers) -> None:
    """Raise `TooLarge` for a body that says itself that it is."""
    for name, length in headers:
        if name != b"content-length":
            continue
        if not length.isdigit():
            raise InvalidRequest("Content-Length is not a number")
        _require_at_most(int(length) if len(length) <= MOST_DIGITS else MOST_BYTES + 1)


def bounded(receive: Receive) -> Receive:
    """For whoever reads the body later: `TooLarge` where it turns out to be."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        _require_at_most(seen)
        return message

    return counting


def replayed(body: bytes, receive: Receive) -> Receive:
    """For whoever reads a body that is here already."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
