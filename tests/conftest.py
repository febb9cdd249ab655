"""What every test may ask for: a database of its own, a Gatepost on it, its administrator, and a clock.

database_url   an empty database, once on SQLite and once on PostgreSQL (the latter marked `postgres`)
gate           an open Gatepost on `gate_url`, with cheap passwords and a clock that only the test moves
gate_url       where `gate` lives: SQLite.  A file that wants both databases overrides it with `database_url`
open_gate      opens further ones, on any URL; they are closed at the end
second_gate    another process's Gatepost, as it were: on the same database as `gate`
admin          the first administrator, as an embedder speaks for them
dice           the clock
browser        a real one (tests/browser.py)

On both databases a commit is not waited for until the disk has it: a test that needs that asks for `sqlite_as_it_is`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from gatepost.gate import Dice, Gatepost
from gatepost.opening import open_gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.settings import DatabaseSettings, KeysSettings, MainSettings, Secret, Settings
from gatepost.store import database
from gatepost.tokens.passwords import Passwords
from tests.browser import browser
from tests.dice import FakeDice
from tests.postgresql import NoPostgres, Server, new_databases

__all__ = ["browser"]  # a fixture, passed on

GIVEN = "GATEPOST_TEST_POSTGRES"
ENCRYPTION_KEY = "x" * 40
ADMIN_PASSWORD = "an-admin-of-the-tests"
ADMIN = Principal(subject=Entity("user", "admin"), method=Method.EMBEDDED, scope=None)
PREPARE_SQLITE = database._prepare_sqlite


def pytest_configure() -> None:
    """Signals that are ignored here (`make test &`, nohup) are ignored here only: children would inherit that.

    The programs that the tests start are to be stopped by them.
    """
    for each in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, lambda *_: None)


class OpenGate(Protocol):
    """Open a Gatepost on a database.  Without `follow` it hears of other processes' changes only when it has to."""

    def __call__(self, url: str | Settings, *, follow: bool = True, dice: Dice | None = None) -> Gatepost: ...


class NotFollowing(Gatepost):
    """A process whose tail and journal stand still, so that a test decides when it looks."""

    def follow(self) -> None:
        """Do not."""


def settings_for(url: str) -> Settings:
    """Settings for a test: the database, a key to seal with, and a known first password."""
    return replace(
        Settings(),
        main=replace(MainSettings(), initial_admin_password=Secret(ADMIN_PASSWORD)),
        database=DatabaseSettings(url=Secret(url)),
        keys=KeysSettings(encryption_keys=(Secret(ENCRYPTION_KEY),)),
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL for this test process: started when the first test asks, without crash safety, for speed."""
    try:
        server = Server()
        server.start()
    except NoPostgres as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has to have PostgreSQL: {reason}")
        pytest.skip(f"PostgreSQL cannot be had: {reason}")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """The administrator's URL of a PostgreSQL server: GATEPOST_TEST_POSTGRES, else one of our own."""
    if given := os.environ.get(GIVEN):
        return given
    server: Server = request.getfixturevalue("postgres_server")
    return server.url()


@pytest.fixture(scope="session")
def make_postgres_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """A function that makes an empty PostgreSQL database; all of them go at the end."""
    with new_databases(postgres_url, drop=GIVEN in os.environ) as make:
        yield make


@pytest.fixture(scope="session", autouse=True)
def sqlite_in_a_hurry() -> Iterator[None]:
    """Let SQLite give up crash safety, as the PostgreSQL here does: thirty commits a test would wait for the disk."""

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        PREPARE_SQLITE(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_prepare_sqlite", prepare)
        yield


@pytest.fixture
def sqlite_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the tests of crash safety.  Ask for it before the gate."""
    monkeypatch.setattr(database, "_prepare_sqlite", PREPARE_SQLITE)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/gatepost.db"


@pytest.fixture
def postgres_database(make_postgres_database: Callable[[], str]) -> str:
    return make_postgres_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_database")
    return url


@pytest.fixture
def dice() -> FakeDice:
    return FakeDice()


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(cheap=True)


@pytest.fixture
def open_gate(dice: FakeDice, passwords: Passwords) -> Iterator[OpenGate]:
    with ExitStack() as opened:

        def open_one(url: str | Settings, *, follow: bool = True, dice: Dice | None = dice) -> Gatepost:
            settings = settings_for(url) if isinstance(url, str) else url
            kind = Gatepost if follow else NotFollowing
            return opened.enter_context(open_gatepost(kind, settings, dice, passwords))

        yield open_one


@pytest.fixture
def gate_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url)


@pytest.fixture
def second_gate(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url)


@pytest.fixture
def admin() -> Principal:
    return ADMIN
