"""Bounded lanes for what would block the loop: one each for passwords, the database, every provider and the server.

A storm in one, or a provider that does not answer, holds up nobody else.
"""

from __future__ import annotations

from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from gatepost.errors import Unavailable
from gatepost.guard.visitor import Later

T = TypeVar("T")

THREADS = 8
MOST_WAITING = 200


class Lanes:
    """The lanes of one application.  `passwords` is how many are hashed at once."""

    def __init__(self, passwords: int = THREADS) -> None:
        self._passwords = passwords
        self._lanes: dict[str, CapacityLimiter] = {}

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
