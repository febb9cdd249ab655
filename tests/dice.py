"""A clock that only the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gatepost.gate import Dice

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FakeDice(Dice):
    """Time stands still until `advance`; the random numbers stay random."""

    def __init__(self, start: datetime = NOON) -> None:
        super().__init__()
        self.time = start

    def now(self) -> datetime:
        return self.time

    def clock(self) -> float:
        return self.time.timestamp()

    def advance(self, span: timedelta) -> None:
        self.time += span
