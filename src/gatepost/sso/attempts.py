"""Keeping a sign-in attempt in the browser that began it: sealed, for ten minutes, for a single use.

Nothing is written when a sign-in begins, so nobody can fill the database by beginning many.  That an attempt was used is
written when it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import delete

from gatepost.errors import GatepostError, InvalidRequest, Unavailable
from gatepost.gate import Gatepost
from gatepost.sso.login import Attempt
from gatepost.store import tables
from gatepost.store.upsert import insert_if_new

PLACE = "sso/attempt"
NAME = "gp_login_"
# A proxy in front refuses requests with more than some 8 KiB of cookies, and a browser keeps 180 of them at most.
MOST_AT_ONCE = 8
MOST_CHARACTERS = 6000
t = tables.used_once


def cookie_for(state: str, *, secure: bool) -> str:
    """The name of an attempt's cookie.  Each has its own, so that several tabs can sign in at once."""
    name = f"{NAME}{hashlib.sha256(state.encode('utf-8', 'replace')).hexdigest()[:16]}"
    return f"__Host-{name}" if secure else name


def superseded(gate: Gatepost, cookies: Mapping[str, str], begun: str, *, secure: bool) -> list[str]:
    """Name the cookies of attempts that this browser shall drop, now that it begins `begun` (sealed).

    Those that are of no use any more, and the oldest beyond the bounds: whoever opens one sign-in after another in
    somebody's browser must not fill it until a proxy refuses its requests.
    """
    prefix = f"__Host-{NAME}" if secure else NAME
    alive: list[tuple[Attempt, str]] = []
    dropped: list[str] = []
    for name in (name for name in cookies if name.startswith(prefix)):
        try:
            alive.append((open_attempt(gate, cookies[name]), name))
        except InvalidRequest:
            dropped.append(name)
    room = MOST_CHARACTERS - len(begun)
    for place, (_, name) in enumerate(sorted(alive, key=lambda each: each[0].begun_at, reverse=True), start=1):
        room -= len(cookies[name])
        if place >= MOST_AT_ONCE or room < 0:
            dropped.append(name)
    return dropped


def handle_of(gate: Gatepost, cookies: Mapping[str, str], attempt: Attempt, *, secure: bool) -> str:
    """What the sign-ins at one provider that this browser has under way agree upon: the state of the oldest."""
    alive = [attempt]
    for name in cookies:
        if name.startswith(f"__Host-{NAME}" if secure else NAME):
            with contextlib.suppress(InvalidRequest):
                alive.append(open_attempt(gate, cookies[name]))
    alike = [each for each in alive if each.provider == attempt.provider and not (each.trial or each.link)]
    return min(alike, key=lambda each: (each.begun_at, each.state), default=attempt).state


def seal_attempt(gate: Gatepost, attempt: Attempt) -> str:
    return gate.sealer.seal(attempt.to_bytes(), PLACE)


def open_attempt(gate: Gatepost, sealed: str) -> Attempt:
    """Raises `InvalidRequest` for what this Gatepost did not seal, or too long ago."""
    try:
        attempt = Attempt.from_bytes(gate.sealer.open(sealed, PLACE))
    except (
        ValueError,
        Unavailable,
    ) as error:  # a key that is not here means: sealed elsewhere, or before it was replaced
        raise InvalidRequest("this sign-in was begun elsewhere: begin again") from error
    if attempt.expires_at <= gate.now():
        raise InvalidRequest("this sign-in was begun too long ago: begin again")
    return attempt


@contextmanager
def used_once(gate: Gatepost, attempt: Attempt) -> Iterator[None]:
    """Ask a provider with the attempt, as `use_once`.  An answer that came to nothing there leaves nothing here.

    Anybody can begin a sign-in and come back with a code of their own making, as often as they like: only what a provider
    took for a sign-in is remembered.
    """
    use_once(gate, attempt)
    try:
        yield
    except GatepostError:
        take_back(gate, attempt)
        raise


def take_back(gate: Gatepost, attempt: Attempt) -> None:
    """Forget that the attempt was used: its code was worth nothing."""
    with gate.database.write() as connection:
        connection.execute(delete(t).where(t.c.digest == _digest(attempt)))


def _digest(attempt: Attempt) -> bytes:
    return hashlib.sha256(attempt.state.encode()).digest()


def use_once(gate: Gatepost, attempt: Attempt) -> None:
    """Mark the attempt as used, before anything is asked of the provider.  Raises `InvalidRequest` the second time."""
    with gate.database.write() as connection:
        connection.execute(delete(t).where(t.c.expires_at < gate.now()))
        if not insert_if_new(connection, t, {"digest": _digest(attempt), "expires_at": attempt.expires_at}):
            raise InvalidRequest("this sign-in was finished already: begin again")
