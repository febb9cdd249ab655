"""Long lists in short pieces: nobody who asks something else waits for more than one of them."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from heapq import nsmallest
from itertools import islice
from typing import TypeGuard, TypeVar

from gatepost.access.edges import Changes, Held

S = TypeVar("S")
T = TypeVar("T")

SLICE = 3_000  # tuples that are followed in one go: about a millisecond
ASKED_SECONDS = 0.001  # for how long objects are asked about in one go
LONG = 1_000  # neighbours that are read in pieces, if there are more
PAUSE_SECONDS = 1e-6
SORTED_AT_ONCE = 2_000  # names; a sort cannot be interrupted


def pause() -> None:
    """Let other threads go on, without the lock.

    A sleep of nothing would not do: whoever waits takes longer to wake up than we to come back.
    """
    time.sleep(PAUSE_SECONDS)


class Neighbours:
    """A large set of neighbours, read in pieces while revisions may be written in between.

    The set itself is read as long as nothing changes; after that a copy, for a set that changes cannot be read on.
    """

    __slots__ = ("_changes", "_count", "_held", "_left")

    def __init__(self, held: set[int], changes: Changes) -> None:
        self._held: set[int] | None = held
        self._left: Iterator[int] = iter(held)
        self._changes = changes
        self._count = changes.count

    def read(self, most: int) -> list[int]:
        """Read on: empty at the end.  After a change it begins anew.  Call with the graph's lock held."""
        if self._held is not None and self._count != self._changes.count:
            self._left = iter(tuple(self._held))
            self._held = None
        return list(islice(self._left, most))


def asked_in_slices(
    candidates: Iterable[S],
    begin: Callable[[], Callable[[S], T | None]],
    lock: AbstractContextManager[object],
    most: int = SLICE,
) -> Iterator[tuple[T, ...]]:
    """Yield what is answered of each candidate, but for None: for a millisecond under the lock at a time.

    `begin` gives the function that answers, at the beginning of each slice.
    """
    left, over = iter(candidates), False
    while not over:
        found, over = list[T](), True
        with lock:
            ask, until = begin(), time.perf_counter() + ASKED_SECONDS
            for candidate in left:
                answer = ask(candidate)
                if answer is not None:
                    found.append(answer)
                if time.perf_counter() > until or len(found) >= most:
                    over = False
                    break
        yield tuple(found)
        pause()


def is_long(held: Held) -> TypeGuard[set[int]]:
    return isinstance(held, set) and len(held) > LONG


def in_order(names: Sequence[str], first: int = 0) -> Iterator[str]:
    """Sort names that differ, piece by piece as they are wanted.  The `first` ones come without sorting all others."""
    if first and len(names) > 4 * first:
        start = nsmallest(first, names)
        yield from start
        names = [name for name in names if name > start[-1]]
    for part in _parts(names):
        yield from sorted(part)


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split into parts, each wholly before the next and most of them short."""
    if len(names) <= SORTED_AT_ONCE:
        yield names
        return
    count = len(names) // (SORTED_AT_ONCE // 2)
    sample = sorted(names[:: max(1, len(names) // (count * 8))])
    borders = sample[8::8]
    parts: list[list[str]] = [[] for _ in range(len(borders) + 1)]
    for name in names:
        parts[bisect_right(borders, name)].append(name)
    yield from parts
