"""The store: reading, and changing under the head lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, text, update

from gatepost.audit.record import AuditRecord
from gatepost.records import ProviderToken
from gatepost.store import changelog, tables
from gatepost.store.changelog import Entry
from gatepost.store.database import failures, open_engine
from gatepost.store.revision import Head, Revision
from gatepost.store.turns import Turns

CHANNEL = "gatepost"


@dataclass(slots=True)
class Change:
    """An open write: it holds the head row, so nothing it has read can change before it commits.

    `log` feeds every process's memory, `record` the audit trail; both commit with the change or not at all.  `origin`
    is where the tuples come from that it writes, unless the writer says otherwise; `is_guarded` says that whoever opened
    it looks after the last admin, once for all that is done in it.
    `released` are tokens of providers that nothing here needs any more once it has committed.
    """

    connection: Connection
    base: Head
    at: datetime
    origin: str = "manual"
    is_guarded: bool = False
    entries: list[Entry] = field(default_factory=list)
    records: list[AuditRecord] = field(default_factory=list)
    released: list[ProviderToken] = field(default_factory=list)

    @property
    def revision(self) -> Revision:
        """The revision that this change has, or the current one if it turns out to change nothing."""
        return Revision(self.base.epoch, self.base.number + bool(self.entries))

    def log(self, kind: str, key: str, **payload: Any) -> None:
        self.entries.append(Entry(self.base.number + 1, kind, key, payload))

    def record(self, record: AuditRecord) -> None:
        self.records.append(record)


class Store:
    """One database.  `now`, `new_id` and `new_stamp` are given, so that tests hold the clock and the dice."""

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        new_stamp: Callable[[], str],
    ) -> None:
        self.engine: Engine = open_engine(url)
        self.now = now
        self.new_id = new_id
        self.new_stamp = new_stamp
        self._turns = Turns()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction.  Raises `Unavailable` if the database does not answer."""
        with failures(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read transaction in which every query sees the same moment."""
        with failures():
            level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            with self.engine.connect().execution_options(**level) as connection, connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write outside the changelog: last use, throttles, the audit of refusals.  It takes no head lock."""
        with failures(), self._turns.next():
            options = {"gatepost_writes": True}
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection

    @contextmanager
    def change(
        self, catch_up: Callable[[Connection, Head], None], applied: Callable[[Head, list[Entry]], None]
    ) -> Iterator[Change]:
        """Change something, under the head lock.

        `catch_up` is called with the locked head before the body runs, so that the body decides on the newest state;
        `applied` after the commit, so that this process's memory holds the change before anyone is answered.
        """
        with failures():
            options = {"gatepost_writes": True}
            with (
                self._turns.next(),
                self.engine.connect().execution_options(**options) as connection,
                connection.begin(),
            ):
                base = changelog.read_head(connection, lock=True)
                catch_up(connection, base)
                change = Change(connection, base, self.now())
                yield change
                head = self._seal(change)
            # Our turn is over: taking in the change may find that history was rewound, which has to be written.
            if change.entries:
                applied(head, change.entries)

    def _seal(self, change: Change) -> Head:
        head = change.base
        if change.entries:
            head = changelog.append(change.connection, head, change.entries, self.new_stamp(), change.at)
            if not self.is_sqlite:
                change.connection.execute(
                    text("SELECT pg_notify(:channel, :number)"), {"channel": CHANNEL, "number": str(head.number)}
                )
        self.write_audit(change.connection, [replace(r, revision=str(head.revision)) for r in change.records])
        return head

    def write_audit(self, connection: Connection, records: list[AuditRecord]) -> None:
        if records:
            rows = [
                {c.name: _storable(getattr(record, c.name)) for c in tables.audit.columns}
                | {"id": record.id or self.new_id()}
                for record in records
            ]
            connection.execute(insert(tables.audit), rows)

    def new_epoch(self, seen: Head) -> None:
        """Start a new epoch: history was rewound (a restore, a fail-over), so no older revision can be trusted.

        Nor can any session: what was lost may have ended it, or spent its refresh token.  So all of them end, and their
        families of refresh tokens with them.  `seen` is what the history has lost.  Of several processes that notice, one
        does this; and none if it was another's look that was behind, such as a standby's that something between us asked.
        """
        with self.write() as connection:
            old = changelog.read_head(connection, lock=True)
            if old.epoch != seen.epoch or changelog.holds(connection, old, seen):
                return
            # The stamp stays: the changelog holds it, and another one would look like one more rewinding to whoever
            # compares the two at the next change.
            fresh = replace(old, epoch=self.new_stamp()[:8])
            connection.execute(update(tables.head).where(tables.head.c.id == 1).values(epoch=fresh.epoch))
            t, now = tables.sessions, self.now()
            over = {"ended_at": now, "id_token": None, "provider_token": None}
            ended = connection.execute(update(t).where(t.c.ended_at.is_(None)).values(over)).rowcount
            connection.execute(tables.refresh_tokens.delete())
            self.write_audit(connection, [_rewound(fresh, now, ended)])

    def head(self) -> Head:
        with self.read() as connection:
            return changelog.read_head(connection)

    def close(self) -> None:
        self.engine.dispose()


def _rewound(head: Head, at: datetime, sessions: int) -> AuditRecord:
    return AuditRecord(
        event="platform.rewound",
        target="platform:main",
        subject="platform:main",
        method="",
        at=at,
        revision=str(head.revision),
        reason="the database went back to an older state: every session has ended",
        detail={"sessions": sessions},
    )


def _storable(value: Any) -> Any:
    """Replace what no database takes as text.

    What was asked for stands in the record of its refusal as it came, and one bad character must not keep a whole
    batch of records from being written: that would be a way to be refused without a trace.
    """
    if not isinstance(value, str):
        return value
    return str(value).replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
