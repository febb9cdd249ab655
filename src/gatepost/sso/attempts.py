"""Keeping a sign-in attempt in the browser that began it: sealed, for ten minutes, for a single use.

Nothing is written when a sign-in begins, so nobody can fill the database by beginning many.  That an attempt was used is
written when it ends.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import delete

from gatepost.errors import InvalidRequest
from gatepost.gate import Gatepost
from gatepost.sso.login import Attempt
from gatepost.store import tables
from gatepost.store.upsert import insert_if_new

PLACE = "sso/attempt"
t = tables.used_once


def cookie_for(state: str, *, secure: bool) -> str:
    """The name of an attempt's cookie.  Each has its own, so that several tabs can sign in at once."""
    name = f"gp_login_{hashlib.sha256(state.encode('utf-8', 'replace')).hexdigest()[:16]}"
    return f"__Host-{name}" if secure else name


def seal_attempt(gate: Gatepost, attempt: Attempt) -> str:
    return gate.sealer.seal(attempt.to_bytes(), PLACE)


def open_attempt(gate: Gatepost, sealed: str) -> Attempt:
    """Raises `InvalidRequest` for what this Gatepost did not seal, or too long ago."""
    try:
        attempt = Attempt.from_bytes(gate.sealer.open(sealed, PLACE))
    except ValueError as error:
        raise InvalidRequest("this sign-in was begun elsewhere: begin again") from error
    if attempt.expires_at <= gate.now():
        raise InvalidRequest("this sign-in was begun too long ago: begin again")
    return attempt


def use_once(gate: Gatepost, attempt: Attempt) -> None:
    """Mark the attempt as used, before anything is asked of the provider.  Raises `InvalidRequest` the second time."""
    digest = hashlib.sha256(attempt.state.encode()).digest()
    with gate.store.write() as connection:
        connection.execute(delete(t).where(t.c.expires_at < gate.now()))
        if not insert_if_new(connection, t, {"digest": digest, "expires_at": attempt.expires_at}):
            raise InvalidRequest("this sign-in was finished already: begin again")
