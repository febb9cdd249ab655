"""When to ask again, and how long to wait first."""

from __future__ import annotations

import random
from dataclasses import dataclass

_PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Bounded repeats with full jitter: of calls that may be sent twice, or that were never sent.

    `attempts` counts the first one too.  Waits are in seconds; a server that asks for more than `longest`
    is not waited for, its answer is the caller's to see.
    """

    attempts: int = 4
    base: float = 0.1
    longest: float = 5.0

    def wait(self, attempt: int, retry_after: int | None = None) -> float | None:
        """Return how long to wait after the `attempt`th try (from 1), or None to give up."""
        if attempt >= self.attempts or (retry_after or 0) > self.longest:
            return None
        # Clients that failed together must not come back together.
        jitter = random.uniform(0, min(self.longest, self.base * 2**attempt))  # noqa: S311 - spreads load, hides nothing
        return jitter if retry_after is None else retry_after + min(jitter, self.base)

    @staticmethod
    def is_passing(status: int) -> bool:
        """Tell whether a status speaks of a trouble that may be over in a moment."""
        return status in _PASSING


NEVER = Retry(attempts=1)
