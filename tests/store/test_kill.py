"""Nothing acknowledged is lost (design, rule 12): `kill -9` leaves every answered write in place and none half done."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from gatepost.gate import Gatepost
from gatepost.store.database import POOL_SIZE
from tests.conftest import OpenGate
from tests.postgresql import NoPostgres, Server
from tests.store.ledger import Writer, check_books

pytestmark = pytest.mark.slow

KILLS = 100
CLIENT_KILLS = 15
SERVER_KILLS = 5


@pytest.fixture
def durable() -> Iterator[Server]:
    """A PostgreSQL that keeps what it has acknowledged."""
    try:
        server = Server(fast=False)
        server.start()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    yield server
    server.remove()


def kill_again_and_again(url: str, times: int) -> int:
    """Answers how many writes were acknowledged before the kills."""
    dice = random.Random(7)
    with Writer(url) as writer:
        for _ in range(times):
            writer.start()
            writer.read(dice.randint(1, 25))
            writer.kill()
            check_books(url, writer.ledger)
        return writer.ledger.count


def test_a_hundred_kills_on_sqlite(sqlite_url: str, open_gate: OpenGate) -> None:
    assert kill_again_and_again(sqlite_url, KILLS) > 5 * KILLS

    gate = open_gate(sqlite_url, follow=False)
    assert gate.check("user:admin", "group:edit", "platform:main").allowed
    with gate.database.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


@pytest.mark.postgres
def test_kills_of_the_program_on_postgresql(postgres_database: str) -> None:
    assert kill_again_and_again(postgres_database, CLIENT_KILLS) > CLIENT_KILLS


@pytest.mark.postgres
def test_kills_of_postgresql_itself(durable: Server) -> None:
    dice = random.Random(7)
    with Writer(durable.url()) as writer:
        writer.start()
        for _ in range(SERVER_KILLS):
            writer.read(dice.randint(5, 60))
            durable.kill()
            writer.read_until("unavailable")
            durable.start()
            check_books(durable.url(), writer.ledger)
        writer.read(5)
        writer.kill()
        check_books(durable.url(), writer.ledger)
        assert writer.ledger.count > 5 * SERVER_KILLS


def ask_every_connection(gate: Gatepost, question: str) -> set[object]:
    """Hold as many connections as the pool can give at once, and ask each."""
    with ExitStack() as held:
        connections = [held.enter_context(gate.database.engine.connect()) for _ in range(2 * POOL_SIZE)]
        return {connection.execute(text(question)).scalar_one() for connection in connections}


@pytest.mark.usefixtures("sqlite_as_it_is")
def test_every_sqlite_connection_is_fully_synchronous(sqlite_url: str, open_gate: OpenGate) -> None:
    gate = open_gate(sqlite_url)

    assert ask_every_connection(gate, "PRAGMA synchronous") == {2}
    assert ask_every_connection(gate, "PRAGMA journal_mode") == {"wal"}


@pytest.mark.postgres
def test_every_postgresql_connection_commits_synchronously(postgres_database: str, open_gate: OpenGate) -> None:
    """The test server is set to commit asynchronously, for speed: Gatepost's connections are not."""
    gate = open_gate(postgres_database, follow=False)

    assert ask_every_connection(gate, "SHOW synchronous_commit") == {"on"}
    with gate.database.snapshot() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
