"""This process's writers, one after another.

SQLite's own lock is a poll with back-off, and PostgreSQL's head row is one for all: queueing here is fair and costs
nothing.  Where somebody elsewhere keeps the database's lock, a few wait for it as long as for anything.  The others are
told soon: the threads in which they would wait are those in which everybody reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gatepost.errors import Unavailable
from gatepost.store.database import LOCK_TIMEOUT_SECONDS

PATIENT = 4  # half of the threads that a server has for its database
STUCK_SECONDS = 3.0  # of one turn; one takes milliseconds


class Turns:
    """Who writes now, and who waits for it."""

    def __init__(self) -> None:
        self._writer = threading.Lock()
        self._patient = threading.Semaphore(PATIENT)
        self._begun = float("inf")

    @contextmanager
    def next(self) -> Iterator[None]:
        """Wait for a turn, and have it.  Raises `Unavailable` if it does not come in time."""
        is_patient = self._patient.acquire(blocking=False)
        try:
            if not self._comes(is_patient=is_patient):
                raise Unavailable("the database is locked by another writer: nothing was changed")
            self._begun = time.monotonic()
            try:
                yield
            finally:
                self._begun = float("inf")
                self._writer.release()
        finally:
            if is_patient:
                self._patient.release()

    def _comes(self, *, is_patient: bool) -> bool:
        ends = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while (left := min(ends, float("inf") if is_patient else self._begun + STUCK_SECONDS) - time.monotonic()) > 0:
            # Whose turn it is may change as often as it likes: what counts is that it does.
            if self._writer.acquire(timeout=left if is_patient else min(left, STUCK_SECONDS)):
                return True
        return self._writer.acquire(blocking=False)
