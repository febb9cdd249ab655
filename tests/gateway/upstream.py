"""An application behind a gateway: it answers what it was sent, byte for byte, and takes WebSockets."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@dataclass
class Seen:
    """What arrived at the application: for each request its first line, and its headers as they were spelled."""

    port: int = 0
    requests: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    def header(self, name: str) -> list[str]:
        """Every value under a name in the last request, as CGI and WSGI would name it."""
        wanted = name.lower().replace("_", "-")
        return [value for key, value in self.requests[-1][1] if key.lower().replace("_", "-") == wanted]

    @property
    def target(self) -> str:
        return self.requests[-1][0].split(" ")[1]


@contextmanager
def application() -> Iterator[Seen]:
    seen = Seen()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline().decode("latin-1").strip():
                headers = []
                while field_ := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
                    name, _, value = field_.partition(":")
                    headers.append((name, value.strip()))
                given = {name.lower(): value for name, value in headers}
                body = self._chunks() if "transfer-encoding" in given else self._plain(given)
                seen.requests.append((line, headers))
                if "upgrade" in given:
                    self.wfile.write(SWITCH)
                    self.wfile.write(self.rfile.readline())  # one message, sent back
                    return
                user = given.get("x-gatepost-user", "")
                text = json.dumps({"user": user, "target": line.split(" ")[1], "body": len(body)})
                page = f"<title>{user}</title><p id=seen>{text}</p>".encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
                self.wfile.write(head.encode() + page)

        def _plain(self, given: dict[str, str]) -> bytes:
            return self.rfile.read(int(given.get("content-length", "0")))

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers, which nobody here believes
                pass
            return body

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False  # a gateway keeps its connections

    with Server(("127.0.0.1", 0), Handler) as server:
        seen.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()
