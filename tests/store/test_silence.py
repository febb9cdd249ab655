"""A PostgreSQL that neither answers nor hangs up: whoever waits is told, and it is known again when it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from gatepost.directory.groups import create_group
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import silence
from gatepost.store.database import open_engine
from tests.conftest import OpenGate
from tests.postgresql import NoPostgres, Server
from tests.waiting import A_BUSY_SECOND, eventually

pytestmark = pytest.mark.postgres
SOON = 0.3
WRITERS = 4


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        server = Server()
        server.start()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    yield server
    server.resume()
    server.remove()


@pytest.fixture
def gate(server: Server, open_gate: OpenGate, monkeypatch: pytest.MonkeyPatch) -> Gatepost:
    monkeypatch.setattr(silence, "SILENT_SECONDS", SOON)
    monkeypatch.setattr(silence, "CONNECT_SECONDS", 2)  # the least that libpq takes
    return open_gate(server.url())


def test_whoever_waits_is_told_and_it_comes_back_by_itself(server: Server, gate: Gatepost, admin: Principal) -> None:
    """Paused, a driver waits for it without end: every thread that asks would be gone, and a stop would wait for them."""
    before = gate.database.head().revision
    server.pause()

    def write(number: int) -> str:
        with pytest.raises(Unavailable) as refused:
            create_group(gate, admin, f"team-{number}")
        return str(refused.value)

    with ThreadPoolExecutor(WRITERS) as threads:
        told = list(threads.map(write, range(WRITERS), timeout=60))
    assert "the database does not answer" in told
    assert gate.check("user:admin", "group:edit", "platform:main").allowed, "from memory"

    server.resume()
    eventually(lambda: gate.memory.behind_seconds < 1.0, A_BUSY_SECOND, "the tail hears of it again")
    assert gate.database.head().revision == before, "nothing that was refused was done"
    create_group(gate, admin, "team")


def test_who_comes_while_it_is_silent_is_told_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tries; the others do not wait five seconds each for the same nothing."""
    monkeypatch.setattr(silence, "SILENT_SECONDS", SOON)
    connector = silence.Connector()
    server.pause()
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        connector(server.url(), connect_timeout=2)
    with ThreadPoolExecutor(1) as other:
        trying = other.submit(connector, server.url(), connect_timeout=30)
        eventually(connector._trying.locked, 10, "somebody tries")
        with pytest.raises(psycopg.OperationalError, match="silent"):
            connector(server.url(), connect_timeout=30)
        server.resume()
        trying.result(60).close()
    connector(server.url(), connect_timeout=30).close()


def test_a_slow_query_is_not_a_silent_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", SOON)
    engine = open_engine(server.url())
    begun = time.monotonic()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1 FROM pg_sleep(1.5)")).scalar_one() == 1
    assert time.monotonic() - begun > 4 * SOON, "it was looked at, several times"
    engine.dispose()
