"""Design, "Order": the tail never misses a row, for revisions are given in commit order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from gatepost.store import changelog
from gatepost.store.changelog import Entry
from gatepost.store.migrate import upgrade
from gatepost.store.revision import Head
from gatepost.store.store import Change, Store
from tests.dice import FakeDice
from tests.waiting import eventually

WRITERS = 6
CHANGES_EACH = 25


def ignore(*_: object) -> None:
    """There is no memory to feed here."""


@contextmanager
def changing(store: Store) -> Iterator[Change]:
    with store.change(ignore, ignore) as tx:
        yield tx


class Follower:
    """A tail at its barest: reads what is greater than the last that it saw, again and again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.at = store.head().number
        self.seen: list[Entry] = []

    def look(self) -> None:
        with self.store.snapshot() as connection:
            head = changelog.read_head(connection)
            self.seen += changelog.read_after(connection, self.at, head.number)
        self.at = head.number

    def follow(self, until: threading.Event) -> None:
        while not until.is_set():
            self.look()
        self.look()


def test_a_tail_sees_every_row_of_many_writers_in_order(store: Store, database_url: str) -> None:
    """Each writer is a process of its own, as far as the database can tell: its own engine, its own queue."""
    dice = FakeDice()
    stores = [Store(database_url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp) for _ in range(WRITERS)]
    done, follower = threading.Event(), Follower(store)

    def write(which: int) -> list[tuple[int, str]]:
        answered = []
        for number in range(CHANGES_EACH):
            with changing(stores[which]) as tx:
                tx.log("user", f"{which}-{number}")
                tx.log("user", f"{which}-{number}-second")
                answered.append((tx.revision.number, f"{which}-{number}"))
        return answered

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        following = pool.submit(follower.follow, done)
        try:
            answered = [pair for part in pool.map(write, range(WRITERS)) for pair in part]
        finally:
            done.set()
        following.result(timeout=30)
    for each in stores:
        each.close()

    assert [e.number for e in follower.seen] == sorted(list(range(1, WRITERS * CHANGES_EACH + 1)) * 2)
    assert {(e.number, e.key) for e in follower.seen if not e.key.endswith("second")} == set(answered)


def test_who_waits_for_a_slow_change_comes_after_it(store: Store, database_url: str) -> None:
    """The slow one has its number first and commits last: nobody may commit a greater number in between."""
    dice = FakeDice()
    other = Store(database_url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    follower, started, go_on = Follower(store), threading.Event(), threading.Event()

    def slow() -> int:
        with changing(store) as tx:
            tx.log("user", "slow")
            started.set()
            assert go_on.wait(timeout=10)
            return tx.revision.number

    def quick() -> int:
        with changing(other) as tx:
            tx.log("user", "quick")
            return tx.revision.number

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert started.wait(timeout=10)
        second = pool.submit(quick)
        follower.look()
        assert not second.done()
        go_on.set()
        assert (first.result(timeout=15), second.result(timeout=15)) == (1, 2)
    follower.look()
    other.close()

    assert [e.key for e in follower.seen] == ["slow", "quick"]


@pytest.mark.postgres
def test_a_sequence_would_lose_rows_for_good(postgres_database: str) -> None:
    """The naive form, to show that the trap is real: numbers are drawn in one order and committed in another."""
    with (
        psycopg.connect(postgres_database, autocommit=True) as reader,
        psycopg.connect(postgres_database) as slow,
        psycopg.connect(postgres_database) as quick,
    ):
        reader.execute("CREATE TABLE log (number bigserial PRIMARY KEY, what text NOT NULL)")
        slow.execute("INSERT INTO log (what) VALUES ('revoke')")
        quick.execute("INSERT INTO log (what) VALUES ('grant')")
        quick.commit()
        seen = reader.execute("SELECT number, what FROM log WHERE number > 0 ORDER BY number").fetchall()
        last = seen[-1][0]
        slow.commit()
        seen += reader.execute("SELECT number, what FROM log WHERE number > %s", (last,)).fetchall()

    assert [what for _, what in seen] == ["grant"], "the revocation is never seen"


def test_a_change_that_fails_leaves_no_gap(store: Store) -> None:
    with suppress(ZeroDivisionError), changing(store) as tx:
        tx.log("user", "never")
        raise ZeroDivisionError
    with changing(store) as tx:
        tx.log("user", "then")

    follower = Follower(store)
    follower.at = 0
    follower.look()
    assert [(e.number, e.key) for e in follower.seen] == [(1, "then")]


def test_a_change_that_changes_nothing_takes_no_revision(store: Store) -> None:
    with changing(store) as tx:
        pass

    assert (tx.revision.number, store.head().number) == (0, 0)


def test_the_body_of_a_change_sees_what_was_committed_before_it(store: Store, database_url: str) -> None:
    """`catch_up` is given the head that the body decides on, whoever wrote last."""
    dice = FakeDice()
    other = Store(database_url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    heads: list[Head] = []

    def note(_connection: object, head: Head) -> None:
        heads.append(head)

    for writer in (store, other, store):
        with writer.change(note, ignore) as tx:
            tx.log("user", "x")
    other.close()

    assert [head.number for head in heads] == [0, 1, 2]
    assert len({head.stamp for head in heads}) == 3


@pytest.mark.postgres
def test_a_server_set_to_repeatable_read_changes_nothing(postgres_database: str) -> None:
    """There, whoever waited for the head row would be refused instead of let on."""
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'".encode())
    write_from_two(postgres_database)


def write_from_two(url: str) -> None:
    dice = FakeDice()
    stores = [Store(url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp) for _ in range(2)]
    upgrade(stores[0])
    with ThreadPoolExecutor(1) as pool:
        with changing(stores[0]) as tx:
            tx.log("user", "first")
            waiting = pool.submit(log_one, stores[1])
            eventually(lambda: somebody_waits(url), 5, "the second writer waits for the head row")
        assert waiting.result(timeout=10) == 2
    for each in stores:
        each.close()


def log_one(store: Store) -> int:
    with changing(store) as tx:
        tx.log("user", "second")
        return tx.revision.number


def somebody_waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return row is not None and row[0] > 0
