"""Where somebody elsewhere keeps the database's lock, writers must not take every thread that reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager

import psycopg
import pytest

from gatepost.directory.groups import Group, create_group
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.pools import DATABASE_THREADS
from gatepost.store import turns
from tests.store.slow_commit import held_before_commit
from tests.waiting import A_BUSY_SECOND

WRITERS = DATABASE_THREADS


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@contextmanager
def locked_elsewhere(url: str) -> Iterator[None]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(url) as other:
            other.execute("SELECT * FROM head FOR UPDATE")
            yield


def test_half_of_the_threads_stay_for_whoever_reads(
    gate: Gatepost, gate_url: str, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack needs none: a transaction that somebody forgot in a database console is enough."""
    monkeypatch.setattr(turns, "STUCK_SECONDS", 0.2)
    with ThreadPoolExecutor(WRITERS) as pool:
        with locked_elsewhere(gate_url):
            tried = [pool.submit(create_group, gate, admin, f"team-{n}") for n in range(WRITERS)]
            waiting: set[Future[Group]] = set(tried)
            while len(waiting) > turns.PATIENT:
                done, waiting = wait(waiting, A_BUSY_SECOND, FIRST_COMPLETED)
                assert done, "they all wait"
            refused = set(tried) - waiting
        for each in refused:
            with pytest.raises(Unavailable, match="locked by another writer: nothing was changed"):
                each.result()
        for each in waiting:
            each.result(A_BUSY_SECOND)  # whoever waits goes on where the others would have
    assert turns.PATIENT <= DATABASE_THREADS // 2


def test_as_many_as_like_wait_while_turns_are_short(
    gate: Gatepost, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(3 * WRITERS) as pool:
        with held_before_commit(gate, lambda: create_group(gate, admin, "first")) as (held, _):
            tried = [pool.submit(create_group, gate, admin, f"team-{n}") for n in range(3 * WRITERS)]
            assert not wait(tried, 0.1).done
            held.let_go()
        for each in tried:
            each.result(A_BUSY_SECOND)
