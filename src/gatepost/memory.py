"""What a process holds in memory: the graph, the signing keys, who is disabled, what was ended, and bounded caches.

It is fed by the changelog alone.  `catch_up` brings it to the newest revision, `applied` takes in a change of this very
process; both are idempotent, so it does not matter whether the tail or the writer comes first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, select

from gatepost.access import AuthorizationModel, Graph
from gatepost.cache import Cache
from gatepost.errors import Unavailable
from gatepost.graphs import StoreRecord, Stores, fingerprint, load_graph, tuple_change
from gatepost.records import AccessClaims, Profile, SessionRecord, TokenRecord
from gatepost.session_roles import RolesOfSessions
from gatepost.store import changelog, tables
from gatepost.store.changelog import Entry
from gatepost.store.revision import Head, Revision
from gatepost.store.store import Store
from gatepost.store.tuple_rows import MAIN, Row, tuple_rows
from gatepost.tokens.sealing import Sealer
from gatepost.tokens.signing_keys import Keyring, load_keys
from gatepost.vouched import VouchedTokens

log = logging.getLogger("gatepost.memory")

T = TypeVar("T")
SESSIONS_KEPT = 50_000
TOKENS_KEPT = 50_000
PROFILES_KEPT = 50_000
VERIFIED_KEPT = 20_000
ENDED_SWEPT_AT = 1_000
PROGRESS_EVERY = 1_000_000
ACCOUNTS = ("user", "service")


class Memory:
    """The state that *who* and *may* are answered from, without I/O."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        *,
        clock: Callable[[], float],
        model: Callable[[Connection], AuthorizationModel],
        model_is_fixed: bool = False,
        longest_token_life: timedelta,
        stale_for: timedelta,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._model = model
        self._model_is_fixed = model_is_fixed
        self._longest_life = longest_token_life.total_seconds() + 120
        self._stale_for = stale_for.total_seconds()
        self._lock = threading.RLock()
        self._moved = threading.Condition()
        self._head: Head | None = None
        self._rewound: Head | None = None  # what was the newest here when history turned out not to hold it
        self._fresh_at = 0.0
        self.reloads = 0
        self._published: tuple[Graph, str] | None = None  # and the id of its model: read as one, they belong together
        self.stores = Stores(clock)
        self.keys = Keyring()
        self.disabled: set[str] = set()
        self.gone: set[str] = set()  # deleted lately, and not made anew
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
        return self._current()[0]

    @property
    def model_id(self) -> str:
        """The id of the model that the platform's own store has now."""
        return "" if self._published is None else self._published[1]

    def graph_of(self, record: StoreRecord, model: str) -> Graph | None:
        """The graph of a store under one of its models; None if it has to be opened first.  Raises as `graph` does."""
        current, named = self._current()
        if record.is_main and model == named:
            return current
        return self.stores.opened(record, model)

    def _current(self) -> tuple[Graph, str]:
        published = self._published
        if published is None:
            raise Unavailable("the relationship graph is still being loaded")
        if time.monotonic() - self._fresh_at > self._stale_for:
            raise Unavailable("the database has not answered for too long to answer from memory")
        return published

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
        return self._published is not None and self._head is not None

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
        if (seen := self._rewound) is not None:
            # A new epoch tells every client and replica that older revisions say nothing any more.  It is written
            # without our lock: the writer that holds the head row may be waiting for it.  Until it is written, every
            # look tries again: a database that was just restored may be read-only for a while.
            self._store.new_epoch(seen)
            with self._lock:
                if self._rewound is seen:
                    self._rewound = None
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
        with self._moved:
            self._moved.notify_all()

    def wait_beyond(self, number: int, seconds: float) -> bool:
        """Wait until memory holds a revision after `number`, for so many seconds.  Answers whether it does."""
        with self._moved:
            return self._moved.wait_for(lambda: self.head.number > number, seconds)

    def _continues(self, mine: Head, connection: Connection, head: Head) -> bool:
        """Tell whether `head` continues the history that memory has seen."""
        if head.epoch != mine.epoch:
            return False
        if mine.number <= head.pruned_to and mine.number < head.number:
            log.info("the changelog was pruned past %s: loading anew", mine.revision)
            return False
        same = changelog.holds(connection, head, mine)
        if not same:
            log.error("the database was rewound: revision %s is not in its history", mine.revision)
            self._rewound = mine
        return same

    def _reload(self) -> None:
        with self._lock, self._store.snapshot() as connection:
            self._load(connection, changelog.read_head(connection))

    # -- other graphs -----------------------------------------------------------------------------------------------

    def open_graph(self, record: StoreRecord, model_id: str, model: AuthorizationModel) -> Graph:
        """Load the graph of a store under one of its models, beside what goes on, and let it follow from then on."""
        with self.stores.opening(record, model_id):
            graph = self.graph_of(record, model_id)
            while graph is None:
                graph = self._open(record, model_id, model)
        return graph

    def _open(self, record: StoreRecord, model_id: str, model: AuthorizationModel) -> Graph | None:
        with self._store.snapshot() as connection:
            loaded = changelog.read_head(connection)
            graph = load_graph(connection, record, model, self._clock, str(loaded.revision))
        self.catch_up()
        with self._lock, self._store.snapshot() as connection:
            # Nothing can move while we hold the lock: the graph takes what it has missed, and is at our revision then.
            # The log may have been pruned since memory looked at it, which is no rewinding: the same look says so.
            at = replace(self.head, pruned_to=changelog.read_head(connection).pruned_to)
            if not self._continues(loaded, connection, at):
                return None
            missed = [e for e in changelog.read_after(connection, loaded.number, at.number) if e.kind == "tuple"]
            graph.apply([tuple_change(e) for e in missed if e.payload["store"] == record.key], str(at.revision))
            self.stores.keep(record, model_id, graph)
        return graph

    # -- loading ----------------------------------------------------------------------------------------------------

    def _load(self, connection: Connection, head: Head) -> None:
        """Fill a new graph from one snapshot and swap it in whole: a check during the load never sees half of it."""
        graph = Graph(self._model(connection), self._clock)
        graph.load(_with_progress(tuple_rows(connection)), str(head.revision))
        self.stores.load(connection)
        users, sessions = tables.users, tables.sessions
        names = connection.execute(select(users.c.username).where(users.c.disabled_at.is_not(None))).scalars()
        disabled = {f"user:{name}" for name in names}
        self.disabled = self.disabled | disabled  # as long as the graph before it answers, whom that must not let in
        gone = self._recently_gone(connection)
        self.gone = self.gone | gone
        self.ended.update(self._recently_ended(connection, sessions))
        self.keys = load_keys(connection, self._sealer)
        self.vouched.load(connection)
        self.session_roles.load(connection)
        for cache in (self.sessions, self.tokens, self.profiles, self.verified):
            cache.clear()
        self._published = graph, self._id_of(graph.model)
        self.disabled, self.gone = disabled, gone
        self._now_at(head)
        self.reloads += 1

    def judged_by(self, model: AuthorizationModel, connection: Connection | None) -> Memory:
        """The same memory with the platform's tuples under another model, as `connection` sees both.  To ask, once.

        Without a connection there are no tuples, which load slowly: then nobody may anything.
        """
        graph = Graph(model, self._clock)
        if connection is not None:
            graph.load(tuple_rows(connection), str(self.revision))
        other = copy(self)
        other._published = graph, self.model_id  # noqa: SLF001 - it is one of us
        return other

    def _id_of(self, model: AuthorizationModel) -> str:
        posted = "" if self._model_is_fixed or self.stores.main is None else self.stores.main.model
        return posted or fingerprint(model)

    def _recently_ended(self, connection: Connection, sessions: Table) -> Iterator[tuple[str, float]]:
        since = self._clock() - self._longest_life
        log_table = tables.changelog
        horizon = datetime.fromtimestamp(since, UTC)
        query = select(sessions.c.id, sessions.c.ended_at).where(sessions.c.ended_at > horizon)
        for row in connection.execute(query):
            yield row.id, row.ended_at.timestamp()
        # Sessions of deleted people and deleted tokens have no row any more: the log still names them.
        # By the index, past the history of tuples, which is the most of it.
        kinds = log_table.c.kind.in_(("session", "token"))
        gone = select(log_table.c.key, log_table.c.at).where(
            log_table.c.store.is_(None), kinds, log_table.c.at > horizon
        )
        for row in connection.execute(gone):
            yield row.key, row.at.timestamp()

    def _recently_gone(self, connection: Connection) -> set[str]:
        """Whom the log names as deleted last, for as long as a call of theirs may go on: others' names are not gone."""
        t, horizon = tables.changelog, datetime.fromtimestamp(self._clock() - self._longest_life, UTC)
        accounts = and_(t.c.store.is_(None), t.c.kind.in_(ACCOUNTS), t.c.at > horizon)
        query = select(t.c.kind, t.c.key, t.c.payload).where(accounts).order_by(t.c.number, t.c.position)
        latest = {f"{row.kind}:{row.key}": row.payload for row in connection.execute(query)}
        return {name for name, last in latest.items() if _says_gone(last)}

    # -- applying ---------------------------------------------------------------------------------------------------

    def _apply(self, entries: list[Entry], head: Head, connection: Connection | None) -> bool:
        """Take in `entries`.  Answers False if the model is among them: its tuples have to be judged anew."""
        if self._published is None or any(e.kind == "model" and e.payload["store"] == MAIN for e in entries):
            return False
        # People and credentials first: while a revision arrives, nobody is let in on what it takes away.  Who was
        # disabled and is not any more, or is gone, comes last: nobody is let in on what they carried before it.
        for entry in entries:
            self._apply_one(entry)
        self.vouched.apply(entries)
        self.session_roles.apply(entries)
        if any(entry.kind == "key" for entry in entries):
            self.keys = self._read_keys(connection)
            self.verified.clear()
        self.stores.apply(entries, str(head.revision))
        changes = [tuple_change(e) for e in entries if e.kind == "tuple" and e.payload["store"] == MAIN]
        self._published[0].apply(changes, str(head.revision))
        self._admit(entries)
        return True

    def _read_keys(self, connection: Connection | None) -> Keyring:
        if connection is not None:
            return load_keys(connection, self._sealer)
        with self._store.read() as own:
            return load_keys(own, self._sealer)

    def _apply_one(self, entry: Entry) -> None:
        if entry.kind in ACCOUNTS:
            name = f"{entry.kind}:{entry.key}"
            if entry.payload.get("disabled"):
                self.disabled.add(name)
            if _says_gone(entry.payload):
                self.gone.add(name)
            if entry.kind == "user":
                self.profiles.drop(entry.key)
        elif entry.kind in ("session", "token"):
            self.ended[entry.key] = self._clock()
            cache: Cache[bytes, SessionRecord] | Cache[bytes, TokenRecord]
            cache = self.sessions if entry.kind == "session" else self.tokens
            if digest := entry.payload.get("digest"):
                cache.drop(bytes.fromhex(digest))
            if len(self.ended) > self._sweep_at:
                self._sweep_ended()

    def _admit(self, entries: list[Entry]) -> None:
        latest = {f"{e.kind}:{e.key}": e.payload for e in entries if e.kind in ACCOUNTS}
        self.disabled.difference_update(name for name, now in latest.items() if not now.get("disabled"))
        self.gone.difference_update(name for name, now in latest.items() if not _says_gone(now))

    def _sweep_ended(self) -> None:
        horizon = self._clock() - self._longest_life
        self.ended = {key: at for key, at in self.ended.items() if at > horizon}
        self._sweep_at = max(ENDED_SWEPT_AT, 2 * len(self.ended))  # so that each ending pays for a bounded share


def _says_gone(payload: Mapping[str, Any]) -> bool:
    return bool(payload.get("deleted") or payload.get("gone"))  # of a person, and of a service


def _with_progress(rows: Iterable[Row]) -> Iterator[Row]:
    count = 0
    for count, row in enumerate(rows, 1):
        if count % PROGRESS_EVERY == 0:
            log.info("loading the relationship graph: %s tuples so far", f"{count:,}")
        yield row
    log.info("the relationship graph is loaded: %s tuples", f"{count:,}")
