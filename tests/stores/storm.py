"""Writers that change whatever there is, and what every replica has to hold once they have come to rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random
from typing import Any

from sqlalchemy import Connection

from gatepost.access import Graph
from gatepost.gate import Gatepost
from gatepost.store import changelog, tables
from gatepost.store.relations import relate, unrelate
from gatepost.store.revision import Revision
from gatepost.stores import writes
from gatepost.stores.changes import read_changes
from gatepost.stores.errors import StoreError
from gatepost.stores.pages import Paging
from gatepost.stores.questions import graph_of
from tests.conftest import ADMIN, settings_for
from tests.stores.shop import key, lines_of
from tests.waiting import eventually

GENEROUS = 60.0  # seconds: a machine may be busy; what matters is that it happens at all
PEOPLE, THINGS = 6, 6
ORIGINS = ("manual", "sso:corp")


def change_something(gate: Gatepost, chance: Random, stores: list[str]) -> None:
    """One change of one writer: in a store, on the platform's own, or in a group that two sources feed."""
    which = chance.randrange(3)
    if which == 0:
        group = f"group:g{chance.randrange(3)}", "member", f"user:u{chance.randrange(PEOPLE)}"
        with gate.change_unasked() as tx:
            if chance.randrange(3):
                relate(tx, *group, author="user:admin", origin=chance.choice(ORIGINS))
            else:
                unrelate(tx, *group, origin=chance.choice(ORIGINS))
        return
    store = chance.choice(stores) if which == 1 else "main"
    lines = [_line(chance, platform=which == 2) for _ in range(chance.randrange(1, 4))]
    keys = [key(line) for line in dict.fromkeys(lines)]
    added, removed = (keys, []) if chance.randrange(3) else ([], keys)
    wanted = writes.TupleWrite(writes=added, deletes=removed, ignore_duplicate=True, ignore_missing=True)
    writes.write_tuples(gate, ADMIN, store, wanted)


def storm(gate: Gatepost, seed: int, stores: list[str], count: int = 25) -> None:
    """So many changes, and after each a look at everything, so that there are memos to keep right."""
    chance = Random(seed)
    for _ in range(count):
        try:
            change_something(gate, chance, stores)
        except StoreError as error:
            if error.code != "Aborted":  # somebody has posted another model meanwhile
                raise
        answers(gate)


def _line(chance: Random, *, platform: bool) -> str:
    user, group, thing = chance.randrange(PEOPLE), chance.randrange(3), chance.randrange(THINGS)
    if platform:
        subject = chance.choice((f"user:u{user}", f"group:g{group}#member"))
        shared = f"collection:c{thing}#{chance.choice(('editor', 'viewer'))}@{subject}"
        return chance.choice((shared, f"dataset:d{thing}#parent@collection:c{chance.randrange(THINGS)}"))
    in_store = (
        f"group:g{group}#member@user:u{user}",
        f"group:g{group}#member@group:g{chance.randrange(group + 1)}x#member",
        f"doc:d{thing}#viewer@group:g{group}#member",
        f"doc:d{thing}#owner@user:u{user}",
        f"doc:d{thing}#parent@doc:d{THINGS + thing}",
    )
    return chance.choice(in_store)


def held(graph: Graph) -> list[str]:
    """Every tuple that a graph holds, by its forward edges; each has to stand in the reverse ones too."""
    with graph.lock:
        found = list(_tuples(graph))
        assert len(found) == graph.tuple_count, "the count is of the tuples that are there"
        return sorted(found)


def _tuples(graph: Graph) -> Iterator[str]:
    edges = graph.edges
    compiled = edges.compiled
    for number in range(1, len(edges.names)):
        for relation in compiled.cells[edges.kinds[number] >> 1]:
            forward = number << compiled.bits | relation
            for value in (*edges.held(forward), *edges.timed.get(forward, ())):
                assert forward in edges.pointing_at(value), "an edge that leads one way only"
                yield f"{edges.text(forward)}@{edges.text(value)}"


def places(gate: Gatepost) -> list[str]:
    """The stores that a process knows of, and that have a model."""
    return sorted(record.id for record in gate.memory.stores.records.values() if record.model or record.is_main)


def state(gate: Gatepost) -> dict[str, list[str]]:
    """What a process holds of each store."""
    return {store: held(graph_of(gate, store)[1]) for store in places(gate)}


def answers(gate: Gatepost) -> list[bool]:
    """What a process answers about everybody and everything, from whatever it has remembered."""
    asked = [("edit", f"collection:c{number}") for number in range(THINGS)]
    asked += [("view", f"dataset:d{number}") for number in range(THINGS)]
    return [gate.check(f"user:u{number}", *each).allowed for number in range(PEOPLE) for each in asked]


def replayed(gate: Gatepost, store: str) -> list[str]:
    """The tuples that somebody has who has read every change of a store from its beginning."""
    mirror: set[str] = set()
    token = ""
    while (page := read_changes(gate, ADMIN, store, Paging(37, token))).items:
        for event in page.items:
            (mirror.discard if event.deleted else mirror.add)(str(event.key))
        token = page.token
    return sorted(mirror)


def newest(gate: Gatepost) -> Revision:
    """The newest revision there is.  After a restore it may take several until everybody has the same epoch."""
    gate.memory.catch_up()
    return gate.memory.revision


def assert_settled(replicas: list[Gatepost], fresh: Gatepost) -> None:
    """Each replica holds what somebody reads who begins now, in every store, and so does the history."""
    eventually(
        lambda: all(each.memory.revision == newest(fresh) for each in replicas), GENEROUS, "it arrives by itself"
    )
    wanted, answered = state(fresh), answers(fresh)
    for each in replicas:
        assert state(each) == wanted
        assert answers(each) == answered
    for store in places(fresh):
        assert replayed(fresh, store) == sorted(lines_of(fresh, store))


class Backup:
    """All that a database holds, put back as a restore would: underneath, while everybody is at work."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        with gate.database.snapshot() as connection:
            self._rows = {table.name: _rows(connection, table.name) for table in tables.metadata.sorted_tables}

    def restore(self) -> None:
        with self._gate.database.write() as connection:
            changelog.read_head(connection, lock=True)
            others = [table for table in tables.metadata.sorted_tables if table is not tables.head]
            for table in reversed(others):
                connection.execute(table.delete())
            for table in others:
                if rows := self._rows[table.name]:
                    connection.execute(table.insert(), rows)
            # Writers wait for this row: were it another one, they would find none when we are done.
            connection.execute(tables.head.update().values(**self._rows["head"][0]))


def _rows(connection: Connection, name: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(tables.metadata.tables[name].select()).mappings()]


def main(url: str) -> None:
    """A replica in a process of its own, on command: `storm SEED COUNT STORE...`, `at`, `state`."""
    with Gatepost.open(settings_for(url)) as gate:
        print("ready", flush=True)
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "storm":
                gate.memory.catch_up()
                storm(gate, int(rest[0]), rest[2:], int(rest[1]))
                print("done", flush=True)
            elif word == "at":
                print(gate.memory.revision, gate.memory.reloads, flush=True)
            else:
                print(repr((state(gate), answers(gate))), flush=True)
