"""Work that an answer still needs, and the pool that it belongs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gatepost.principal import Credential, Principal


@dataclass(frozen=True, slots=True)
class Pending:
    """Slow or blocking work.  The server sends it to a bounded pool, so that it holds up nobody else."""

    pool: Literal["passwords", "database"]
    work: Callable[[], Principal]


Authenticator = Callable[[Credential, datetime], Principal | Pending | None]
