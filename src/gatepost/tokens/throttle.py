"""Slowing down whoever guesses passwords, without locking anybody out for good.

Three counters of failures: of an account from one address, of an account from everywhere, of an address on any account.
Each makes the next try wait longer, and forgets after a quarter of an hour of silence.  One from which an
account has signed in before is not held up by what others try on that account, so an attacker cannot keep its owner out.

A try is judged twice: before the work that it makes, and in the moment in which its outcome would be told.  Of many that
are sent at once, so, as many are answered as of the same one after another; the others learn that they have to wait and
nothing else, whether they were right or wrong.  The counters are in the database, so this holds for all processes of it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, or_, select, update

from gatepost.errors import Throttled
from gatepost.store import tables
from gatepost.store.store import Store
from gatepost.store.upsert import insert_or_lock, insert_or_update

Rows = Mapping[str, Row[Any]]
"""What is counted, by key."""

FORGOTTEN_AFTER = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)
REMEMBERED_AFTER = timedelta(days=1)  # since the last time that it was written down
LONGEST_WAIT = 60
KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Counter:
    """`free` failures cost nothing; each further one doubles the wait, up to a minute."""

    key: str
    free: int

    def wait(self, failures: int) -> int:
        """Seconds to wait after that many failures."""
        return 0 if failures < self.free else int(min(2 ** min(failures - self.free, 10), LONGEST_WAIT))


def _key(kind: str, *parts: str) -> str:
    """Of fixed size, and without the words that somebody typed into a sign-in form."""
    return f"{kind}:{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: whoever has one address there has all of them.

    All of IPv4 is in one such network as `::ffff:192.0.2.1`, which an embedding application may have from its socket:
    there each is one of its own, or a guesser anywhere would hold up everybody.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _counters(account: str, address: str) -> tuple[Counter, Counter, Counter]:
    network = network_of(address)
    return (
        Counter(_key("pair", account, network), free=5),
        Counter(_key("account", account), free=20),
        Counter(_key("address", network), free=30),
    )


def _known(account: str, address: str) -> str:
    return _key(KNOWN, account, network_of(address))


def require_not_throttled(store: Store, account: str, address: str, now: datetime) -> None:
    """Raise `Throttled` with the seconds to wait if this account or address has failed too often.

    Who tells that a try was right has to ask this, or `note_success`, once more when it knows.
    """
    _require(_standing(store, account, address), account, address, now)


def note_failure(store: Store, account: str, address: str, now: datetime) -> None:
    """Count a try that was wrong.

    Raises `Throttled`, and counts nothing, if others have used up in the meantime what was free: then it was not told
    either that it was wrong.
    """
    t = tables.throttles
    keys = [counter.key for counter in _counters(account, address)]
    with store.write() as connection:
        found = insert_or_lock(connection, t, [{"key": key, "failures": 0, "last_at": now} for key in keys])
        rows = {row.key: row for row in [*found, *_rows(connection, [_known(account, address)])]}
        _require(rows, account, address, now)
        failures = case((t.c.last_at <= now - FORGOTTEN_AFTER, 1), else_=t.c.failures + 1)
        connection.execute(update(t).where(t.c.key.in_(keys)).values(failures=failures, last_at=now))


def note_success(store: Store, account: str, address: str, now: datetime) -> None:
    """Forget the failures of this account from here, and remember that its owner comes from here.

    The failures of the address on other accounts stay: an attacker's own account must not wipe them out.  Raises
    `Throttled` as `note_failure` does.  Nothing is written where there is nothing to forget, and little to remember:
    scripts send a password with each call.
    """
    pair, *_ = _counters(account, address)
    known = _known(account, address)
    t = tables.throttles
    rows = _standing(store, account, address)
    _require(rows, account, address, now)
    if pair.key not in rows and known in rows and now - rows[known].last_at < REMEMBERED_AFTER:
        return
    with store.write() as connection:
        connection.execute(delete(t).where(t.c.key == pair.key))
        insert_or_update(connection, t, {"key": known, "failures": 0, "last_at": now}, {"last_at": now})


def _standing(store: Store, account: str, address: str) -> Rows:
    keys = [*(counter.key for counter in _counters(account, address)), _known(account, address)]
    with store.read() as connection:
        return {row.key: row for row in _rows(connection, keys)}


def _rows(connection: Connection, keys: Sequence[str]) -> Sequence[Row[Any]]:
    t = tables.throttles
    return connection.execute(select(t).where(t.c.key.in_(keys))).all()


def _require(rows: Rows, account: str, address: str, now: datetime) -> None:
    pair, everywhere, source = _counters(account, address)
    known = rows.get(_known(account, address))
    is_known = known is not None and now - known.last_at < KNOWN_FOR
    longest = 0
    for counter in (pair, source) if is_known else (pair, everywhere, source):
        row = rows.get(counter.key)
        if row is not None and now - row.last_at < FORGOTTEN_AFTER:
            wait = counter.wait(row.failures)
            left = row.last_at + timedelta(seconds=wait) - now
            # No longer than the wait: another process's clock may be ahead, or it was counted since we looked at ours.
            longest = max(longest, min(wait, -(-left // timedelta(seconds=1))))
    if longest > 0:
        raise Throttled("too many failed sign-ins: try again later", retry_after=longest)


def forget_old(store: Store, now: datetime) -> None:
    """Counters go once they count no more: whoever guesses at ever new names must not fill the database with them."""
    t = tables.throttles
    counts_no_more = and_(t.c.last_at < now - FORGOTTEN_AFTER, t.c.key.not_like(f"{KNOWN}:%"))
    with store.write() as connection:
        connection.execute(delete(t).where(or_(t.c.last_at < now - KNOWN_FOR, counts_no_more)))
