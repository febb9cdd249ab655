"""One thing that is wrong between keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that is broken: the key to change first, the others it depends on, and what is allowed."""

    keys: tuple[str, ...]
    sentence: str
