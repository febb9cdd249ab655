"""Design, "NOTIFY is a hint": what others change arrives within a second, however the hint got lost."""

from __future__ import annotations

import threading

import psycopg
import pytest

from gatepost.directory.groups import create_group
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.revision import Revision
from gatepost.store.tail import POLL_SECONDS, PostgresHints, SqliteHints, Tail, hints_for
from tests.conftest import OpenGate
from tests.store.child import run_python
from tests.store.deaf import Deaf
from tests.waiting import A_BUSY_SECOND, eventually


def arrives(gate: Gatepost, other: Gatepost) -> None:
    """Assert that what `other` has reached arrives at `gate` by itself."""
    wanted = other.memory.revision
    eventually(lambda: gate.has_reached(wanted), A_BUSY_SECOND, f"revision {wanted} arrives")


@pytest.fixture
def following(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url)


def test_a_change_made_elsewhere_arrives_by_itself(gate: Gatepost, following: Gatepost, admin: Principal) -> None:
    for number in range(5):
        create_group(gate, admin, f"group-{number}")
        arrives(following, gate)


def test_polling_alone_is_enough(gate: Gatepost, second_gate: Gatepost, admin: Principal) -> None:
    assert POLL_SECONDS <= 0.5  # the promise; a busy machine may keep the test waiting for longer
    tail = Tail(Deaf(), second_gate.memory.catch_up)
    tail.start()
    try:
        create_group(gate, admin, "team")
        arrives(second_gate, gate)
    finally:
        tail.stop()


@pytest.mark.postgres
def test_a_listening_connection_that_is_cut_is_opened_again(
    postgres_database: str, open_gate: OpenGate, admin: Principal
) -> None:
    writer, follower = open_gate(postgres_database, follow=False), open_gate(postgres_database)
    first = eventually(lambda: listeners(postgres_database), A_BUSY_SECOND, "the tail listens")

    for _ in range(2):
        cut(postgres_database, "gatepost-tail")
        create_group(writer, admin, f"group-{writer.memory.revision.number}")
        arrives(follower, writer)

    again = eventually(lambda: listeners(postgres_database), A_BUSY_SECOND, "the tail listens again")
    assert not again & first


@pytest.mark.postgres
def test_a_cut_of_every_connection_is_survived(postgres_database: str, open_gate: OpenGate, admin: Principal) -> None:
    """A fail-over or a pooler's restart: the pool and the tail both have to open new ones."""
    writer, follower = open_gate(postgres_database, follow=False), open_gate(postgres_database)

    cut(postgres_database, "gatepost-tail", "gatepost")
    create_group(writer, admin, "team")

    arrives(follower, writer)


def listeners(url: str) -> set[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'gatepost-tail' AND datname = current_database()"
        )
        return {pid for (pid,) in connection.execute(query)}


def cut(url: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = ANY (%s) AND datname = current_database()",
            [list(names)],
        )


@pytest.mark.postgres
def test_a_hint_comes_much_sooner_than_the_next_look(
    postgres_database: str, open_gate: OpenGate, admin: Principal
) -> None:
    """Else nobody would notice a broken LISTEN: polling hides it."""
    writer = open_gate(postgres_database, follow=False)
    hints = PostgresHints(writer.database)
    hints.wait(threading.Event())  # begins to listen; nothing has been said yet
    hinted = threading.Event()

    def wait_long() -> None:
        for _ in hints._connection.notifies(timeout=30, stop_after=1):
            hinted.set()

    waiting = threading.Thread(target=wait_long)
    waiting.start()
    create_group(writer, admin, "team")

    assert hinted.wait(A_BUSY_SECOND)
    waiting.join()
    hints.close()


def test_sqlite_tells_of_other_connections_commits(sqlite_url: str, open_gate: OpenGate, admin: Principal) -> None:
    gate = open_gate(sqlite_url, follow=False)
    hints = hints_for(gate.database)
    assert isinstance(hints, SqliteHints)
    before = hints._version()

    create_group(gate, admin, "team")

    assert hints._version() != before
    hints.close()


def test_a_tail_that_stumbles_goes_on(gate: Gatepost, second_gate: Gatepost, admin: Principal) -> None:
    """A tail that died would leave its process believing in revoked rights for ever."""
    troubles: list[Exception] = [Unavailable("the database does not answer"), ZeroDivisionError("a bug")]

    def catch_up() -> None:
        if troubles:
            raise troubles.pop()
        second_gate.memory.catch_up()

    tail = Tail(Deaf(), catch_up)
    tail.start()
    try:
        create_group(gate, admin, "team")
        arrives(second_gate, gate)
    finally:
        tail.stop()


def test_whoever_stops_does_not_wait_for_the_next_look(
    database_url: str, open_gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is told to end would end that much later."""
    monkeypatch.setattr("gatepost.store.tail.POLL_SECONDS", 3600.0)
    gate = open_gate(database_url)
    tail = gate._tail
    assert tail is not None
    if not gate.database.is_sqlite:
        eventually(lambda: listeners(database_url), A_BUSY_SECOND, "the tail listens")

    gate.close()

    assert not tail._thread.is_alive()
    gate.close()  # and once more, as a `with` block does around somebody's own close()


CHILD = """
import sys
from gatepost.directory.groups import create_group
from gatepost.gate import Gatepost
from gatepost.store.revision import Revision
from tests.conftest import ADMIN, settings_for
from tests.waiting import A_BUSY_SECOND, eventually

with Gatepost.open(settings_for(sys.argv[1])) as gate:
    create_group(gate, ADMIN, "of-the-child")
    print(gate.memory.revision, flush=True)
    wanted = Revision.parse(sys.stdin.readline().strip())
    eventually(lambda: gate.has_reached(wanted), A_BUSY_SECOND, "the parent's change arrives")
"""


def test_two_processes_on_one_database_hear_of_each_other(gate_url: str, open_gate: OpenGate, admin: Principal) -> None:
    gate = open_gate(gate_url)
    with run_python(CHILD, gate_url) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        wanted = Revision.parse(child.stdout.readline().strip())
        eventually(lambda: gate.has_reached(wanted), A_BUSY_SECOND, "the child's change arrives")
        create_group(gate, admin, "of-the-parent")
        child.stdin.write(f"{gate.memory.revision}\n")
        child.stdin.flush()
        assert child.wait(timeout=60) == 0
