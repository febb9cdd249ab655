"""What is answered in front of the framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, final

from gatepost.gate import Gatepost
from gatepost.principal import Principal

Headers = tuple[tuple[bytes, bytes], ...]


@final
class Answered(NamedTuple):
    """A body of JSON, and headers of its own.  A tuple, for one is made with each answer of a store."""

    body: bytes
    headers: Headers


Answer = bytes | Answered
Later = Callable[[], Answer]
Hot = Callable[[Gatepost, Principal, bytes], Answer | Later]
