"""The stores that there are, and the graphs of those beside the platform's own that are asked about.

A graph is loaded when a question first needs it, follows the changelog from then on, and makes room for another when
nobody has asked for the longest time.  One graph is one model over the tuples of one store: an older model of a store
has a graph of its own, the platform's own store included.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from gatepost.access import AuthorizationModel, Graph, TupleChange, format_model
from gatepost.access.model_json import read_model
from gatepost.store import tables
from gatepost.store.changelog import Entry
from gatepost.store.columns import from_micros, to_micros
from gatepost.store.tuple_rows import MAIN, tuple_rows

MOST_OPEN = 64
MOST_TUPLES = 2_000_000  # of all of them together, where it is more than one
ULID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """One store.  `key` is what its tuples name it by, `model` the id of the newest model that was posted to it."""

    key: str
    id: str
    name: str
    created_at: datetime
    model: str = ""

    @property
    def is_main(self) -> bool:
        return self.key == MAIN


@dataclass(slots=True)
class _Opened:
    graph: Graph
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0  # by so many threads


def _tuples(opened: dict[Place, _Opened]) -> int:
    return sum(each.graph.tuple_count for each in opened.values())


class Stores:
    """What memory knows of stores.  Changed under memory's lock; read without one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.records: dict[str, StoreRecord] = {}  # by id
        self.main: StoreRecord | None = None
        self._opened: dict[Place, _Opened] = {}
        self._turns: dict[Place, _Turn] = {}
        self._turns_lock = threading.Lock()

    def _now(self, records: dict[str, StoreRecord]) -> None:
        """Say which stores there are from now on."""
        self.records = records
        self.main = next((record for record in records.values() if record.is_main), None)

    def load(self, connection: Connection) -> None:
        """Read which stores there are.  Graphs that were open are let go: they may have missed something."""
        t, m = tables.stores, tables.models
        latest = select(m.c.store, func.max(m.c.id)).group_by(m.c.store)
        newest = {row[0]: row[1] for row in connection.execute(latest)}
        query = select(t).where(t.c.deleted_at.is_(None)).order_by(t.c.id)
        self._now(
            {
                row.id: StoreRecord(row.key, row.id, row.name, row.created_at, newest.get(row.key, ""))
                for row in connection.execute(query)
            }
        )
        self._opened = {}

    def opened(self, record: StoreRecord, model: str) -> Graph | None:
        """The graph of a store under one of its models, if it is in memory."""
        found = self._opened.get((record.key, model))
        if found is None:
            return None
        found.asked_at = time.monotonic()
        return found.graph

    @contextmanager
    def opening(self, record: StoreRecord, model: str) -> Iterator[None]:
        """Let one thread at a time load a graph.  Nobody waits here for another store's, however large."""
        place = (record.key, model)
        with self._turns_lock:
            turn = self._turns.setdefault(place, _Turn())
            turn.wanted += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._turns_lock:
                turn.wanted -= 1
                if not turn.wanted:
                    del self._turns[place]

    def keep(self, record: StoreRecord, model: str, graph: Graph) -> None:
        """Let a graph that is up to date be asked from now on."""
        if record.id not in self.records:
            return  # deleted in the meantime
        opened = dict(self._opened)
        while opened and (len(opened) >= MOST_OPEN or _tuples(opened) + graph.tuple_count > MOST_TUPLES):
            del opened[min(opened, key=lambda place: opened[place].asked_at)]
        opened[record.key, model] = _Opened(graph)
        self._opened = opened

    def apply(self, entries: Iterable[Entry], revision: str) -> None:
        """Take in one or more revisions, whole."""
        changes: dict[str, list[TupleChange]] = {}
        for entry in entries:
            if entry.kind == "tuple":
                changes.setdefault(entry.payload["store"], []).append(tuple_change(entry))
            elif entry.kind == "store":
                self._apply_store(entry)
            elif entry.kind == "model":
                self._apply_model(entry)
        for (key, _), opened in self._opened.items():
            if key in changes:
                opened.graph.apply(changes[key], revision)

    def _apply_store(self, entry: Entry) -> None:
        records = dict(self.records)
        if entry.payload.get("gone"):
            gone = records.pop(entry.key, None)
            if gone is not None:
                self._opened = {place: each for place, each in self._opened.items() if place[0] != gone.key}
        elif entry.key not in records:
            payload = entry.payload
            records[entry.key] = StoreRecord(payload["store"], entry.key, payload["name"], from_micros(payload["at"]))
        self._now(records)

    def _apply_model(self, entry: Entry) -> None:
        found = next((each for each in self.records.values() if each.key == entry.payload["store"]), None)
        if found is not None and entry.key > found.model:
            self._now(self.records | {found.id: replace(found, model=entry.key)})


def store_payload(record: StoreRecord) -> dict[str, object]:
    """What the changelog says of a new store."""
    return {"store": record.key, "name": record.name, "at": to_micros(record.created_at)}


def load_graph(
    connection: Connection, record: StoreRecord, model: AuthorizationModel, clock: Callable[[], float], revision: str
) -> Graph:
    """Load a graph of a store under `model`, as `connection` sees it."""
    # In another store `role` and `platform` are types like any other: they say nothing about the platform's rights.
    graph = Graph(model, clock, roles=record.is_main)
    graph.load(tuple_rows(connection, record.key), revision)
    return graph


def read_document(connection: Connection, store: str, model: str) -> AuthorizationModel | None:
    """Read a posted model, as it was posted.  None: there is no such model in this store."""
    m = tables.models
    query = select(m.c.document).where(m.c.store == store, m.c.id == model)
    document = connection.execute(query).scalar_one_or_none()
    return None if document is None else read_model(json.loads(document))


def fingerprint(model: AuthorizationModel) -> str:
    """An id for a model that nobody posted: the built-in one, or the configured file's.  The same text, the same id."""
    value = int.from_bytes(hashlib.sha256(format_model(model).encode()).digest()[:16]) >> 3  # 125 bits: 25 letters
    return "0" + "".join(ULID_ALPHABET[value >> shift & 31] for shift in range(120, -5, -5))


def tuple_change(entry: Entry) -> TupleChange:
    """What a row of the changelog does to a graph."""
    payload = entry.payload
    return TupleChange(
        object=payload["o"],
        relation=payload["r"],
        subject=payload["s"],
        removed=payload["gone"],
        expires_at=payload.get("expires"),
        condition=payload.get("condition"),
    )
