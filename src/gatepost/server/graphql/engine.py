"""An event loop of its own for GraphQL.

Putting an answer together takes the processor for longer than the loop that answers `check` can spare, and the library
takes most of a second to import.  So both happen on one thread beside it.  What blocks still goes to the server's pools,
and a provider that does not answer holds up no thread here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.pools import Pools

if TYPE_CHECKING:
    from gatepost.server.graphql.running import Answer

MOST_WAITING = 100
DEADLINE = 30.0  # seconds; a provider that is asked takes up to 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.  `may_change` is false where only queries are answered."""

    query: str = field(repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation_name: str | None = None
    may_change: bool = True


class Engine:
    """Executes requests on a thread that starts with the first one."""

    def __init__(self, *, deadline: float = DEADLINE, most_waiting: int = MOST_WAITING) -> None:
        self.deadline = deadline
        self.most_waiting = most_waiting
        self.busy = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def __call__(self, gate: Gatepost, caller: Principal, pools: Pools, request: Request) -> Answer:
        """Execute a request.  Raises `Unavailable` if too many wait already, or when the deadline passes."""
        if self.busy >= self.most_waiting:
            raise Unavailable("too many are waiting: try again in a moment", detail="the GraphQL engine is full")
        self.busy += 1
        try:
            work = self._execute(gate, caller, pools, request)
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._started()))
        finally:
            self.busy -= 1

    async def _execute(self, gate: Gatepost, caller: Principal, pools: Pools, request: Request) -> Answer:
        # Imported here, on this thread, by the first request: see above.
        from gatepost.server.graphql.running import execute

        try:
            async with asyncio.timeout(self.deadline):
                return await execute(gate, caller, pools, request)
        except TimeoutError as error:
            raise Unavailable("this took too long: ask for less at once") from error

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="gatepost-graphql", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Stop the thread.  What it has not answered by then is not answered."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        loop.close()
