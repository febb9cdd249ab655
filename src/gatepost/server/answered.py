"""What is answered in front of the framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """A body of JSON, and headers of its own."""

    body: bytes
    headers: Headers


Answer = bytes | Answered
Later = Callable[[], Answer]
