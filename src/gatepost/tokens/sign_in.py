"""Signing in with a password."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Row, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.names import is_name
from gatepost.directory.profiles import profile_of
from gatepost.errors import InvalidCredentials
from gatepost.gate import Gatepost
from gatepost.principal import Method
from gatepost.records import Profile
from gatepost.store import tables
from gatepost.tokens import throttle
from gatepost.tokens.refresh_tokens import TokenPair, first_pair
from gatepost.tokens.sessions import Arrival, NewSession, may_use_local_door, open_session

MOST_TYPED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordTry:
    """What somebody typed.  `local_door` is the way in for admins when passwords are off otherwise."""

    username: str
    password: str = field(repr=False)
    address: str
    agent: str = ""
    local_door: bool = False


def prove_by_password(gate: Gatepost, attempt: PasswordTry) -> Profile:
    """Return whose password this is.  Slow on purpose, so it belongs on the pool for passwords.

    Raises `InvalidCredentials` (alike for an unknown user, a wrong password, a disabled and an external account) and
    `Throttled` after too many failures.
    """
    account = attempt.username.strip().lower()[:MOST_TYPED]
    throttle.require_not_throttled(gate.database, account, attempt.address, gate.now())
    with gate.database.read() as connection:
        t = tables.users
        # What cannot be a name is nobody's; the database would stumble over half a character, or over a NUL.
        query = select(t).where(t.c.username == (account if is_name(account) else ""))
        row = connection.execute(query).one_or_none()
    good = len(attempt.password) <= MOST_TYPED and gate.passwords.matches(
        row.password if row else None, attempt.password
    )
    why_not = _why_not(gate, row, attempt, good=good)
    if row is None or why_not:
        throttle.note_failure(gate.database, account, attempt.address, gate.now())
        _note(gate, account if row else "unknown", attempt, why_not)
        raise InvalidCredentials(detail=why_not)
    throttle.note_success(gate.database, account, attempt.address, gate.now())
    if gate.passwords.is_outdated(row.password):
        _rehash(gate, row, attempt.password)
    return profile_of(row)


def _why_not(gate: Gatepost, row: Row[tuple[object, ...]] | None, attempt: PasswordTry, *, good: bool) -> str:
    if row is None:
        return "unknown user"
    if not good:
        return "wrong password"
    if row.disabled_at is not None:
        return "disabled"
    if not gate.settings.main.password_sign_in and not (attempt.local_door and may_use_local_door(gate, row.username)):
        return "passwords are off"
    return ""


def _note(gate: Gatepost, account: str, attempt: PasswordTry, reason: str) -> None:
    """A typed name that is nobody's is not kept: people type passwords into the wrong field."""
    gate.journal.note(
        AuditRecord(
            event="sign_in.failed",
            target=f"user:{account}",
            subject="anonymous:*",
            method=Method.PASSWORD,
            at=gate.now(),
            outcome=Outcome.REFUSED,
            reason=reason,
            address=attempt.address,
        )
    )


def _rehash(gate: Gatepost, row: Row[tuple[object, ...]], password: str) -> None:
    """The profile has changed since this hash was made, and only now is the password at hand."""
    fresh = gate.passwords.hash(password)
    t = tables.users
    with gate.database.write() as connection:
        connection.execute(update(t).where(t.c.id == row.id, t.c.password == row.password).values(password=fresh))


def sign_in_for_tokens(gate: Gatepost, profile: Profile, attempt: PasswordTry) -> TokenPair:
    """Open a session of tokens for somebody who has just proved a password."""
    arrival = Arrival(method=Method.PASSWORD, address=attempt.address, agent=attempt.agent)
    with gate.change_unasked() as tx:
        session = open_session(gate, tx, profile.entity, arrival, cookie=False)
        return first_pair(gate, tx, profile.entity, session.record.id)


def sign_in_for_cookie(gate: Gatepost, profile: Profile, attempt: PasswordTry) -> NewSession:
    """Open a browser session for somebody who has just proved a password.  The local door is on record as that."""
    arrival = Arrival(
        method=Method.PASSWORD,
        address=attempt.address,
        agent=attempt.agent,
        local_door=attempt.local_door and not gate.settings.main.password_sign_in,
    )
    with gate.change_unasked() as tx:
        return open_session(gate, tx, profile.entity, arrival, cookie=True)
