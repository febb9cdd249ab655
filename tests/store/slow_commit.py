"""Holding a change open just before it commits, so that a test can look at what others do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import event

from gatepost.gate import Gatepost

T = TypeVar("T")
LONGEST = 10.0


class Held:
    """A change that is written and not committed.  `let_go` commits it."""

    def __init__(self) -> None:
        self.written = threading.Event()
        self._go_on = threading.Event()

    def let_go(self) -> None:
        self._go_on.set()

    def pause(self, _connection: Any) -> None:
        self.written.set()
        assert self._go_on.wait(LONGEST), "nobody let the change go"


@contextmanager
def held_before_commit(gate: Gatepost, work: Callable[[], T]) -> Iterator[tuple[Held, Future[T]]]:
    """Run `work`, which changes something through `gate`, in a thread that stops before its commit."""
    held = Held()
    with ThreadPoolExecutor(1) as pool:
        event.listen(gate.database.engine, "commit", held.pause)
        try:
            done = pool.submit(work)
            assert held.written.wait(LONGEST), done.exception() if done.done() else "no commit was tried"
            yield held, done
        finally:
            held.let_go()
            event.remove(gate.database.engine, "commit", held.pause)
