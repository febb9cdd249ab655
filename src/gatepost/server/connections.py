"""What a client may send before it has asked anything, and for how long it may do so.

uvicorn bounds neither where it parses with httptools: a header without an end would fill the memory, and a thousand
requests that never end would take every connection there is.  A proxy in front bounds both; not everybody has one.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes of a request line with its headers
REQUEST_SECONDS = 60.0  # for the whole of a request, once it has begun, and for the first one to begin
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 36\r\nconnection: close\r\n\r\nA request's head is at most 64 KiB.\n"
)


class TooLargeHead(Exception):
    """RFC 6585 section 5."""


class Connection(HttpToolsProtocol):
    """One connection.  Nothing is timed where a request comes in one piece, as nearly all do."""

    _owes = True  # the client has yet to send the rest of a request, or the first one
    _reads_head = False
    _held = 0  # bytes of a head that has come in pieces
    _coming = 0  # bytes of the piece that is being read
    _is_too_large = False
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._give_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._coming = len(data)
        super().data_received(data)
        if self._reads_head:
            self._held += self._coming
            if self._held > MOST_HEAD:
                self._refuse()
        if not self._owes:
            self._stop_timing()
        elif self._timer is None:
            self._give_time()

    def on_message_begin(self) -> None:
        self._owes = self._reads_head = True
        self._held = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reads_head = False
        if self._held + self._coming > MOST_HEAD and self._head_bytes() > MOST_HEAD:
            self._is_too_large = True
            raise TooLargeHead
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._owes = False
        self._coming = 0  # what follows in the same piece belongs to the next one, however little of it that is
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()

    def _give_time(self) -> None:
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._too_slow)

    def _stop_timing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self.flow.read_paused:  # it waits for us
            self._give_time()
        else:
            self._timer = None
            self.transport.abort()
