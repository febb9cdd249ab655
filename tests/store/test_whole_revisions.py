"""Design, "One writer of the graph, many readers": no question sees half a change, or half a load.

Ann may view a dataset because she may view the collection it is in.  Each change moves the dataset and her share to
another collection at once, so she may view it at every revision; whoever sees one half of a change would say no.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatepost.directory.resources import NewResource, create_resource
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.relations import relate, unrelate

MOVES = 60
RELOADS = 20
READERS = 3
AUTHOR = "user:admin"


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    """Python changes threads two hundred times a second; a thousand times as often finds what is half done."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def moving(gate: Gatepost, admin: Principal) -> Gatepost:
    for name in ("one", "two"):
        create_resource(gate, admin, NewResource(type="collection", id=name))
    create_resource(gate, admin, NewResource(type="dataset", id="d"))
    with gate.change_unasked() as tx:
        relate(tx, "dataset:d", "parent", "collection:two", author=AUTHOR)
        relate(tx, "collection:two", "viewer", "user:ann", author=AUTHOR)
    return gate


def move(gate: Gatepost, source: str, target: str) -> None:
    with gate.change_unasked() as tx:
        unrelate(tx, "dataset:d", "parent", f"collection:{source}")
        unrelate(tx, f"collection:{source}", "viewer", "user:ann")
        relate(tx, "dataset:d", "parent", f"collection:{target}", author=AUTHOR)
        relate(tx, f"collection:{target}", "viewer", "user:ann", author=AUTHOR)


def wrong_answers(gate: Gatepost, while_: Callable[[], None]) -> tuple[int, int]:
    """Ask in several threads while `while_` runs.  Answers how often it was asked, and answered with a no."""
    done = threading.Event()

    def ask() -> tuple[int, int]:
        asked = wrong = 0
        while not done.is_set():
            asked += 1
            wrong += not gate.check("user:ann", "view", "dataset:d").allowed
        return asked, wrong

    with ThreadPoolExecutor(READERS) as pool:
        asking = [pool.submit(ask) for _ in range(READERS)]
        try:
            while_()
        finally:
            done.set()
        answers = [each.result(timeout=20) for each in asking]
    return sum(asked for asked, _ in answers), sum(wrong for _, wrong in answers)


def test_readers_never_see_half_a_change(moving: Gatepost) -> None:
    def change() -> None:
        for number in range(MOVES):
            move(moving, *(("two", "one") if number % 2 == 0 else ("one", "two")))

    asked, wrong = wrong_answers(moving, change)

    assert asked > MOVES
    assert wrong == 0


def test_a_process_that_follows_never_shows_half_a_change(moving: Gatepost, second_gate: Gatepost) -> None:
    """Several revisions may arrive in one look: they are published together, not tuple by tuple."""
    second_gate.memory.catch_up()

    def change() -> None:
        for number in range(MOVES):
            move(moving, *(("two", "one") if number % 2 == 0 else ("one", "two")))
            if number % 3 == 0:
                second_gate.memory.catch_up()

    asked, wrong = wrong_answers(second_gate, change)

    assert asked > MOVES
    assert wrong == 0


def test_a_full_load_is_never_seen_half(moving: Gatepost) -> None:
    def load() -> None:
        for _ in range(RELOADS):
            moving.memory._reload()

    asked, wrong = wrong_answers(moving, load)

    assert asked > RELOADS
    assert wrong == 0


def test_a_decision_names_the_revision_that_it_was_made_at(moving: Gatepost) -> None:
    before = moving.check("user:ann", "view", "dataset:d")
    move(moving, "two", "one")

    assert before.revision != str(moving.memory.revision)
    assert moving.check("user:ann", "view", "dataset:d").revision == str(moving.memory.revision)


def test_a_change_that_fails_is_never_seen(moving: Gatepost) -> None:
    def broken() -> None:
        with moving.change_unasked() as tx:
            unrelate(tx, "collection:two", "viewer", "user:ann")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert moving.check("user:ann", "view", "dataset:d").allowed
    moving.memory._reload()
    assert moving.check("user:ann", "view", "dataset:d").allowed
