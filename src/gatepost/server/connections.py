"""What a client may send and leave lying, and for how long.

uvicorn bounds neither where it parses with httptools: a header without an end would fill the memory, and a thousand
requests that never end, or answers that nobody reads, would take every connection there is.  A proxy in front bounds
both; not everybody has one.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes of a request line with its headers, and of anything else that is no body
LOOK_SECONDS = 60.0  # from one look at a connection to the next
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 36\r\nconnection: close\r\n\r\nA request's head is at most 64 KiB.\n"
)


class TooLargeHead(Exception):
    """RFC 6585 section 5."""


class Trailers(list[tuple[bytes, bytes]]):
    """Where what comes behind a body is dropped (RFC 9110 section 6.5.1).

    uvicorn adds it to the headers.  A proxy that judges those, and says in them where a request comes from, passes the
    trailers of anybody on.
    """

    def append(self, _trailer: tuple[bytes, bytes]) -> None:
        pass


DROPPED = Trailers()


class Connection(HttpToolsProtocol):
    """One connection.

    It is looked at once in a while, and not timed with each request: what was there at the last look and has not moved
    since is too slow.
    """

    _held = 0  # bytes that have come in pieces and are no body
    _coming = 0  # bytes of the piece that is being read
    _is_too_large = False
    _seen: object = None  # the request of the last look
    _unread = 0  # bytes that could not be sent then, for the client reads nothing
    _timer: TimerHandle

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._coming = len(data)
        super().data_received(data)
        self._held += self._coming
        if self._held > MOST_HEAD and not self.transport.is_closing():
            self._refuse()

    def on_headers_complete(self) -> None:
        if self._held + self._coming > MOST_HEAD and self._head_bytes() > MOST_HEAD:
            self._is_too_large = True
            raise TooLargeHead
        self._held = self._coming = 0  # what follows in the same piece is no head, or that of the next request
        super().on_headers_complete()
        self.headers = DROPPED

    def on_body(self, body: bytes) -> None:
        self._held = self._coming = 0
        super().on_body(body)

    def resume_writing(self) -> None:
        self._unread = 0
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        if self._is_too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for a socket is answered as if they had not (RFC 9110 section 7.8), which is no operator's news."""

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            self.transport.abort()  # an answer is on its way, and nothing may be put into it

    def _look(self) -> None:
        is_stuck = self.flow.write_paused or self.transport.is_closing()
        unread = self.transport.get_write_buffer_size() if is_stuck else 0
        if 0 < self._unread <= unread or (self.scope is self._seen and self._is_awaited()):
            self.transport.abort()
            return
        self._unread = unread
        self._seen = None if self.flow.read_paused else self.scope  # while it is paused, the client waits for us
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)

    def _is_awaited(self) -> bool:
        """Tell whether the client has yet to send the rest of a request, or the first one."""
        return self.cycle is None or self.cycle.scope is not self.scope or self.cycle.more_body
