"""Slowing down whoever guesses passwords, without locking anybody out for good.

Three counters of failures: of an account from one address, of an account from everywhere, of an address on any account.
Each makes the next try wait longer, and forgets after a quarter of an hour of silence.  One from which an
account has signed in before is not held up by what others try on that account, so an attacker cannot keep its owner out.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, delete, or_, select

from gatepost.errors import Throttled
from gatepost.store import tables
from gatepost.store.store import Store
from gatepost.store.upsert import insert_or_update

FORGOTTEN_AFTER = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)
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
    """Raise `Throttled` with the seconds to wait if this account or address has failed too often."""
    pair, everywhere, source = _counters(account, address)
    known = _known(account, address)
    t = tables.throttles
    keys = [pair.key, everywhere.key, source.key, known]
    with store.read() as connection:
        rows = {r.key: r for r in connection.execute(select(t).where(t.c.key.in_(keys)))}
    is_known = known in rows and now - rows[known].last_at < KNOWN_FOR
    longest = 0
    for counter in (pair, source) if is_known else (pair, everywhere, source):
        row = rows.get(counter.key)
        if row is not None and now - row.last_at < FORGOTTEN_AFTER:
            left = row.last_at + timedelta(seconds=counter.wait(row.failures)) - now
            longest = max(longest, -(-left // timedelta(seconds=1)))
    if longest > 0:
        raise Throttled("too many failed sign-ins: try again later", retry_after=longest)


def note_failure(store: Store, account: str, address: str, now: datetime) -> None:
    t = tables.throttles
    with store.write() as connection:
        for counter in _counters(account, address):
            failures = case((t.c.last_at <= now - FORGOTTEN_AFTER, 1), else_=t.c.failures + 1)
            changed = {"failures": failures, "last_at": now}
            insert_or_update(connection, t, {"key": counter.key, "failures": 1, "last_at": now}, changed)


def note_success(store: Store, account: str, address: str, now: datetime) -> None:
    """Forget the failures of this account from here, and remember that its owner comes from here.

    The failures of the address on other accounts stay: an attacker's own account must not wipe them out.
    """
    pair, *_ = _counters(account, address)
    known = _known(account, address)
    t = tables.throttles
    with store.write() as connection:
        connection.execute(delete(t).where(t.c.key == pair.key))
        insert_or_update(connection, t, {"key": known, "failures": 0, "last_at": now}, {"last_at": now})


def forget_old(store: Store, now: datetime) -> None:
    """Counters go once they count no more: whoever guesses at ever new names must not fill the database with them."""
    t = tables.throttles
    counts_no_more = and_(t.c.last_at < now - FORGOTTEN_AFTER, t.c.key.not_like(f"{KNOWN}:%"))
    with store.write() as connection:
        connection.execute(delete(t).where(or_(t.c.last_at < now - KNOWN_FOR, counts_no_more)))
