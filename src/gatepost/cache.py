"""A bounded cache that cannot be filled with what was revoked while it was being read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The most recently used values by key.

    A value is read from the database without a lock.  Between that read and its arrival here a revocation may have been
    applied, and would be undone for good by a late arrival.  So each drop counts a generation, and a value whose read
    began in an older generation is used once and not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()
        self._generation = 0

    def get(self, key: K) -> V | None:
        value = self._kept.get(key)
        if value is not None:
            try:
                self._kept.move_to_end(key)
            except KeyError:  # dropped between the two lines, by another thread
                return None
        return value

    def get_or_read(self, key: K, read: Callable[[K], V | None]) -> V | None:
        """Answer from memory, or read and keep."""
        if (value := self.get(key)) is not None:
            return value
        generation = self._generation
        value = read(key)
        if value is not None:
            self._keep(key, value, generation)
        return value

    def _keep(self, key: K, value: V, generation: int) -> None:
        with self._lock:
            if generation == self._generation:
                self._kept[key] = value
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)

    def renew(self, key: K, value: V) -> None:
        """Replace a value that is still kept; one that was dropped in between stays dropped."""
        with self._lock:
            if key in self._kept:
                self._kept[key] = value

    def drop(self, key: K) -> None:
        with self._lock:
            self._generation += 1
            self._kept.pop(key, None)

    def drop_where(self, unwanted: Callable[[V], bool]) -> None:
        with self._lock:
            self._generation += 1
            for key in [k for k, v in self._kept.items() if unwanted(v)]:
                del self._kept[key]

    def clear(self) -> None:
        with self._lock:
            self._generation += 1
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
