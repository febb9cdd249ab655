"""Device authorization (RFC 8628): sign-in on a machine without a browser, confirmed in somebody's browser elsewhere.

The device holds a long secret; the person types a short code.  Both are kept as digests, the short one under a key that
the database does not hold.  Whoever may type codes is signed in, and is slowed down after a few wrong ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import InvalidField, InvalidToken, NotFound, Throttled
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.tokens import throttle
from gatepost.tokens.clients import Wish
from gatepost.tokens.grants import (
    AccessDenied,
    Approval,
    AuthorizationPending,
    ExpiredToken,
    Place,
    SlowDown,
    end_replayed,
    open_for,
    require_approved,
)
from gatepost.tokens.refresh_tokens import TokenPair
from gatepost.tokens.secrets import (
    DEVICE_PREFIX,
    USER_CODE_LENGTH,
    USER_CODE_LETTERS,
    digest,
    new_device_secret,
    new_user_code,
)
from gatepost.tokens.sessions import AGENT_CHARACTERS

LIFE = timedelta(minutes=10)
KEPT_FOR = timedelta(hours=1)  # so that a device that asks too late is told so, and a replay is known
INTERVAL = 5  # seconds between two questions of a device
LONGEST_INTERVAL = 120
MOST_WAITING = 50  # of one network, for nobody has proved anything yet
DASHES = "-_.\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}"
PENDING, APPROVED, DENIED, USED = "pending", "approved", "denied", "used"
t = tables.device_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """RFC 8628 section 3.2.  Both are shown this once; `expires_in` and `interval` are in seconds."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A device that waits for an answer, as the person is asked about it."""

    digest: bytes = field(repr=False)
    client_id: str
    scope: str
    audience: str
    address: str
    agent: str
    created_at: datetime
    expires_at: datetime


def begin(gate: Gatepost, client_id: str, wish: Wish, place: Place) -> Begun:
    """Begin a sign-in.  Raises `Throttled` when too many of the same network wait already."""
    device_code, now = new_device_secret(gate.dice), gate.now()
    network = throttle.network_of(place.address)
    with gate.database.write() as connection:
        _require_room(connection, network, now)
        user_code = _free_user_code(gate, connection)
        connection.execute(
            insert(t).values(
                digest=digest(device_code),
                user_code=_keyed(gate, user_code)[0],
                client_id=client_id,
                scope=str(wish.scope),
                audience=wish.audience,
                address=place.address,
                network=network,
                agent=place.agent[:AGENT_CHARACTERS],
                created_at=now,
                expires_at=now + LIFE,
                interval=INTERVAL,
                state=PENDING,
            )
        )
    seconds = int(LIFE.total_seconds())
    return Begun(device_code=device_code, user_code=written(user_code), expires_in=seconds, interval=INTERVAL)


def _require_room(connection: Connection, network: str, now: datetime) -> None:
    query = select(func.count(), func.min(t.c.expires_at)).where(
        t.c.network == network, t.c.state == PENDING, t.c.expires_at > now
    )
    count, first = connection.execute(query).one()
    if count >= MOST_WAITING:
        wait = max(1, -((now - first) // timedelta(seconds=1)))
        raise Throttled("too many sign-ins wait for an answer from this address", retry_after=wait)


def _free_user_code(gate: Gatepost, connection: Connection) -> str:
    while True:
        code = new_user_code(gate.dice)
        query = select(t.c.digest).where(t.c.user_code.in_(_keyed(gate, code)))
        if connection.execute(query).first() is None:
            return code


def _keyed(gate: Gatepost, user_code: str) -> list[str]:
    """The digest under each encryption key, the current one first."""
    return gate.sealer.derive("user code", user_code)


def written(user_code: str) -> str:
    return f"{user_code[:4]}-{user_code[4:]}"


def read_user_code(text: str) -> str:
    """Read a code as people type it: in any case, with or without the dash.  Raises `InvalidField`."""
    letters = "".join(c for c in text[:100].upper() if not (c.isspace() or c in DASHES))
    if len(letters) != USER_CODE_LENGTH or any(c not in USER_CODE_LETTERS for c in letters):
        raise InvalidField({"user_code": "a code is eight letters, such as BCDF-GHJK: look at the device again"})
    return letters


def find(gate: Gatepost, caller: Principal, user_code: str) -> Waiting:
    """Find the device that shows this code.

    Raises `InvalidField` for what is no code, `NotFound` for one that nobody waits on (unknown, answered and expired
    read alike), and `Throttled` after too many of those.
    """
    letters, now = read_user_code(user_code), gate.now()
    # Neither the colon nor the space can be in a username, so these counters are no account's sign-in.
    account = f"device code: {caller.subject}"
    throttle.require_not_throttled(gate.database, account, caller.address, now)
    with gate.database.read() as connection:
        query = select(t).where(t.c.user_code.in_(_keyed(gate, letters)), t.c.state == PENDING, t.c.expires_at > now)
        row = connection.execute(query).first()
    if row is None:
        # A right code forgets nothing: whoever guesses could mix in codes of their own.
        throttle.note_failure(gate.database, account, caller.address, gate.now())
        gate.journal.note(AuditRecord.of(caller, "device.guessed", "client:unknown", at=now, outcome=Outcome.REFUSED))
        raise NotFound("no device waits with this code: it may be mistyped, answered already, or too old")
    throttle.require_not_throttled(gate.database, account, caller.address, gate.now())  # of many that were sent at once
    return _waiting(row)


def find_again(gate: Gatepost, device: bytes) -> Waiting:
    """Find the device that the person was asked about.  Raises `NotFound` if it does not wait any more."""
    with gate.database.read() as connection:
        return _still_waiting(connection, device, gate.now())


def _still_waiting(connection: Connection, device: bytes, now: datetime) -> Waiting:
    query = select(t).where(t.c.digest == device, t.c.state == PENDING, t.c.expires_at > now)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("this device does not wait any more: it was answered already, or the code is too old")
    return _waiting(row)


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        digest=row.digest,
        client_id=row.client_id,
        scope=row.scope,
        audience=row.audience,
        address=row.address,
        agent=row.agent,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def answer(gate: Gatepost, caller: Principal, device: bytes, *, allowed: bool) -> None:
    """Let a device in, or not.  Raises `NotFound` if it does not wait any more: of two answers the first one counts."""
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        waiting = _still_waiting(tx.connection, device, tx.at)  # answers come one after another, under the head lock
        answered = {"state": APPROVED if allowed else DENIED, "approved_in": caller.credential_id}
        tx.connection.execute(update(t).where(t.c.digest == device).values(subject=str(caller.subject), **answered))
        event, outcome = ("client.approved", Outcome.DONE) if allowed else ("client.denied", Outcome.REFUSED)
        detail = {"scope": waiting.scope, "audience": waiting.audience, "device_address": waiting.address}
        tx.record(
            AuditRecord.of(caller, event, f"client:{waiting.client_id}", at=tx.at, outcome=outcome, detail=detail)
        )


def poll(gate: Gatepost, device_code: str, client_id: str, place: Place, audience: str = "") -> TokenPair:
    """Answer a device that asks.

    Raises `AuthorizationPending` while nobody has said anything, `SlowDown` if it asks too often, `AccessDenied`,
    `ExpiredToken`, `InvalidField` for another audience than the device began with, and `InvalidToken` (`invalid_grant`)
    for a code that is unknown, of another client, or used.
    """
    if not device_code.startswith(DEVICE_PREFIX):
        raise InvalidToken("the device code is not valid", detail="not the shape of a device code")
    key, now = digest(device_code), gate.now()
    with gate.database.read() as connection:
        row = connection.execute(select(t).where(t.c.digest == key)).one_or_none()
    if row is None or row.client_id != client_id:
        raise InvalidToken("the device code is not valid", detail="an unknown device code, or another client's")
    require_approved(audience, row.audience)
    if row.state == PENDING and row.expires_at > now:
        raise _not_yet(gate, row, now)
    if row.state == DENIED:
        raise AccessDenied("whoever was asked said no")
    if row.state != USED and row.expires_at <= now:
        raise ExpiredToken("nobody answered in time: begin again")
    return _redeem(gate, key, place)


def _not_yet(gate: Gatepost, row: Row[Any], now: datetime) -> AuthorizationPending:
    early = row.polled_at is not None and now - row.polled_at < timedelta(seconds=row.interval)
    interval = min(row.interval + INTERVAL, LONGEST_INTERVAL) if early else row.interval
    with gate.database.write() as connection:
        connection.execute(update(t).where(t.c.digest == row.digest).values(polled_at=now, interval=interval))
    if early:
        return SlowDown(f"ask every {interval} seconds")
    return AuthorizationPending("nobody has answered yet")


def _redeem(gate: Gatepost, key: bytes, place: Place) -> TokenPair:
    with gate.change_unasked() as tx:
        row = tx.connection.execute(select(t).where(t.c.digest == key)).one_or_none()
        pair = None
        if row is not None and row.state == APPROVED:
            session, pair = open_for(gate, tx, _approval(row), replace(place, agent=place.agent or row.agent))
            used = {"state": USED, "session": session}
            tx.connection.execute(update(t).where(t.c.digest == key).values(**used))
        elif row is not None and row.state == USED:
            end_replayed(tx, row.session, row.subject, "a device code")
    # Raised outside the transaction, which has to commit: what came of the code is over.
    if pair is None:
        raise InvalidToken("the device code is not valid", detail="the device code was used already")
    return pair


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        subject=Entity.parse(row.subject),
        approved_in=row.approved_in,
        client_id=row.client_id,
        scope=row.scope,
        audience=row.audience,
    )


def forget_old(gate: Gatepost) -> None:
    """Devices that nobody will ask about any more."""
    with gate.database.write() as connection:
        connection.execute(t.delete().where(t.c.expires_at < gate.now() - KEPT_FOR))
