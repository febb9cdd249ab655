"""A PostgreSQL that neither answers nor hangs up: paused, or behind a network that drops what it is sent.

A driver waits for it without end, and so would every thread that asks.  It cannot be told by the time alone, for a query
may be slow with good reason; so where nothing was heard for a while, another connection is tried: a server that takes it
is working, one that does not is gone.

Only PostgreSQL's part of the store imports this: the driver takes a quarter of a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg

RV = TypeVar("RV")
C = TypeVar("C")

SILENT_SECONDS = 5.0
CONNECT_SECONDS = 5
# A host that is gone is noticed by the network's own means where it can be, on connections that wait for nothing, too.
NETWORK = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}


class Connection(psycopg.Connection[Any]):
    """One that gives up on a server that is gone: it is closed then, and raises `OperationalError`."""

    server_answers: Callable[[], bool] | None = None

    def wait(self, gen: Generator[Any, Any, RV], *arguments: Any, **keywords: Any) -> RV:
        """As the driver's own, which comes back here a few times a second while nothing is heard."""
        return super().wait(self._listening(gen), *arguments, **keywords)

    def _listening(self, gen: Generator[Any, Any, RV]) -> Generator[Any, Any, RV]:
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENT_SECONDS:
                    self._require_an_answer()
                    heard = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as done:
            answer: RV = done.value
            return answer

    def _require_an_answer(self) -> None:
        if self.server_answers is not None and not self.server_answers():
            self.close()
            raise psycopg.OperationalError("the server is silent")


class Connector:
    """Makes connections to one server, which share what is known of it.

    While it is known to be silent, one thread at a time tries, and the others are told at once: all of them waiting for
    the same nothing would be threads that others wait for.
    """

    def __init__(self) -> None:
        self._given: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._trying = threading.Lock()
        self._is_silent = False

    def __call__(self, *arguments: Any, **parameters: Any) -> Connection:
        """As `psycopg.connect`."""
        self._given = arguments, parameters
        with self._turn():
            connection = self._noticing(Connection.connect)
        connection.server_answers = self._answers
        return connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._is_silent:
            yield
        elif self._trying.acquire(blocking=False):
            try:
                yield
            finally:
                self._trying.release()
        else:
            raise psycopg.OperationalError("the server is silent")

    def _noticing(self, connect: Callable[..., C]) -> C:
        arguments, parameters = self._given
        try:
            connection = connect(*arguments, **parameters)
        except psycopg.errors.ConnectionTimeout:
            self._is_silent = True
            raise
        except psycopg.Error:
            self._is_silent = False  # it has said something, if only that it is full
            raise
        self._is_silent = False
        return connection

    def _answers(self) -> bool:
        """Of many that hear nothing, one looks and all know."""
        came = time.monotonic()
        with self._looking:
            if self._looked_at < came:
                with suppress(psycopg.Error):
                    self._noticing(psycopg.connect).close()
                self._looked_at = time.monotonic()
            return not self._is_silent


def connect_to(dsn: str, **parameters: Any) -> Connection:
    """One connection for itself, outside any transaction."""
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    network = {name: value for name, value in NETWORK.items() if name not in given}
    return Connector()(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS, **network, **parameters)
