"""The real server on a port of its own, in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import uvicorn

from gatepost.gate import Gatepost
from gatepost.server.app import create_app


class Prompt(uvicorn.Server):
    """It looks whether it is to stop a hundred times a second, and not ten: there are five hundred of them in a run."""

    async def main_loop(self) -> None:
        for tick in count():
            if await self.on_tick(tick // 10):
                return
            await asyncio.sleep(0.01)


def free_listener() -> tuple[socket.socket, str]:
    """A socket that listens already, and its address: nobody can take the port in between."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def served(gate: Gatepost, listener: socket.socket) -> Iterator[None]:
    """Serve `gate` until the end of the block.  Its `public_url` has to be the listener's."""
    server = Prompt(uvicorn.Config(create_app(gate), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
