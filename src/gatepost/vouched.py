"""Tokens that other issuers made: what each came to here, and which of them were ended by a sign-out there.

Fed by the changelog, as everything in memory: a person who is deleted, or an identity that is unlinked, counts at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from gatepost.cache import Cache
from gatepost.principal import Entity
from gatepost.store import tables
from gatepost.store.changelog import Entry

KEPT = 20_000
SWEPT_AT = 10_000
# As long as the changelog is kept for certain.  No ID token counts longer, so none outlives the record of its end.
LONGEST_LIFE = timedelta(days=7)
# How long a verified signature is taken for granted.  A key is withdrawn where it was stolen, and a token signed with it
# may say that it is good for years: whoever verifies again sees that the key is gone from the issuer's set.
VERIFIED_FOR = timedelta(minutes=10)
LOGOUT = "provider_logout"
# What a verified token came to was read from these: after a change it is worked out anew.
READ_FROM = frozenset({"group", "role", "service"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A verified token of another issuer, and whom it speaks for here.  Times are seconds since the epoch."""

    issuer: str
    provider: str  # the name of its table in the configuration
    provider_subject: str
    sid: str
    issued: float | None
    expires: float  # with the leeway
    credential_id: str
    subject: Entity | None = None  # None while the API key in its claim has not been judged
    api_key: bytes | None = None  # the digest of that key
    actor: Entity | None = None
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    role: str | None = None  # the one role of the call if none is asked for
    verified_at: float = 0.0  # stamped by the cache that keeps it


class _Verified(Cache[bytes, Vouched]):
    """Verified tokens, each for as long as its signature is taken for granted."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        super().__init__(most)
        self._clock = clock

    def get(self, key: bytes) -> Vouched | None:
        known = super().get(key)
        if known is None or self._clock() - known.verified_at >= VERIFIED_FOR.total_seconds():
            return None
        return known

    def get_or_read(self, key: bytes, read: Callable[[bytes], Vouched | None]) -> Vouched | None:
        verified_at = self._clock()

        def stamped(wanted: bytes) -> Vouched | None:
            fresh = read(wanted)
            return None if fresh is None else replace(fresh, verified_at=verified_at)

        return super().get_or_read(key, stamped)


class VouchedTokens:
    """The bounded cache of verified tokens, by their digest, and the ends that back-channel logout brought."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.delegated: Cache[bytes, Vouched] = _Verified(KEPT, clock)
        self.id_tokens: Cache[bytes, Vouched] = _Verified(KEPT, clock)
        self._ends: dict[bytes, float] = {}

    def has_ended(self, token: Vouched) -> bool:
        """Tell whether the session that a token is of was ended there, or all of its person's until a later time."""
        if not self._ends:
            return False
        if token.sid and _key(token.issuer, "sid", token.sid) in self._ends:
            return True
        until = self._ends.get(_key(token.issuer, "sub", token.provider_subject))
        return until is not None and (token.issued is None or token.issued <= until)

    def load(self, connection: Connection) -> None:
        """Begin anew, from the changelog."""
        self.clear()
        t = tables.changelog
        since = datetime.fromtimestamp(self._clock(), UTC) - LONGEST_LIFE
        query = select(t.c.payload).where(t.c.kind == LOGOUT, t.c.at > since).order_by(t.c.number, t.c.position)
        for payload in connection.execute(query).scalars():
            self._end(payload)

    def apply(self, entries: Iterable[Entry]) -> None:
        """Take in what changed."""
        people: set[str] = set()
        for entry in entries:
            if entry.kind == LOGOUT:
                self._end(entry.payload)
            elif entry.kind in READ_FROM:
                self.clear()
            elif entry.kind in ("user", "identity"):
                people.add(entry.key)
        if people:
            for cache in (self.delegated, self.id_tokens):
                cache.drop_where(
                    lambda v: v.subject is not None and v.subject.type == "user" and v.subject.id in people
                )

    def forget_issuer(self, provider: str) -> None:
        """Verify every token of this issuer again: a key that may have signed one of them was withdrawn."""
        for cache in (self.delegated, self.id_tokens):
            cache.drop_where(lambda v: v.provider == provider)

    def clear(self) -> None:
        self.delegated.clear()
        self.id_tokens.clear()

    def _end(self, payload: dict[str, object]) -> None:
        what = "sid" if payload.get("sid") else "sub"
        key, until = _key(str(payload["issuer"]), what, str(payload[what])), float(str(payload["until"]))
        with self._lock:
            self._ends[key] = max(until, self._ends.get(key, 0.0))
            if len(self._ends) > SWEPT_AT:
                horizon = self._clock() - LONGEST_LIFE.total_seconds()
                self._ends = {k: at for k, at in self._ends.items() if at > horizon}


def _key(issuer: str, what: str, value: str) -> bytes:
    return hashlib.sha256(f"{issuer}\0{what}\0{value}".encode("utf-8", "surrogatepass")).digest()[:16]
