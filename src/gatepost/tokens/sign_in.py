"""Signing in with a password."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Row, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.names import is_name
from gatepost.errors import InvalidCredentials, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method
from gatepost.store import tables
from gatepost.store.store import Change
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Who has just proved a password, and the hash that it was proved against."""

    id: str
    username: str
    stored: str = field(repr=False)

    @property
    def entity(self) -> Entity:
        return Entity("user", self.username)


def prove_by_password(gate: Gatepost, attempt: PasswordTry) -> Proved:
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
    stored = _rehash(gate, row, attempt.password) if gate.passwords.is_outdated(row.password) else row.password
    return Proved(id=row.id, username=row.username, stored=stored)


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


def _rehash(gate: Gatepost, row: Row[tuple[object, ...]], password: str) -> str:
    """The profile has changed since this hash was made, and only now is the password at hand.  Return what is stored.

    Two who sign in at once both want to: what the first one made is as good, if it was not a new password.
    """
    fresh = gate.passwords.hash(password)
    t = tables.users
    with gate.database.write() as connection:
        mine = update(t).where(t.c.id == row.id, t.c.password == row.password)
        if connection.execute(mine.values(password=fresh)).rowcount:
            return fresh
        stored = connection.execute(select(t.c.password).where(t.c.id == row.id)).scalar_one_or_none()
    if stored is None or not gate.passwords.matches(stored, password):
        raise InvalidCredentials(detail="the password was changed while signing in")
    return str(stored)


def _require_still_proved(tx: Change, proved: Proved) -> None:
    """Raise `InvalidToken` if the account is another one by now, or has another password.

    Whoever sets a password, because somebody else knows it, ends all sessions; and one that is just being opened with the
    old one must not come after that.
    """
    t = tables.users
    stored = tx.connection.execute(select(t.c.password).where(t.c.id == proved.id)).scalar_one_or_none()
    if stored != proved.stored:
        raise InvalidToken(detail=f"{proved.entity} was deleted while signing in, or has another password")


def sign_in_for_tokens(gate: Gatepost, proved: Proved, attempt: PasswordTry) -> TokenPair:
    """Open a session of tokens for somebody who has just proved a password."""
    arrival = Arrival(method=Method.PASSWORD, address=attempt.address, agent=attempt.agent)
    with gate.change_unasked() as tx:
        _require_still_proved(tx, proved)
        session = open_session(gate, tx, proved.entity, arrival, cookie=False)
        return first_pair(gate, tx, proved.entity, session.record.id)


def sign_in_for_cookie(gate: Gatepost, proved: Proved, attempt: PasswordTry) -> NewSession:
    """Open a browser session for somebody who has just proved a password.  The local door is on record as that."""
    arrival = Arrival(
        method=Method.PASSWORD,
        address=attempt.address,
        agent=attempt.agent,
        local_door=attempt.local_door and not gate.settings.main.password_sign_in,
    )
    with gate.change_unasked() as tx:
        _require_still_proved(tx, proved)
        return open_session(gate, tx, proved.entity, arrival, cookie=True)
