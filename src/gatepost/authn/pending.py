"""Work that an answer still needs, and the pool that it belongs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gatepost.principal import Credential, Principal


@dataclass(frozen=True, slots=True)
class Pending:
    """Slow or blocking work.  The server sends it to a bounded pool, so that it holds up nobody else."""

    pool: str  # passwords, database, or the name of a provider or issuer after `PROVIDER`
    work: Callable[[], Principal]


PROVIDER = "provider:"

Authenticator = Callable[[Credential, datetime], Principal | Pending | None]
