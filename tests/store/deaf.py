"""A tail that nobody wakes."""

from __future__ import annotations

import threading

from gatepost.store.tail import POLL_SECONDS


class Deaf:
    """Hints that never come: `wait` returns only because it looks by itself."""

    def wait(self, stopped: threading.Event) -> None:
        stopped.wait(POLL_SECONDS)

    def wake(self) -> None:
        """It waits for `stopped` itself."""

    def close(self) -> None:
        """Nothing is open."""
