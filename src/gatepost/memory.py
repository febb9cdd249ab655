"""What a process holds in memory: the graph, the signing keys, who is disabled, what was ended, and bounded caches.

It is fed by the changelog alone.  `catch_up` brings it to the newest revision, `applied` takes in a change of this very
process; both are idempotent, so it does not matter whether the tail or the writer comes first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Table, select

from gatepost.access import AuthorizationModel, Graph, TupleChange
from gatepost.cache import Cache
from gatepost.errors import Unavailable
from gatepost.records import AccessClaims, Profile, SessionRecord, TokenRecord
from gatepost.session_roles import RolesOfSessions
from gatepost.store import changelog, tables
from gatepost.store.changelog import Entry
from gatepost.store.revision import Head, Revision
from gatepost.store.store import Store
from gatepost.tokens.sealing import Sealer
from gatepost.tokens.signing_keys import Keyring, load_keys
from gatepost.vouched import VouchedTokens

log = logging.getLogger("gatepost.memory")

T = TypeVar("T")
Row = tuple[str, str, str, float | None, str | None]

MAIN = "main"
SESSIONS_KEPT = 50_000
TOKENS_KEPT = 50_000
PROFILES_KEPT = 50_000
VERIFIED_KEPT = 20_000
ENDED_SWEPT_AT = 1_000
PROGRESS_EVERY = 1_000_000


class Memory:
    """The state that *who* and *may* are answered from, without I/O."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        *,
        clock: Callable[[], float],
        model: Callable[[Connection], AuthorizationModel],
        longest_token_life: timedelta,
        stale_for: timedelta,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._model = model
        self._longest_life = longest_token_life.total_seconds() + 120
        self._stale_for = stale_for.total_seconds()
        self._lock = threading.RLock()
        self._head: Head | None = None
        self._rewound = False
        self._fresh_at = 0.0
        self.reloads = 0
        self._graph: Graph | None = None
        self.keys = Keyring()
        self.disabled: set[str] = set()
        self.ended: dict[str, float] = {}
        self._sweep_at = ENDED_SWEPT_AT
        self.sessions: Cache[bytes, SessionRecord] = Cache(SESSIONS_KEPT)
        self.tokens: Cache[bytes, TokenRecord] = Cache(TOKENS_KEPT)
        self.profiles: Cache[str, Profile] = Cache(PROFILES_KEPT)
        self.verified: Cache[bytes, AccessClaims] = Cache(VERIFIED_KEPT)
        self.vouched = VouchedTokens(clock)
        self.session_roles = RolesOfSessions(clock)

    @property
    def graph(self) -> Graph:
        """The published graph.  Raises `Unavailable` before the first load, and when it is too old to answer from."""
        graph = self._graph
        if graph is None:
            raise Unavailable("the relationship graph is still being loaded")
        if time.monotonic() - self._fresh_at > self._stale_for:
            raise Unavailable("the database has not answered for too long to answer from memory")
        return graph

    @property
    def head(self) -> Head:
        if self._head is None:
            raise Unavailable("the relationship graph is still being loaded")
        return self._head

    @property
    def revision(self) -> Revision:
        return self.head.revision

    @property
    def is_loaded(self) -> bool:
        return self._graph is not None

    @property
    def behind_seconds(self) -> float:
        """Seconds since the database last confirmed what is held here."""
        return time.monotonic() - self._fresh_at if self._fresh_at else 0.0

    def has_ended(self, credential_id: str) -> bool:
        """Tell whether a session or a token was ended, for as long as anything derived from it could still be valid."""
        return credential_id in self.ended

    # -- following the changelog ------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Bring memory to the newest revision; reload if history was rewound, or the log was pruned past us."""
        # One moment for the head and the log: the log could be pruned between two looks, and leave a hole unseen.
        with self._lock, self._store.snapshot() as connection:
            followed = self._follow(connection, changelog.read_head(connection))
        if not followed:
            self._reload()
        if self._rewound:
            # A new epoch tells every client and replica that older revisions say nothing any more.  It is written
            # without our lock: the writer that holds the head row may be waiting for it.
            self._rewound = False
            self._store.new_epoch()
            self._reload()

    def catch_up_to(self, connection: Connection, head: Head) -> None:
        """Apply everything up to `head`, for a writer that holds the head row and reads through `connection`."""
        with self._lock:
            if not self._follow(connection, head):
                self._load(connection, head)  # nobody else can commit now, so these reads are of one moment

    def applied(self, head: Head, entries: list[Entry]) -> None:
        """Take in a change that this process has just committed."""
        with self._lock:
            mine = self._head
            if (
                mine is not None
                and head.epoch == mine.epoch
                and head.number == mine.number + 1
                and self._apply(entries, head, None)
            ):
                self._now_at(head)
                return
        self.catch_up()  # the tail was faster, or the model changed: the database knows

    def _follow(self, connection: Connection, head: Head) -> bool:
        """Apply what is new up to `head`.  Answers False where only a reload will do."""
        mine = self._head
        if mine is None or not self._continues(mine, connection, head):
            return False
        if head.number > mine.number:
            entries = list(changelog.read_after(connection, mine.number, head.number))
            if not self._apply(entries, head, connection):
                return False
        self._now_at(head)
        return True

    def _now_at(self, head: Head) -> None:
        self._head = head
        self._fresh_at = time.monotonic()

    def _continues(self, mine: Head, connection: Connection, head: Head) -> bool:
        """Tell whether `head` continues the history that memory has seen."""
        if head.epoch != mine.epoch:
            return False
        if mine.number <= head.pruned_to and mine.number < head.number:
            log.info("the changelog was pruned past %s: loading anew", mine.revision)
            return False
        if head.number == mine.number:
            same = head.stamp == mine.stamp
        else:
            known = mine.stamp if mine.number == 0 else changelog.stamp_of(connection, mine.number)
            same = head.number > mine.number and known == mine.stamp
        if not same:
            log.error("the database was rewound: revision %s is not in its history", mine.revision)
            self._rewound = True
        return same

    def _reload(self) -> None:
        with self._lock, self._store.snapshot() as connection:
            self._load(connection, changelog.read_head(connection))

    # -- loading ----------------------------------------------------------------------------------------------------

    def _load(self, connection: Connection, head: Head) -> None:
        """Fill a new graph from one snapshot and swap it in whole: a check during the load never sees half of it."""
        graph = Graph(self._model(connection), self._clock)
        graph.load(_with_progress(_tuple_rows(connection)), str(head.revision))
        users, sessions = tables.users, tables.sessions
        disabled = connection.execute(select(users.c.username).where(users.c.disabled_at.is_not(None))).scalars()
        self.disabled = {f"user:{name}" for name in disabled}
        self.ended.update(self._recently_ended(connection, sessions))
        self.keys = load_keys(connection, self._sealer)
        self.vouched.load(connection)
        self.session_roles.load(connection)
        for cache in (self.sessions, self.tokens, self.profiles, self.verified):
            cache.clear()
        self._graph = graph
        self._now_at(head)
        self.reloads += 1

    def _recently_ended(self, connection: Connection, sessions: Table) -> Iterator[tuple[str, float]]:
        since = self._clock() - self._longest_life
        log_table = tables.changelog
        horizon = datetime.fromtimestamp(since, UTC)
        query = select(sessions.c.id, sessions.c.ended_at).where(sessions.c.ended_at > horizon)
        for row in connection.execute(query):
            yield row.id, row.ended_at.timestamp()
        # Sessions of deleted people and deleted tokens have no row any more: the log still names them.
        gone = select(log_table.c.key, log_table.c.at).where(
            log_table.c.kind.in_(("session", "token")), log_table.c.at > horizon
        )
        for row in connection.execute(gone):
            yield row.key, row.at.timestamp()

    # -- applying ---------------------------------------------------------------------------------------------------

    def _apply(self, entries: list[Entry], head: Head, connection: Connection | None) -> bool:
        """Take in `entries`.  Answers False if the model is among them: its tuples have to be judged anew."""
        if self._graph is None or any(entry.kind == "model" for entry in entries):
            return False
        # People and credentials first: while a revision arrives, nobody is let in on what it takes away.
        for entry in entries:
            self._apply_one(entry)
        self.vouched.apply(entries)
        self.session_roles.apply(entries)
        if any(entry.kind == "key" for entry in entries):
            self.keys = self._read_keys(connection)
            self.verified.clear()
        changes = [_tuple_change(e) for e in entries if e.kind == "tuple" and e.payload["store"] == MAIN]
        self._graph.apply(changes, str(head.revision))
        return True

    def _read_keys(self, connection: Connection | None) -> Keyring:
        if connection is not None:
            return load_keys(connection, self._sealer)
        with self._store.read() as own:
            return load_keys(own, self._sealer)

    def _apply_one(self, entry: Entry) -> None:
        if entry.kind == "user":
            name = f"user:{entry.key}"
            if entry.payload.get("disabled"):
                self.disabled.add(name)
            else:
                self.disabled.discard(name)
            self.profiles.drop(entry.key)
        elif entry.kind in ("session", "token"):
            self.ended[entry.key] = self._clock()
            cache: Cache[bytes, SessionRecord] | Cache[bytes, TokenRecord]
            cache = self.sessions if entry.kind == "session" else self.tokens
            if digest := entry.payload.get("digest"):
                cache.drop(bytes.fromhex(digest))
            if len(self.ended) > self._sweep_at:
                self._sweep_ended()

    def _sweep_ended(self) -> None:
        horizon = self._clock() - self._longest_life
        self.ended = {key: at for key, at in self.ended.items() if at > horizon}
        self._sweep_at = max(ENDED_SWEPT_AT, 2 * len(self.ended))  # so that each ending pays for a bounded share


def _tuple_rows(connection: Connection) -> Iterator[Row]:
    """Every tuple of the platform's own store, as the graph takes it.

    Several origins may hold the same tuple; then the latest expiry counts.  Nearly all tuples have the origin `manual`,
    so only the others are gathered, and merged with the manual ones that they double.
    """
    others: dict[tuple[str, str, str], Row] = {}
    for row in _read_tuples(connection, "<>"):
        known = others.get(row[:3])
        others[row[:3]] = row if known is None else _longer(known, row)
    for row in _read_tuples(connection, "="):
        twin = others.pop(row[:3], None) if others else None
        yield row if twin is None else _longer(twin, row)
    yield from others.values()


def _read_tuples(connection: Connection, comparison: str) -> Iterator[Row]:
    """The driver's own cursor: a SQLAlchemy row for each of ten million tuples would double the load.

    On PostgreSQL it is one of the server's: psycopg's usual one takes all rows at once, which is gigabytes of memory, and
    then a transaction so long idle that the server ends it.
    """
    named = {"name": "gatepost_tuples"} if connection.dialect.name == "postgresql" else {}
    cursor = connection.connection.cursor(**named)
    columns = "object, relation, subject, expires_at, condition"
    cursor.execute(f"SELECT {columns} FROM tuples WHERE store = 'main' AND origin {comparison} 'manual'")  # noqa: S608
    while rows := cursor.fetchmany(10_000):
        for object_, relation, subject, expires_at, condition in rows:
            yield object_, relation, subject, None if expires_at is None else expires_at / 1e6, condition
    cursor.close()


def _longer(one: Row, other: Row) -> Row:
    if one[3] is None or other[3] is None:
        return one if one[3] is None else other
    return one if one[3] >= other[3] else other


def _with_progress(rows: Iterable[Row]) -> Iterator[Row]:
    count = 0
    for count, row in enumerate(rows, 1):
        if count % PROGRESS_EVERY == 0:
            log.info("loading the relationship graph: %s tuples so far", f"{count:,}")
        yield row
    log.info("the relationship graph is loaded: %s tuples", f"{count:,}")


def _tuple_change(entry: Entry) -> TupleChange:
    payload = entry.payload
    return TupleChange(
        object=payload["o"],
        relation=payload["r"],
        subject=payload["s"],
        removed=payload["gone"],
        expires_at=payload.get("expires"),
        condition=payload.get("condition"),
    )
