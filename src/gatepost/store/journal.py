"""What a read leaves behind: last use, idle times, refusals, service-token calls.

They are kept in a bounded buffer and written in batches each second, outside the changelog: no request that only reads
waits for a write.  A crash loses at most what the last second held.  Changes never go through here.

What comes again and again, and would be alike each time (`note_now_and_then`), is written when it comes, and then once
for a quarter of an hour with how often it came.  A crash loses that number.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, update

from gatepost.audit.record import AuditRecord
from gatepost.errors import GatepostError
from gatepost.store import tables
from gatepost.store.store import Store

log = logging.getLogger("gatepost.store")

FLUSH_SECONDS = 1.0
HELD = timedelta(minutes=15)
MOST_RECORDS = 10_000
MOST_TOUCHES = 50_000

_Key = tuple[str, str, str, str, str, str]


class Journal:
    """The bounded buffer and the thread that empties it."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._records: dict[_Key, AuditRecord] = {}
        self._held: dict[_Key, AuditRecord | None] = {}
        self._held_since: dict[_Key, datetime] = {}
        self._tokens: dict[str, datetime] = {}
        self._sessions: dict[str, datetime] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gatepost-journal", daemon=True)
        self.dropped = 0

    def note(self, record: AuditRecord) -> None:
        """Keep a refusal or a call.  Alike ones of the same second are added up."""
        with self._lock:
            self._add(_key(record, record.address), record)

    def note_now_and_then(self, record: AuditRecord, *, place: str) -> None:
        """Keep what a caller may do as often as they like, and what is alike each time, wherever in `place` they are.

        The first is written at once; those that follow are one record, of the latest, at the end of a quarter of an
        hour, or when the trail is read here.
        """
        key = _key(record, place)
        with self._lock:
            if key not in self._held:
                self._add(key, record)
                if len(self._held) < MOST_RECORDS:
                    self._held[key], self._held_since[key] = None, record.at
                return
            held = self._held[key]
            self._held[key] = record if held is None else replace(record, count=held.count + record.count)

    def _add(self, key: _Key, record: AuditRecord) -> None:
        known = self._records.get(key)
        if known is not None:
            self._records[key] = replace(known, count=known.count + record.count)
        elif len(self._records) < MOST_RECORDS:
            self._records[key] = record
        else:
            self.dropped += 1

    def _let_go(self, *, all_of_them: bool) -> None:
        """Take into the next batch what was held long enough."""
        now = self._now()
        for key, since in list(self._held_since.items()):
            if not (all_of_them or now - since >= HELD):
                continue
            held = self._held[key]
            if held is not None:
                self._add(key, held)
                self._held[key], self._held_since[key] = None, now
            elif now - since >= HELD:
                del self._held[key], self._held_since[key]

    def token_used(self, token_id: str, at: datetime) -> None:
        with self._lock:
            _touch(self._tokens, token_id, at)

    def session_seen(self, session_id: str, at: datetime) -> None:
        with self._lock:
            _touch(self._sessions, session_id, at)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(FLUSH_SECONDS):
            self.try_to_flush()

    def try_to_flush(self, *, whole: bool = False) -> None:
        """Write what is buffered if that can be done; whoever reads what is written already is not kept from it."""
        try:
            self.flush(whole=whole)
        except GatepostError as error:
            log.warning("the journal cannot be written: %s", error)
        except Exception:
            log.exception("the journal stumbled and goes on")

    def flush(self, *, whole: bool = True) -> None:
        """Write what is buffered, in one transaction.  What cannot be written is kept for the next time."""
        with self._lock:
            self._let_go(all_of_them=whole)
            records, self._records = self._records, {}
            tokens, self._tokens = self._tokens, {}
            sessions, self._sessions = self._sessions, {}
        if not (records or tokens or sessions):
            return
        try:
            with self._store.write() as connection:
                self._store.write_audit(connection, list(records.values()))
                for table, column, touched in (
                    (tables.tokens, tables.tokens.c.last_used_at, tokens),
                    (tables.sessions, tables.sessions.c.last_seen_at, sessions),
                ):
                    if touched:
                        # Two replicas flush in any order: the later time stays.
                        query = (
                            update(table)
                            .where(table.c.id == bindparam("which"))
                            .where((column < bindparam("seen")) | column.is_(None))
                            .values({column: bindparam("seen")})
                        )
                        connection.execute(query, [{"which": w, "seen": at} for w, at in touched.items()])
        except BaseException:
            self._put_back(records, tokens, sessions)
            raise

    def _put_back(
        self, records: dict[_Key, AuditRecord], tokens: dict[str, datetime], sessions: dict[str, datetime]
    ) -> None:
        with self._lock:
            for key, record in records.items():
                self._add(key, record)
            for kept, old in ((self._tokens, tokens), (self._sessions, sessions)):
                for which, at in old.items():
                    if which not in kept:  # what came in the meantime is later
                        _touch(kept, which, at)

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self.try_to_flush(whole=True)


def _key(record: AuditRecord, place: str) -> _Key:
    return (record.event, record.outcome, record.subject, record.credential_id, record.target, place)


def _touch(kept: dict[str, datetime], which: str, at: datetime) -> None:
    if which in kept or len(kept) < MOST_TOUCHES:
        kept[which] = at
