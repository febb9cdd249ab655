"""What is bounded whatever is asked: the head of a request, the time until it is whole, and until its answer is read."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gatepost.server import connections
from tests.waiting import A_BUSY_SECOND, eventually

SMALL = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
pytest.importorskip("httptools")


LARGE = 24 << 20  # bytes, more than the machine holds for a peer that does not read


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, and say how long it is, and whether there is an evil header."""
    assert scope["type"] == "http"
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = (b"evil, " if (b"x-evil", b"1") in scope["headers"] else b"") + b"%d bytes" % size
    if scope["path"] == "/large":
        body = bytes(LARGE)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kind = "gatepost.server.connections:Connection"
        server = uvicorn.Server(uvicorn.Config(answer, http=kind, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        eventually(lambda: server.started, A_BUSY_SECOND, "it listens")
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def told(port: int, *pieces: bytes) -> bytes:
    """What is answered until the other side hangs up, or has answered."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(A_BUSY_SECOND)
        heard = b""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                peer.sendall(piece)
            while not heard.endswith(b"bytes") and (more := peer.recv(65536)):
                heard += more
        return heard


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 16384] * 8],
        [b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-%d: a\r\n" * 9000 + b"\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"],
    ],
)
def test_a_head_without_an_end_is_431(port: int, pieces: list[bytes]) -> None:
    """It would be kept until it ends, and fill the memory."""
    heard = told(port, *pieces)
    assert heard.startswith(b"HTTP/1.1 431 ") or heard == b"", "it may be reset before it has read"
    assert told(port, SMALL).endswith(b"0 bytes")


def test_bodies_are_no_head(port: int) -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    assert told(port, post + b"b" * 200_000).endswith(b"200000 bytes")
    assert told(port, post, b"b" * 100_000, b"b" * 100_000).endswith(b"200000 bytes")
    assert told(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 60_000 + b"\r\n\r\n").endswith(b"0 bytes")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        SMALL + b"GET / HTTP/1.1\r\n",
    ],
)
def test_a_request_that_never_ends_loses_its_connection(
    port: int, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slowloris: a thousand of them would be every connection that there is."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(A_BUSY_SECOND)
        peer.sendall(begun)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(4096):
                pass


def test_a_client_that_sends_in_time_keeps_its_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look finds each request once: what it saw the last time is over."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(A_BUSY_SECOND)
        for _ in range(1_000):
            peer.sendall(SMALL)
            assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_who_reads_no_answer_loses_the_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer would be kept for as long as it likes: a thousand of them would fill the memory."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.2)
    lost, lose = threading.Event(), connections.Connection.connection_lost

    def note(connection: connections.Connection, exc: Exception | None) -> None:
        lose(connection, exc)
        lost.set()

    monkeypatch.setattr(connections.Connection, "connection_lost", note)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert lost.wait(A_BUSY_SECOND)


def test_who_reads_slowly_gets_all_of_it(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(A_BUSY_SECOND)
        peer.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        read = 0
        while read < LARGE and (more := peer.recv(1 << 20)):
            read += len(more)
            threading.Event().wait(0.01)
        assert read >= LARGE


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


@pytest.mark.parametrize("pieces", [[CHUNKED + b"X-Evil: 1\r\n\r\n"], [CHUNKED, b"X-Evil: 1\r\n\r\n"]])
def test_trailers_are_no_headers(port: int, pieces: list[bytes]) -> None:
    """A proxy says in a header where a request comes from, and passes trailers on, with anybody's `X-Forwarded-For`."""
    assert told(port, *pieces).endswith(b"\r\n\r\n1 bytes")


def test_whoever_asks_for_a_socket_is_answered_and_not_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """The log would tell an operator to install one, as often as anybody likes."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert told(port, SMALL.removesuffix(b"\r\n") + upgrade).endswith(b"0 bytes")
    assert "pgrade" not in caplog.text


@pytest.mark.parametrize("endless", [b"X-Evil: 1\r\n" * 1_000, b"a" * 16_384])
def test_trailers_without_an_end_lose_their_connection(port: int, endless: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(A_BUSY_SECOND)
        peer.sendall(CHUNKED)
        with pytest.raises(ConnectionError):
            peer.sendall(endless * 2_000)
