"""Roles that a provider vouches for as long as a session goes on, by the session's id.

They are no tuples: nothing has to be taken away when the session ends, and nobody finds them among what is given for
good.  Both the cookie and the access tokens of a session ask here, so a role that is deleted, or that the provider takes
back, is gone for all of them at once and without I/O.  Fed by the changelog, as everything in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from gatepost.store import tables
from gatepost.store.changelog import Entry

KIND = "session_roles"
SWEPT_AT = 10_000


@dataclass(frozen=True, slots=True)
class SessionRoles:
    """What one session carries.  `default` is the role of a call that names none; `expires` in seconds."""

    roles: frozenset[str]
    default: str | None
    expires: float


class RolesOfSessions:
    """Only sessions that carry something are in here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._carried: dict[str, SessionRoles] = {}
        self._same: dict[frozenset[str], frozenset[str]] = {}  # most people of a company carry the same few roles
        self._sweep_at = SWEPT_AT

    def of(self, session: str) -> SessionRoles | None:
        return self._carried.get(session)

    def load(self, connection: Connection) -> None:
        """Begin anew, from the sessions that go on."""
        fresh = dict(_read(connection, datetime.fromtimestamp(self._clock(), UTC)))
        with self._lock:
            self._same = {}
            self._carried = {key: self._shared(carried) for key, carried in fresh.items()}
            self._sweep_at = max(SWEPT_AT, 2 * len(self._carried))

    def apply(self, entries: Iterable[Entry]) -> None:
        """Take in what changed."""
        with self._lock:
            for entry in entries:
                if entry.kind == KIND:
                    self._put(entry.key, entry.payload)
                elif entry.kind == "session":
                    self._carried.pop(entry.key, None)
                elif entry.kind == "role" and entry.payload.get("gone"):
                    self._drop_role(entry.key)
            if len(self._carried) > self._sweep_at:
                now = self._clock()
                self._carried = {key: carried for key, carried in self._carried.items() if carried.expires > now}
                self._sweep_at = max(SWEPT_AT, 2 * len(self._carried))

    def _put(self, session: str, payload: Mapping[str, object]) -> None:
        roles, default = payload["roles"], payload["default"]
        if not roles and default is None:
            self._carried.pop(session, None)
            return
        names = frozenset(roles) if isinstance(roles, list) else frozenset()
        expires = float(str(payload["expires"]))
        self._carried[session] = self._shared(
            SessionRoles(names, default if isinstance(default, str) else None, expires)
        )

    def _drop_role(self, name: str) -> None:
        """A role that is made anew under the same name is another one, and nobody has vouched for that."""
        for session, carried in list(self._carried.items()):
            if name in carried.roles:
                self._carried[session] = self._shared(replace(carried, roles=carried.roles - {name}))

    def _shared(self, carried: SessionRoles) -> SessionRoles:
        return replace(carried, roles=self._same.setdefault(carried.roles, carried.roles))


def _read(connection: Connection, now: datetime) -> Iterator[tuple[str, SessionRoles]]:
    s, r = tables.sessions, tables.roles
    made = {row.name: row.created_at for row in connection.execute(select(r.c.name, r.c.created_at))}
    query = select(s.c.id, s.c.roles, s.c.default_role, s.c.vouched_at, s.c.expires_at)
    carrying = s.c.roles.is_not(None) | s.c.default_role.is_not(None)
    for row in connection.execute(query.where(carrying, s.c.ended_at.is_(None), s.c.expires_at > now)):
        names = frozenset(name for name in row.roles or () if name in made and made[name] <= row.vouched_at)
        yield row.id, SessionRoles(names, row.default_role, row.expires_at.timestamp())
