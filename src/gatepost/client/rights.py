"""What a person effectively may, as the server answers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VouchedRole:
    """A role that a provider vouches for until a session ends."""

    role: str
    provider: str = ""
    session: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """One effective right (`kind` says whether it is a permission or a relation), and where it comes from.

    With a `condition` it counts where that holds.
    """

    right: str
    kind: str = ""
    resource: str = ""
    source: str = ""
    sentence: str = ""
    expires_at: datetime | None = None
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """All that a person may effectively do."""

    username: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    permissions: tuple[Right, ...] = ()
    relations: tuple[Right, ...] = ()
    vouched: tuple[VouchedRole, ...] = ()
