"""A real server on a port, and applications that ask it.

center   the server: `url`, `gate`, and the application's own service there (`client`)
remote   an application in server mode, over HTTP from the test to it in the process
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from gatepost.asgi import Authentication
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Dice, Gatepost
from gatepost.guard import following
from gatepost.principal import FULL_SCOPE, Entity, Scope
from gatepost.store.relations import relate
from gatepost.tokens import access_tokens
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.asgi.conftest import application, client_of
from tests.asgi.test_authentication import session_of
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.server.conftest import _running

APP = "https://shop.example"
PASSWORD = "plover-zinc-93-harbour"
Remote = Callable[..., TestClient]


@dataclass
class Center:
    """A server with Ann who edits `dataset:sales`, Ben who views it, and Cy."""

    gate: Gatepost
    url: str
    client: tuple[str, str]

    def token(self, name: str, audience: str = "", scope: Scope = FULL_SCOPE, **extra: object) -> str:
        """An access token of a new sign-in; its session is `self.session`."""
        _, self.session = session_of(self.gate, name, cookie=False)
        user = Entity("user", name)
        return access_tokens.mint(
            self.gate, user, session=self.session, scope=scope, client_id="t", audience=audience, extra=extra
        )

    def give(self, name: str, relation: str, resource: str) -> None:
        with self.gate.change_unasked() as tx:
            relate(tx, resource, relation, name, author="platform:main")


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def center(
    open_gate: OpenGate, gate_url: str, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Center]:
    monkeypatch.setattr(following, "WAIT_SECONDS", 1.0)  # so that the server can stop when the test is over
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_for(gate_url)
    settings = replace(
        settings,
        main=replace(settings.main, public_url=url),
        tokens=replace(settings.tokens, audiences=(APP,)),
    )
    gate = open_gate(settings, dice=Dice())
    for name in ("ann", "ben", "cy"):
        create_user(gate, ADMIN, NewUser(username=name, password=PASSWORD))
    made = issue_service_token(gate, ADMIN, WantedServiceToken(name="shop", role="decider"))
    center = Center(gate, url, ("shop", made.secret))
    center.give("user:ann", "editor", "dataset:sales")
    center.give("user:ben", "viewer", "dataset:sales")
    with _running(gate, listener):
        yield center


@pytest.fixture
def remote(center: Center) -> Iterator[Remote]:
    with ExitStack() as opened:

        def make(**options: Any) -> TestClient:
            given = {"server": center.url, "client": center.client, **options}
            app = Authentication(application(), **given)
            opened.callback(app.guard.close)
            return opened.enter_context(client_of(app))

        yield make
