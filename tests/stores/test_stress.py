"""Issue 4, "Consistency": replicas under concurrent writers, slow transactions, lost hints, a pause and a restore.

No timing decides: each wait is for something that has to happen, and may take as long as a busy machine needs.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
import pytest

from gatepost import memory
from gatepost.gate import Gatepost
from gatepost.graphs import load_graph
from gatepost.store import changelog
from gatepost.store.relations import relate
from gatepost.store.revision import Revision
from gatepost.store.tail import POLL_SECONDS, Tail
from gatepost.stores.errors import StoreError
from gatepost.stores.listing import delete_store
from gatepost.stores.models import write_version
from tests.conftest import ADMIN, OpenGate
from tests.store.child import run_python
from tests.store.deaf import Deaf
from tests.stores.shop import SHOP, drop, holds, parsed, put, shop
from tests.stores.storm import GENEROUS, Backup, answers, assert_settled, newest, state, storm
from tests.waiting import eventually

CHILD = "import sys\nfrom tests.stores.storm import main\nmain(sys.argv[1])"
CHANGES_EACH = 25
BUILT_IN = files("gatepost.access").joinpath("builtin.fga").read_text("utf-8")
WIDER = parsed(BUILT_IN + "\ntype report\n  relations\n    define view: [user]\n")
LENDING = SHOP.replace("define owner: [user]", "define owner: [user]\n    define lender: [user]")


class Child:
    """A replica in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def tell(self, *words: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, "the other process is gone"
        return line

    def loads(self) -> int:
        """How often it has loaded everything anew."""
        self.tell("at")
        return int(self.answer().split()[1])

    def is_at(self, revision: Revision) -> bool:
        self.tell("at")
        return self.answer().split()[0] == str(revision)

    def assert_settled(self, fresh: Gatepost) -> None:
        """Assert that it gets by itself to what somebody reads who begins now."""
        eventually(lambda: self.is_at(newest(fresh)), GENEROUS, "the other process gets there")
        self.tell("state")
        assert ast.literal_eval(self.answer()) == (state(fresh), answers(fresh))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process where it stands.  It is told nothing meanwhile, so it is in the middle of no change."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@pytest.fixture
def child(gate: Gatepost, gate_url: str) -> Iterator[Child]:
    with run_python(CHILD, gate_url) as process:
        child = Child(process)
        assert child.answer() == "ready"
        yield child
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=GENEROUS) == 0


@pytest.fixture
def deaf(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Iterator[Gatepost]:
    """A replica that no hint reaches."""
    replica = open_gate(gate_url, follow=False)
    tail = Tail(Deaf(), replica.memory.catch_up)
    tail.start()
    yield replica
    tail.stop()


def come_and_go(gate: Gatepost, other: Gatepost) -> None:
    """Stores are made, filled, asked about elsewhere, given another model, and deleted."""
    for _ in range(3):
        store = shop(gate)
        put(gate, store, "doc:1#viewer@user:ann")
        assert holds(other, store, "doc:1#viewer@user:ann", newest=True)
        newer = write_version(other, ADMIN, store, parsed(LENDING))
        gate.memory.catch_up()
        put(gate, store, "doc:1#lender@user:ann")
        assert holds(other, store, "doc:1#lender@user:ann", newer, newest=True)
        delete_store(other, ADMIN, store)
        with pytest.raises(StoreError, match="No authorization models"):
            holds(gate, store, "doc:1#viewer@user:ann", newest=True)


def ask_elsewhere(gate: Gatepost, other: Gatepost, store: str) -> None:
    """What was answered here is true there: at once when asked, and by itself."""
    for number in range(8):
        in_store, shared = f"doc:p{number}#viewer@user:pat", f"collection:p{number}#viewer@user:pat"
        other.memory.stores._opened = {}  # as when room was made for others: loaded anew while everybody writes
        put(gate, store, in_store)
        assert holds(other, store, in_store, newest=True)
        drop(gate, store, in_store)
        assert not holds(other, store, in_store, newest=True)
        put(gate, "main", shared)
        asked = "user:pat", "view", f"collection:p{number}"
        assert other.check(*asked, at_least=gate.memory.revision).allowed
        drop(gate, "main", shared)
        reached = gate.memory.revision
        eventually(lambda: other.has_reached(reached), GENEROUS, "it arrives without asking")  # noqa: B023
        assert not other.check(*asked).allowed


def slowly(gate: Gatepost, store: str, others: Callable[[], object]) -> None:
    """A writer that has its revision first and commits last: it goes on when `others` have come to wait for it."""
    with gate.change_unasked() as tx:
        relate(tx, "doc:slow", "viewer", "user:slow", author="user:admin", store=store)
        others()


def one_waits(url: str) -> None:
    if url.startswith("postgresql"):
        eventually(lambda: somebody_waits(url), GENEROUS, "another writer waits for the head row")


def somebody_waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return row is not None and row[0] > 0


def lose_hints(url: str, done: threading.Event) -> None:
    """Cut whoever listens, again and again."""
    while url.startswith("postgresql") and not done.wait(POLL_SECONDS):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'gatepost-tail' AND datname = current_database()"
            )


def test_replicas_agree_after_a_storm(
    gate: Gatepost, deaf: Gatepost, child: Child, open_gate: OpenGate, gate_url: str
) -> None:
    stores, done = [shop(gate), shop(gate)], threading.Event()
    child.tell("storm", 1, CHANGES_EACH, *stores)
    with ThreadPoolExecutor(8) as pool:
        deafening = pool.submit(lose_hints, gate_url, done)
        working: list[Future[Any]] = [
            pool.submit(storm, each, seed, stores) for seed, each in enumerate((gate, gate, deaf), 2)
        ]
        working.append(pool.submit(come_and_go, gate, deaf))
        working.append(pool.submit(ask_elsewhere, gate, deaf, stores[0]))
        working.append(pool.submit(slowly, deaf, stores[1], lambda: one_waits(gate_url)))
        working.append(pool.submit(write_version, deaf, ADMIN, "main", WIDER))
        for done_by in working:
            done_by.result(timeout=GENEROUS)
        assert child.answer() == "done"
        done.set()
        deafening.result(timeout=GENEROUS)

    fresh = open_gate(gate_url, follow=False)
    assert_settled([gate, deaf], fresh)
    child.assert_settled(fresh)
    assert all("report" in each.memory.graph.model.types for each in (gate, deaf, fresh))
    assert holds(gate, stores[1], "doc:slow#viewer@user:slow")


def test_who_was_paused_past_the_pruning_loads_anew(
    gate: Gatepost, child: Child, open_gate: OpenGate, gate_url: str
) -> None:
    stores = [shop(gate), shop(gate)]
    child.tell("storm", 1, 10, *stores)
    assert child.answer() == "done"
    child.assert_settled(gate)
    loads = child.loads()

    with child.paused():
        storm(gate, 2, stores)
        delete_store(gate, ADMIN, stores.pop())
        stores.append(shop(gate))
        with gate.database.write() as connection:
            changelog.read_head(connection, lock=True)
            assert changelog.prune(connection, gate.now().replace(year=2100), keep=1) > 0
        storm(gate, 3, stores, 5)

    fresh = open_gate(gate_url, follow=False)
    child.assert_settled(fresh)
    assert child.loads() > loads
    assert_settled([gate], fresh)


def test_a_restore_while_all_are_writing_leaves_one_history(
    gate: Gatepost, deaf: Gatepost, child: Child, open_gate: OpenGate, gate_url: str
) -> None:
    """Whoever saw more than was restored forgets it, and nobody mixes the two histories."""
    stores = [shop(gate)]
    storm(gate, 1, stores, 10)
    backup, epoch = Backup(gate), gate.memory.revision.epoch
    gone = shop(gate)
    put(gate, gone, "doc:1#viewer@user:ann")
    put(gate, "main", "collection:lost#viewer@user:ann")
    assert holds(deaf, gone, "doc:1#viewer@user:ann", newest=True)

    child.tell("storm", 2, CHANGES_EACH, *stores)
    with ThreadPoolExecutor(3) as pool:
        working: list[Future[Any]] = [
            pool.submit(storm, each, seed, stores) for seed, each in enumerate((gate, deaf), 3)
        ]
        working.append(pool.submit(backup.restore))
        for done_by in working:
            done_by.result(timeout=GENEROUS)
    assert child.answer() == "done"

    fresh = open_gate(gate_url, follow=False)
    assert_settled([gate, deaf], fresh)
    child.assert_settled(fresh)
    for each in (gate, deaf):
        assert each.memory.revision.epoch != epoch
        assert gone not in each.memory.stores.records
        assert not each.check("user:ann", "view", "collection:lost").allowed


def test_what_is_written_while_a_graph_is_loaded_is_not_missed(
    gate: Gatepost, open_gate: OpenGate, gate_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment that a load sees and the moment from which the graph follows."""
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:early")
    other = open_gate(gate_url, follow=False)

    def load_while_others_write(*given: Any) -> Any:
        graph = load_graph(*given)
        put(gate, store, "doc:1#viewer@user:late")
        drop(gate, store, "doc:1#viewer@user:early")
        return graph

    with monkeypatch.context() as patched:
        patched.setattr(memory, "load_graph", load_while_others_write)
        assert holds(other, store, "doc:1#viewer@user:late")
    assert not holds(other, store, "doc:1#viewer@user:early")
    assert state(other) == state(open_gate(gate_url, follow=False))
