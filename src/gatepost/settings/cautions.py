"""What is allowed, and should be said aloud at start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepost.settings.root import Settings


def cautions(settings: Settings) -> Iterator[str]:
    """Yield one sentence for each loud setting."""
    yield from ()
