"""Revisions: `epoch.number`.  The epoch changes when history may have been rewound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_SHAPE = re.compile(r"([0-9a-f]{1,32})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Revision:
    """A point in the changelog.  Only revisions of one epoch can be ordered."""

    epoch: str
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` for anything that is not `epoch.number`."""
        if (match := _SHAPE.fullmatch(text)) is None:
            raise ValueError(f"{text[:60]!r} is not a revision, which looks like 3f9a.42")
        return cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}"


@dataclass(frozen=True, slots=True)
class Head:
    """The head row: the newest revision, the stamp that tells two histories apart, and how far the log was pruned."""

    epoch: str
    number: int
    stamp: str
    pruned_to: int

    @property
    def revision(self) -> Revision:
        return Revision(self.epoch, self.number)
