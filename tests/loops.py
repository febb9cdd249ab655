"""Running something asynchronous from a test, whatever loop its thread has: a browser leaves one behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

import anyio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def in_a_loop(work: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
    """Return what `work` returns, from a loop of its own in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: anyio.run(work, *args)).result()
