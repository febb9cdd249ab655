"""The server, in two ways: called in the process (`client`), and on a port of its own (`server_client`).

client          the ASGI application of `gate`, without a socket in between: for what needs no real connection
served          starts a real uvicorn for a Gatepost with any settings, and answers its client
server_client   the same for a fresh Gatepost with the tests' own settings
company         a few people, a group and a collection, made over HTTP
op              an OpenID provider with the tests' clock, for a gate to be configured with
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any, Protocol

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.server.app import create_app
from gatepost.settings import Settings
from tests.conftest import OpenGate, settings_for
from tests.console.serving import Prompt
from tests.dice import FakeDice
from tests.server.calling import Company, settle
from tests.sso.provider_in_process import InProcessProvider, running_provider

PEER = ("203.0.113.7", 40_000)
Change = Callable[[Settings], Settings]


class InProcess(Protocol):
    """Make a client of a gate's application, as somebody at `peer` would be."""

    def __call__(self, gate: Gatepost, peer: tuple[str, int] = PEER) -> TestClient: ...


class Served(Protocol):
    """Start a server for settings that are changed by `change`, on `listener` or a port of its own."""

    def __call__(self, change: Change | None = None, listener: socket.socket | None = None) -> Running: ...


class Running:
    """A Gatepost with its address and a client of it."""

    def __init__(self, gate: Gatepost, url: str, client: httpx2.Client) -> None:
        self.gate = gate
        self.url = url
        self.client = client

    def another_client(self, **options: Any) -> httpx2.Client:
        """Another browser or script.  The caller closes it."""
        return httpx2.Client(base_url=self.url, trust_env=False, timeout=30, **options)


@pytest.fixture
def in_process() -> Iterator[InProcess]:
    with ExitStack() as opened:

        def make(gate: Gatepost, peer: tuple[str, int] = PEER) -> TestClient:
            client = TestClient(
                create_app(gate),
                base_url=gate.settings.main.public_url,
                raise_server_exceptions=False,
                follow_redirects=False,
                client=peer,
            )
            return opened.enter_context(client)

        yield make


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def client(gate: Gatepost, in_process: InProcess) -> TestClient:
    return in_process(gate)


@pytest.fixture
def company(client: TestClient) -> Company:
    return settle(client)


@pytest.fixture
def served(open_gate: OpenGate, gate_url: str) -> Iterator[Served]:
    with ExitStack() as running:

        def start(change: Change | None = None, listener: socket.socket | None = None) -> Running:
            listener = listener or socket.create_server(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            settings = settings_for(gate_url)
            settings = replace(settings, main=replace(settings.main, public_url=url))
            gate = open_gate(change(settings) if change else settings)
            running.enter_context(_running(gate, listener))
            client = running.enter_context(httpx2.Client(base_url=url, trust_env=False, timeout=30))
            return Running(gate, url, client)

        yield start


class _running:  # noqa: N801 - a context manager, used as a function
    """uvicorn in a thread, as `gatepost serve` configures it."""

    def __init__(self, gate: Gatepost, listener: socket.socket) -> None:
        config = uvicorn.Config(
            create_app(gate),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        self._server = Prompt(config)
        self._listener = listener
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=20)
        with closing(self._listener):
            assert not self._thread.is_alive(), "the server did not stop"


@pytest.fixture
def server_client(served: Served) -> httpx2.Client:
    return served().client
