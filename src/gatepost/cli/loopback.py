"""The command line's own address, for the length of one sign-in: where the browser brings the answer (RFC 8252)."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from gatepost.client.errors import SignInRefused
from gatepost.client.oauth2 import is_answer_to

PATH = "/callback"
SLOWEST = 10.0  # seconds that a connection may take to say what it wants
LOOKS_EVERY = 0.2  # seconds
MOST_BYTES = 8 << 20  # of a form

Answer = Mapping[str, str]

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Gatepost</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>"""
_DONE = ("The terminal has the answer", "Go back to it. You can close this window.")
_NO = ("The terminal was told no", "Nothing was signed in. You can close this window.")
_STRAY = ("This belongs to another sign-in", "Go back to the terminal, and open the address that stands there now.")


class Loopback:
    """Listens on a free port of this computer alone, and takes the one answer that carries `state`.

    With `method` POST the state stands in the address, and the answer is the form (the result of a dry run).
    """

    def __init__(self, state: str, method: Literal["GET", "POST"] = "GET") -> None:
        self._state = state
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._method = method
        self._server = _server(_handler(self._judge, self._answers.put, method))
        host, port = self._server.server_address[:2]
        self.netloc = f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"
        self.redirect_uri = f"http://{self.netloc}{PATH}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float, pasted: Callable[[], str] = lambda: "") -> Answer:
        """Return the answer that the browser brings, or the person pastes.  Raises `SignInRefused` after so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return self._answers.get(timeout=LOOKS_EVERY)
            except Empty:
                answer = answer_in(pasted())
                if is_answer_to(self._state, answer):
                    return answer
        raise SignInRefused("nobody signed in within the time that there was: try again")

    def _judge(self, host: str, target: str) -> tuple[int, str, Answer | None]:
        """Judge one request: the status and the page that it gets, and the answer if it brought one."""
        # Another name for this address is a page elsewhere that had its name rebound to this computer.
        if host != self.netloc or urlsplit(target).path != PATH:
            return 404, _PAGE.format(title=_STRAY[0], text=_STRAY[1]), None
        answer = answer_in(target)
        if not is_answer_to(self._state, answer):
            return 400, _PAGE.format(title=_STRAY[0], text=_STRAY[1]), None
        title, text = _DONE if "code" in answer or self._method == "POST" else _NO
        return 200, _PAGE.format(title=title, text=text), answer


def answer_in(address: str) -> Answer:
    """Read the parameters of an address.  One that is sent twice counts as not sent."""
    try:
        sent = parse_qs(urlsplit(address.strip()).query)
    except ValueError:
        return {}
    return {name: values[0] for name, values in sent.items() if len(values) == 1}


def _server(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return _Server(("127.0.0.1", 0), handler)
    except OSError:
        return _Server6(("::1", 0), handler)


class _Server(ThreadingHTTPServer):
    """A browser opens connections that it never uses, so each has a thread of its own, which ends with the program."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that breaks is no business of the person's."""


class _Server6(_Server):
    address_family = socket.AF_INET6


Judge = Callable[[str, str], tuple[int, str, Answer | None]]


def _handler(judge: Judge, take: Callable[[Answer], None], method: str = "GET") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SLOWEST

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, came_by: str) -> None:
            if came_by != method:
                self.send_error(501)
                return
            status, page, answer = judge(self.headers.get("Host", ""), self.path)
            if answer is not None and method == "POST":
                answer = self._form()
            try:
                self._send(status, page.encode())
            finally:
                # Only now, and in any case: whoever waits for the answer may end the program, and the page with it.
                if answer is not None:
                    take(answer)

        def _form(self) -> Answer:
            length = self.headers.get("Content-Length", "")
            body = self.rfile.read(min(int(length), MOST_BYTES)) if length.isdigit() else b""
            return answer_in(f"?{body.decode('ascii', 'replace')}")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in (
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
                ("Referrer-Policy", "no-referrer"),
                ("X-Content-Type-Options", "nosniff"),
                ("Connection", "close"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing: the address holds the code."""

    return Handler


class Typed:
    """What is typed meanwhile, line by line and without waiting for it."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self) -> str:
        """Return the next line, or an empty text if none is there yet."""
        if b"\n" not in self._rest:
            self._rest += _there_already()
        line, newline, rest = self._rest.partition(b"\n")
        if not newline:
            return ""
        self._rest = rest
        return line.decode(errors="replace")


def _there_already() -> bytes:
    import select  # lazily, as it is needed for this alone

    try:
        place = sys.stdin.fileno()
        return os.read(place, 4096) if select.select([place], [], [], 0)[0] else b""
    except (OSError, ValueError):  # no terminal and no pipe; or a system where only sockets can be asked so
        return b""
