"""Bounded lanes for what would block the loop: one each for passwords, the database, the graph, a provider, the server.

A storm in one, or a provider that does not answer, holds up nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from gatepost.access import WouldWait, at_once
from gatepost.errors import Unavailable
from gatepost.guard.visitor import Later

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
MOST_WAITING = 200


class Lanes:
    """The lanes of one application.  `passwords` is how many are hashed at once."""

    def __init__(self, passwords: int = THREADS) -> None:
        self._passwords = passwords
        self._lanes: dict[str, CapacityLimiter] = {}

    async def soon(self, ask: Callable[P, T | Later[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask, here where the graph answers within a moment, else in its lane: the loop is everybody's."""
        try:
            answer = at_once(ask, *args, **kwargs)
        except WouldWait:
            answer = await self.now(Later("graph", partial(ask, *args, **kwargs)))
        return await self.now(answer)

    async def now(self, answer: T | Later[T]) -> T:
        """Return the answer, doing any work in its lane.  Raises `Unavailable` if too many wait there already."""
        if not isinstance(answer, Later):
            return answer
        lane = self._lanes.get(answer.pool)
        if lane is None:
            lane = self._lanes[answer.pool] = CapacityLimiter(
                self._passwords if answer.pool == "passwords" else THREADS
            )
        if lane.statistics().tasks_waiting >= MOST_WAITING:
            raise Unavailable("too many are waiting: try again in a moment", detail=f"the lane {answer.pool} is full")
        return await anyio.to_thread.run_sync(answer.work, limiter=lane)
