"""What became of tuples: from the beginning, complete, in order, and as it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice

import pytest

from gatepost.gate import Gatepost
from gatepost.housekeeping import prune_changelog
from gatepost.principal import Principal
from gatepost.store import changelog
from gatepost.stores import changes
from gatepost.stores.changes import read_changes, watch
from gatepost.stores.errors import StoreError
from gatepost.stores.pages import Paging
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.stores.shop import drop, history, put, shop, told

FIRST = ["+ doc:1#viewer@user:ann", "+ doc:2#viewer@user:ann", "- doc:1#viewer@user:ann", "+ doc:1#owner@user:bob"]


@pytest.fixture
def store(gate: Gatepost) -> str:
    store, other = shop(gate), shop(gate)
    put(gate, store, "doc:1#viewer@user:ann", "doc:2#viewer@user:ann")
    put(gate, other, "doc:1#viewer@user:zoe")
    drop(gate, store, "doc:1#viewer@user:ann")
    put(gate, store, "doc:1#owner@user:bob")
    return store


@pytest.mark.parametrize("size", [1, 3, 100])
def test_every_change_is_told_once_and_in_order(gate: Gatepost, store: str, size: int) -> None:
    """Also where a page ends in the middle of a revision."""
    assert history(gate, store, size=size) == FIRST


def test_the_history_outlives_the_pruning_of_the_log(gate: Gatepost, store: str, dice: FakeDice) -> None:
    cursor = read_changes(gate, ADMIN, store, Paging(1)).token
    dice.advance(timedelta(days=400))
    prune_changelog(gate)
    with gate.change_unasked() as tx:
        changelog.prune(tx.connection, gate.now() + timedelta(days=1), 0)
    assert history(gate, store) == FIRST
    rest = read_changes(gate, ADMIN, store, Paging(100, cursor))
    assert [told(event) for event in rest.items] == FIRST[1:]
    put(gate, store, "doc:9#viewer@user:ann")
    assert [told(e) for e in read_changes(gate, ADMIN, store, Paging(100, rest.token)).items] == [
        "+ doc:9#viewer@user:ann"
    ]


def test_a_cursor_is_good_for_asking_again(gate: Gatepost, store: str) -> None:
    end = read_changes(gate, ADMIN, store, Paging(100)).token
    again = read_changes(gate, ADMIN, store, Paging(100, end))
    assert (again.items, again.token) == ([], end)


def test_changes_of_one_type_and_since_a_moment(gate: Gatepost, store: str, dice: FakeDice) -> None:
    assert history(gate, store, kind="doc") == FIRST
    assert history(gate, store, kind="do") == history(gate, store, kind="group") == []
    cursor = read_changes(gate, ADMIN, store, Paging(1), "doc").token
    with pytest.raises(StoreError) as refused:
        read_changes(gate, ADMIN, store, Paging(1, cursor), "group")
    assert refused.value.code == "query_string_type_continuation_token_mismatch"
    dice.advance(timedelta(hours=1))
    put(gate, store, "doc:9#viewer@user:ann")
    late = read_changes(gate, ADMIN, store, Paging(10), since=dice.now() - timedelta(minutes=1))
    assert [told(event) for event in late.items] == ["+ doc:9#viewer@user:ann"]


def test_a_cursor_of_another_store_or_of_a_rewound_history_is_refused(gate: Gatepost, store: str) -> None:
    """After a restore the same number is another change: going on there would lose some without a word."""
    other = shop(gate)
    with pytest.raises(StoreError) as refused:
        read_changes(gate, ADMIN, other, Paging(1, read_changes(gate, ADMIN, store, Paging(1)).token))
    assert refused.value.code == "invalid_continuation_token"
    cursor = read_changes(gate, ADMIN, store, Paging(100)).token
    with gate.database.write() as connection:
        connection.exec_driver_sql("UPDATE changelog SET stamp = 'restored' WHERE store = " + f"'{store}'")
    with pytest.raises(StoreError) as refused:
        read_changes(gate, ADMIN, store, Paging(1, cursor))
    assert refused.value.code == "invalid_continuation_token"


def test_a_watch_tells_what_happens_in_any_process(
    gate: Gatepost, second_gate: Gatepost, store: str, admin: Principal
) -> None:
    cursor = read_changes(gate, admin, store, Paging(100)).token
    stop = threading.Event()
    seen: Iterator[changes.TupleEvent] = watch(gate, admin, store, cursor, going_on=lambda: not stop.is_set())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(islice(seen, 6)))
        for number in range(3):
            put(gate, store, f"doc:{number}#owner@user:eve")
            put(second_gate, store, f"doc:{number}#viewer@user:eve")
        found = waiting.result(timeout=20)
    stop.set()
    assert [told(event) for event in found] == [
        f"+ doc:{number}#{relation}@user:eve" for number in range(3) for relation in ("owner", "viewer")
    ]
    assert list(watch(gate, admin, store, found[-1].cursor, going_on=_times(1))) == []
    assert [told(e) for e in watch(gate, admin, store, found[4].cursor, going_on=_times(1))] == [told(found[5])]


def _times(count: int) -> Callable[[], bool]:
    left = iter([True] * count)
    return lambda: next(left, False)


def test_writers_in_two_processes_make_one_history(gate: Gatepost, second_gate: Gatepost) -> None:
    """Whatever the order in which they commit: a reader from a cursor never misses one."""
    store = shop(gate)
    done = threading.Event()

    def write(each: Gatepost, name: str) -> None:
        for number in range(20):
            put(each, store, f"doc:{number}#viewer@user:{name}")

    def follow() -> list[str]:
        found, token = [], ""
        while True:
            last = done.is_set()
            page = read_changes(gate, ADMIN, store, Paging(7, token))
            found += [told(event) for event in page.items]
            token = page.token
            if last and not page.items:
                return found

    with ThreadPoolExecutor(3) as pool:
        following = pool.submit(follow)
        writing = [pool.submit(write, gate, "ann"), pool.submit(write, second_gate, "bob")]
        for each in writing:
            each.result(timeout=60)
        done.set()
        found = following.result(timeout=60)
    assert found == history(gate, store)
    assert sorted(found) == sorted(
        f"+ doc:{number}#viewer@user:{who}" for number in range(20) for who in ("ann", "bob")
    )
