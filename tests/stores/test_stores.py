"""Stores: the platform's own and those beside it, each for itself, the same in every process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from gatepost import graphs
from gatepost.access import Graph
from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Principal
from gatepost.store import changelog, tables
from gatepost.stores.clearing import clear_deleted_stores
from gatepost.stores.errors import StoreError
from gatepost.stores.listing import create_store, delete_store, get_store, list_stores
from gatepost.stores.models import write_version
from gatepost.stores.pages import Paging
from tests.conftest import OpenGate
from tests.directory.people import person
from tests.stores.shop import SHOP, drop, history, holds, lines_of, parsed, put, shop


def test_the_platforms_own_store_has_an_id_for_good(
    gate: Gatepost, open_gate: OpenGate, gate_url: str, admin: Principal
) -> None:
    main = get_store(gate, admin, "main")
    assert len(main.id) == 26
    assert get_store(gate, admin, main.id) == main
    assert get_store(open_gate(gate_url), admin, "main").id == main.id


def test_a_database_older_than_stores_is_given_its_own(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> None:
    with gate.database.write() as connection:
        connection.execute(text("DELETE FROM stores"))
    assert get_store(open_gate(gate_url), person("admin"), "main").is_main


def test_stores_know_nothing_of_one_another(gate: Gatepost, admin: Principal) -> None:
    one, other = shop(gate), shop(gate)  # names need not differ
    put(gate, one, "doc:1#viewer@user:ann")
    assert holds(gate, one, "doc:1#viewer@user:ann")
    assert not holds(gate, other, "doc:1#viewer@user:ann")
    assert lines_of(gate, other) == history(gate, other) == []
    main = get_store(gate, admin, "main").id
    assert not any("user:ann" in line for line in lines_of(gate, main))
    with pytest.raises(StoreError, match="type 'doc' not found"):
        holds(gate, main, "doc:1#viewer@user:ann")


def test_roles_of_another_store_say_nothing_about_the_platform(gate: Gatepost) -> None:
    """A further store may have any types: `role` and `platform` mean there what its own model says."""
    store = shop(
        gate,
        """
model
  schema 1.1
type user
type platform
type role
  relations
    define assignee: [user]
    define permission: [platform]
type doc
  relations
    define view: [user]
""",
    )
    put(gate, store, "role:admin#assignee@user:mallory", "role:admin#permission@platform:doc.view")
    assert holds(gate, store, "role:admin#assignee@user:mallory")
    assert not holds(gate, store, "doc:1#view@user:mallory")
    assert not gate.check("user:mallory", "user:delete", "platform:main").allowed


def test_other_processes_see_stores_models_and_tuples(gate: Gatepost, second_gate: Gatepost) -> None:
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:ann")
    assert holds(second_gate, store, "doc:1#viewer@user:ann")
    drop(gate, store, "doc:1#viewer@user:ann")
    assert not holds(second_gate, store, "doc:1#viewer@user:ann", newest=True)
    put(second_gate, store, "doc:2#viewer@user:ann")
    assert holds(gate, store, "doc:2#viewer@user:ann", newest=True)
    lending = SHOP.replace("define owner: [user]", "define owner: [user]\n    define lender: [user]")
    newer = write_version(second_gate, person("admin"), store, parsed(lending))
    assert holds(gate, store, "doc:2#viewer@user:ann", newer, newest=True)
    put(gate, store, "doc:2#lender@user:bob")


def test_a_graph_that_is_loaded_while_others_write_misses_nothing(gate: Gatepost, second_gate: Gatepost) -> None:
    """Writers go on in both processes while one loads the store again and again."""
    store = shop(gate)
    stop = threading.Event()

    def load() -> int:
        count = 0
        while not stop.is_set():
            second_gate.memory.stores._opened = {}
            holds(second_gate, store, "doc:0#viewer@user:ann")
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        for number in range(25):
            put(gate, store, f"doc:{number}#viewer@user:ann")
            put(second_gate, store, f"doc:{number}#owner@user:ann")
            drop(gate, store, f"doc:{number}#viewer@user:ann")
            if number % 2:
                drop(second_gate, store, f"doc:{number}#owner@user:ann")
        stop.set()
        assert loading.result(timeout=60) > 0
    for number in range(25):
        assert holds(second_gate, store, f"doc:{number}#viewer@user:ann", newest=True) == (number % 2 == 0)


def test_only_so_many_graphs_are_kept(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST_OPEN", 2)
    stores = [shop(gate) for _ in range(3)]
    for store in stores:
        put(gate, store, "doc:1#viewer@user:ann")
        assert holds(gate, store, "doc:1#viewer@user:ann")
    assert len(gate.memory.stores._opened) == 2
    assert all(holds(gate, store, "doc:1#viewer@user:ann") for store in stores)


def test_nobody_waits_for_another_stores_graph(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one takes its time to load: whoever asks about it waits, each other store is opened meanwhile."""
    large, small = shop(gate), shop(gate)
    for store in (large, small):
        put(gate, store, "doc:1#viewer@user:ann")
    begun, go_on, loads = threading.Event(), threading.Event(), list[str]()
    load = graphs.load_graph

    def slow(connection: Connection, record: StoreRecord, *rest: Any) -> Graph:
        loads.append(record.id)
        if record.id == large:
            begun.set()
            assert go_on.wait(60)
        return load(connection, record, *rest)

    monkeypatch.setattr("gatepost.memory.load_graph", slow)
    with ThreadPoolExecutor(2) as pool:
        try:
            waiting = [pool.submit(holds, gate, large, "doc:1#viewer@user:ann") for _ in range(2)]
            assert begun.wait(60)
            assert holds(gate, small, "doc:1#viewer@user:ann")
            assert not any(each.done() for each in waiting)
        finally:
            go_on.set()
        assert all(each.result(timeout=60) for each in waiting)
    assert sorted(loads) == sorted([large, small]), "each once, however many asked"


def test_a_log_that_is_pruned_while_a_graph_is_loaded_is_no_rewound_history(
    gate: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:ann")
    shop(gate)  # the revision at which the load begins is of a kind that is pruned
    epoch, catch_up, load = gate.memory.revision.epoch, gate.memory.catch_up, graphs.load_graph

    def loaded(*given: Any) -> Graph:
        graph = load(*given)
        monkeypatch.setattr("gatepost.memory.load_graph", load)
        monkeypatch.setattr(gate.memory, "catch_up", caught_up_and_pruned)
        return graph

    def caught_up_and_pruned() -> None:
        monkeypatch.setattr(gate.memory, "catch_up", catch_up)
        put(gate, store, "doc:2#viewer@user:ann")
        catch_up()
        with gate.database.write() as connection:
            changelog.prune(connection, gate.now().replace(year=2030), 0)

    monkeypatch.setattr("gatepost.memory.load_graph", loaded)
    assert holds(gate, store, "doc:1#viewer@user:ann")
    assert holds(gate, store, "doc:2#viewer@user:ann")
    gate.memory.catch_up()
    assert gate.memory.revision.epoch == epoch


def test_a_deleted_store_is_gone_for_everybody_and_then_cleared_away(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    store, other = shop(gate), shop(gate)
    put(gate, store, *(f"doc:{number}#viewer@user:ann" for number in range(90)))
    put(gate, other, "doc:1#viewer@user:ann")
    assert holds(second_gate, store, "doc:1#viewer@user:ann")

    delete_store(gate, admin, store)

    second_gate.memory.catch_up()
    for each in (gate, second_gate):
        with pytest.raises(StoreError, match="No authorization models"):
            holds(each, store, "doc:1#viewer@user:ann")
        with pytest.raises(StoreError, match="Store ID not found"):
            lines_of(each, store)
    delete_store(gate, admin, store)  # and again: nothing
    assert clear_deleted_stores(gate) > 90
    with gate.database.read() as connection:
        left = select(func.count()).select_from(tables.tuples).where(tables.tuples.c.store == store)
        assert connection.execute(left).scalar() == 0
    assert holds(second_gate, other, "doc:1#viewer@user:ann")
    assert second_gate.memory.revision.epoch == gate.memory.revision.epoch, "nobody takes it for a rewound history"


def test_the_history_of_a_deleted_store_goes_when_nobody_can_need_it(gate: Gatepost, admin: Principal) -> None:
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:ann")
    delete_store(gate, admin, store)
    clear_deleted_stores(gate)
    rows = select(func.count()).select_from(tables.changelog).where(tables.changelog.c.store == store)
    with gate.database.read() as connection:
        assert connection.execute(rows).scalar() == 1, "another process may still have to read it"
    with gate.change_unasked() as tx:
        changelog.prune(tx.connection, gate.now().replace(year=2030), 0)
    clear_deleted_stores(gate)
    with gate.database.read() as connection:
        assert connection.execute(rows).scalar() == 0
        assert connection.execute(select(tables.stores.c.id).where(tables.stores.c.id == store)).first() is None


def test_the_platforms_own_store_cannot_be_deleted(gate: Gatepost, admin: Principal) -> None:
    with pytest.raises(StoreError) as refused:
        delete_store(gate, admin, "main")
    assert refused.value.status == 409


def test_stores_are_listed_page_by_page_and_by_name(gate: Gatepost, admin: Principal) -> None:
    made = [create_store(gate, admin, name).id for name in ("one", "two", "one")]
    found, token = [], ""
    while True:
        page = list_stores(gate, admin, Paging(2, token))
        found += [record.id for record in page.items]
        token = page.token
        if not token:
            break
    assert found == sorted(found)
    assert set(made) < set(found)
    assert [record.id for record in list_stores(gate, admin, Paging(), "one").items] == [made[0], made[2]]


def test_each_change_is_in_the_audit_trail(gate: Gatepost, admin: Principal) -> None:
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:ann")
    delete_store(gate, admin, store)
    wanted = Filter(target=f"store:{store}")
    events = [record.event for record in read_audit(gate, admin, Wanted(limit=50, cursor=""), wanted).items]
    assert sorted(events) == ["store.created", "store.deleted", "store.model_written", "store.tuples_written"]


def test_whoever_may_not_changes_nothing(gate: Gatepost, admin: Principal) -> None:
    store = shop(gate)
    nobody = person("ann")
    for refused in (
        lambda: create_store(gate, nobody, "mine"),
        lambda: delete_store(gate, nobody, store),
        lambda: put(gate, store, "doc:1#viewer@user:ann", caller=nobody),
        lambda: lines_of(gate, store, nobody),
        lambda: history(gate, store, nobody),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert lines_of(gate, store) == []
