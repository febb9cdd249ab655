"""Clearing away what has served its time, so that nothing grows without end.

Every process does it now and then, and it does not matter which: each step removes only what nobody reads any more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from gatepost.directory.expiry import remove_expired
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.records import ProviderToken
from gatepost.store import changelog, tables
from gatepost.stores.clearing import clear_deleted_stores
from gatepost.tokens import authorization_codes, device_codes
from gatepost.tokens.throttle import forget_old

log = logging.getLogger("gatepost.housekeeping")

EVERY = timedelta(minutes=10)
CHANGELOG_KEPT = timedelta(days=7)
REVISIONS_KEPT = 10_000
SESSIONS_KEPT = timedelta(days=30)


def prune_changelog(gate: Gatepost) -> None:
    """Readers that are further behind than this load the graph anew.  Ended sessions are kept by their own rows."""
    with gate.change_unasked() as tx:
        changelog.prune(tx.connection, tx.at - CHANGELOG_KEPT, REVISIONS_KEPT)


def forget_sessions(gate: Gatepost) -> None:
    """Sessions that ended or ran out long ago; the audit trail still tells of them.  A provider's tokens go at once."""
    t, r = tables.sessions, tables.refresh_tokens
    now = gate.now()
    is_held = t.c.provider_token.is_not(None)
    unused = (t.c.expires_at <= now, or_(is_held, t.c.id_token.is_not(None)))
    over = or_(t.c.ended_at < now - SESSIONS_KEPT, t.c.expires_at < now - SESSIONS_KEPT)
    with gate.database.write() as connection:
        held = connection.execute(select(t.c.id, t.c.provider, t.c.provider_token).where(*unused, is_held)).all()
        connection.execute(delete(r).where(r.c.expires_at < now))
        connection.execute(update(t).where(*unused).values(provider_token=None, id_token=None))
        connection.execute(delete(t).where(over))
    if held:
        gate.give_back([ProviderToken(row.id, row.provider, row.provider_token) for row in held])


def forget_handles(gate: Gatepost) -> None:
    """Single-use handles that would be refused by their age anyhow, and counters of failures that nobody asks for."""
    t = tables.used_once
    with gate.database.write() as connection:
        connection.execute(delete(t).where(t.c.expires_at < gate.now()))
    forget_old(gate.database, gate.now())
    authorization_codes.forget_old(gate)
    device_codes.forget_old(gate)


def forget_expired_grants(gate: Gatepost) -> None:
    """Tuples whose time is over.  They have not counted since; now they go, and the audit trail says so."""
    remove_expired(gate)


def forget_deleted_stores(gate: Gatepost) -> None:
    """What stores left behind that were deleted; nobody reaches it any more."""
    clear_deleted_stores(gate)


STEPS: tuple[Callable[[Gatepost], None], ...] = (
    prune_changelog,
    forget_sessions,
    forget_handles,
    forget_expired_grants,
    forget_deleted_stores,
)


def clear_away(gate: Gatepost) -> None:
    """Take every step.  One that fails is tried again the next time, and keeps no other from its turn."""
    for step in STEPS:
        try:
            step(gate)
        except GatepostError as error:
            log.warning("%s: %s", step.__name__, error)
        except Exception:
            log.exception("%s stumbled", step.__name__)


class Housekeeping:
    """The thread that does it."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gatepost-housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        # Processes that start together shall not do this together.
        wait = EVERY.total_seconds() * (0.5 + self._gate.dice.urandom(1)[0] / 256)
        while not self._stopped.wait(wait):
            clear_away(self._gate)
            wait = EVERY.total_seconds()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
