"""Other people's programs, started for the tests that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gatepost.gate import Dice, Gatepost
from tests.conftest import OpenGate
from tests.console.serving import free_listener, served
from tests.peers.company import Place, Visitor, configured, with_groups
from tests.peers.keycloak_server import Keycloak, running_keycloak
from tests.peers.programs import node_program

FOLDER = Path(__file__).parent / "oidc_provider"
REDIRECT_URI = "http://127.0.0.1:8420/oauth/peer/callback"


Visit = Callable[[], Visitor]
Serve = Callable[[str], Gatepost]


@pytest.fixture
def dice() -> Dice:
    """The real clock: the providers have their own."""
    return Dice()


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """One Keycloak for all tests of a run, for it takes its time to start; each test has a realm of its own."""
    with running_keycloak(tmp_path_factory.mktemp("keycloak")) as running_one:
        yield running_one


@pytest.fixture
def place() -> Iterator[Place]:
    listener, url = free_listener()
    with listener:
        yield Place(listener, url)


@pytest.fixture
def serve(open_gate: OpenGate, sqlite_url: str, place: Place, tmp_path: Path) -> Iterator[Serve]:
    """Start a Gatepost at `place` with the tables of a configuration file."""
    with ExitStack() as running_ones:

        def start(tables: str) -> Gatepost:
            gate = with_groups(open_gate, configured(place, sqlite_url, tmp_path / "gatepost.toml", tables))
            running_ones.enter_context(served(gate, place.listener))
            return gate

        yield start


@pytest.fixture
def visit(browser: Browser, place: Place) -> Iterator[Visit]:
    """Open the browser of another person, with no cookie in it."""
    with ExitStack() as contexts:
        yield lambda: Visitor(contexts.enter_context(browser.new_context(base_url=place.url)), place.url)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A running oidc-provider with the people alice and bob, and the client `gatepost` at REDIRECT_URI."""
    with running(REDIRECT_URI) as address:
        yield address


@contextmanager
def running(redirect_uri: str) -> Iterator[str]:
    """Run an oidc-provider whose client is at `redirect_uri`, with the addresses for signing out beside it."""
    with node_program(FOLDER, "provider.mjs", redirect_uri) as address:
        yield address
