"""An HTTP server that answers as it is told and remembers what it was asked, for what a real one does too seldom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class Seen:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: Any


@dataclass
class StandIn:
    """`answers` maps `METHOD /path` (as sent, percent-encoded) to a status and a JSON body."""

    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    media_type: str = "application/json"

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.seen]

    def answer(self, line: str, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        is_form = headers.get("Content-Type", "") == "application/x-www-form-urlencoded"
        body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw) if raw else None
        self.seen.append(Seen(line, headers, body))
        missing = (404, {"title": "not_found", "status": 404, "detail": "there is no such thing"})
        status, answer = self.answers.get(line, missing)
        return status, b"" if answer is None else json.dumps(answer).encode()


@contextmanager
def running() -> Iterator[StandIn]:
    """Run a stand-in on a free loopback port."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            line = f"{self.command} {self.path.removeprefix('/api/v1')}"
            status, body = stand_in.answer(line, dict(self.headers), raw)
            self.send_response(status)
            self.send_header("Content-Type", stand_in.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
