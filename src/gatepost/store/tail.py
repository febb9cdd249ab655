"""Following the changelog: wait until it may have grown, then catch up.

A notification is only a hint: connections break, poolers swallow LISTEN, and a hint can come before its commit is visible.
So the tail also looks by itself, at least twice a second, and it is the looking that counts.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Protocol

from gatepost.errors import GatepostError
from gatepost.store.database import sqlite_file
from gatepost.store.store import CHANNEL, Store

log = logging.getLogger("gatepost.store")

POLL_SECONDS = 0.4
SQLITE_LOOK_SECONDS = 0.05


class Hints(Protocol):
    """Where hints come from.  `wait` returns after a hint, after `POLL_SECONDS` without one, or once it is stopped."""

    def wait(self, stopped: threading.Event) -> None: ...

    def wake(self) -> None:
        """End a `wait` of another thread, once `stopped` is set."""

    def close(self) -> None: ...


class SqliteHints:
    """`PRAGMA data_version` on a connection of its own: it changes when another connection has committed."""

    def __init__(self, store: Store) -> None:
        file = sqlite_file(store.engine)
        if file is None:
            raise ValueError("SqliteHints is for SQLite")
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def wait(self, stopped: threading.Event) -> None:
        for _ in range(int(POLL_SECONDS / SQLITE_LOOK_SECONDS)):
            if stopped.wait(SQLITE_LOOK_SECONDS):
                return
            version = self._version()
            if version != self._seen:
                self._seen = version
                return

    def wake(self) -> None:
        """Nothing to do: it waits for `stopped` itself."""

    def close(self) -> None:
        self._connection.close()


class PostgresHints:
    """`LISTEN` on a connection of its own, opened again whenever it breaks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Any = None
        # Whoever stops waits for the thread: a process would end, and a test, by as much later as the next look is away.
        self._bell, self._bell_rope = socket.socketpair()

    def wait(self, stopped: threading.Event) -> None:
        import psycopg  # a quarter of a second to import, and only on PostgreSQL

        try:
            if self._connection is None:
                self._listen()
                return  # what was said before this connection listened is looked for at once
            if self._is_heard():
                for _ in self._connection.notifies(timeout=0, stop_after=1):
                    return
        except psycopg.Error as error:
            log.info("the tail listens no longer, and polls: %s", type(error).__name__)
            self._hang_up()
            stopped.wait(POLL_SECONDS)

    def _listen(self) -> None:
        from gatepost.store import silence

        url = self._store.engine.url.set(drivername="postgresql")
        dsn = url.render_as_string(hide_password=False)
        self._connection = silence.connect_to(dsn, application_name="gatepost-tail")
        self._connection.execute(f"LISTEN {CHANNEL}")

    def _is_heard(self) -> bool:
        """Wait until the connection says something, or the bell does; False when neither did for `POLL_SECONDS`."""
        with selectors.DefaultSelector() as selector:
            for each in (self._connection, self._bell):
                selector.register(each, selectors.EVENT_READ)
            return bool(selector.select(POLL_SECONDS))

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # closed: whoever closes twice is not told off
            self._bell_rope.send(b"!")

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        self._hang_up()
        self._bell.close()
        self._bell_rope.close()


def hints_for(store: Store) -> Hints:
    return SqliteHints(store) if store.is_sqlite else PostgresHints(store)


class Tail:
    """A thread that calls `catch_up` whenever the changelog may have grown."""

    def __init__(self, hints: Hints, catch_up: Callable[[], None]) -> None:
        self._hints = hints
        self._catch_up = catch_up
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gatepost-tail", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._hints.wait(self._stopped)
                self._catch_up()
            except GatepostError as error:
                log.warning("the changelog cannot be read: %s", error)
                self._stopped.wait(POLL_SECONDS)
            except Exception:
                # A tail that dies would leave this process believing in revoked rights for ever.
                log.exception("the tail stumbled and goes on")
                self._stopped.wait(POLL_SECONDS)

    def stop(self) -> None:
        self._stopped.set()
        self._hints.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._hints.close()
