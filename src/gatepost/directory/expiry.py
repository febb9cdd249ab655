"""Time-bound grants end by themselves: they stop counting at their moment, and are cleared away with a record later."""

from __future__ import annotations

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.store.relations import MAIN, unrelate

AT_ONCE = 500
t = tables.tuples


def remove_expired(gate: Gatepost) -> int:
    """Remove tuples whose time is over, some hundreds in a transaction.  Answers how many there were."""
    total = 0
    while True:
        with gate.change_unasked() as tx:
            over = select(t).where(t.c.store == MAIN, t.c.expires_at <= tx.at).limit(AT_ONCE)
            rows = tx.connection.execute(over).all()
            for row in rows:
                unrelate(tx, row.object, row.relation, row.subject, origin=row.origin)
                tx.record(
                    AuditRecord(
                        event="access.expired",
                        target=row.object,
                        subject=row.author,
                        method="clock",
                        at=tx.at,
                        reason=f"granted until {row.expires_at.isoformat()}",
                        detail={"subject": row.subject, "relation": row.relation, "origin": row.origin},
                    )
                )
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total
