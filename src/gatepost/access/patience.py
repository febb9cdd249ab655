"""Who must not wait: a thread that answers many callers in turn, such as an event loop's.

What such a thread asks is answered within a moment, or not by it: `WouldWait` says that another thread should ask.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOMENT = 0.002  # seconds
MOST_AT_ONCE = 1_000  # things to go through one by one, of which a moment is not enough for more


class WouldWait(Exception):
    """The answer takes longer than a moment, or a lock that somebody holds."""


class _Here(threading.local):
    until: float | None = None


_here = _Here()


def at_once(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns if that takes a moment.  Raises `WouldWait` where it asks the graph for more.

    Work that changes something must not do it before it asks: it may be done again.
    """
    before = _here.until
    _here.until = time.monotonic() + MOMENT
    try:
        return work(*args, **kwargs)
    finally:
        _here.until = before


def hurry(work: int = 0) -> None:
    """Raise `WouldWait` if this thread must not wait, and the moment is over or `work` is more than one allows."""
    until = _here.until
    if until is not None and (work > MOST_AT_ONCE or time.monotonic() > until):
        raise WouldWait


@contextmanager
def held(lock: threading.RLock) -> Iterator[None]:
    """Hold a lock.  Raises `WouldWait` where this thread must not wait, and the lock is taken or the moment over."""
    hurry()
    if not lock.acquire(blocking=_here.until is None):
        raise WouldWait
    try:
        yield
    finally:
        lock.release()
