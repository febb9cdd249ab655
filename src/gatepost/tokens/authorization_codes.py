"""Authorization codes (RFC 6749 section 4.1, RFC 7636): a minute long, for one use, for whoever knows the verifier."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import InvalidRequest, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.tokens.grants import Approval, Place, end_replayed, open_for, require_approved
from gatepost.tokens.refresh_tokens import TokenPair
from gatepost.tokens.secrets import CODE_PREFIX, digest, new_code

LIFE = timedelta(seconds=60)
KEPT_FOR = timedelta(days=1)  # a replay within that time ends what came of the code

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
t = tables.authorization_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An authorization request that was checked, as the person is asked about it."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the client shows for its tokens; `audience` is empty for the one that was approved."""

    client_id: str
    redirect_uri: str
    audience: str = ""
    code: str = field(repr=False)
    verifier: str = field(repr=False)


def require_challenge(challenge: str, method: str) -> None:
    """Raise `InvalidRequest` unless the request is protected by PKCE with S256."""
    if not challenge:
        raise InvalidRequest("code_challenge is missing: PKCE is needed (RFC 7636)")
    if method != "S256":
        raise InvalidRequest("code_challenge_method is not S256")
    if _CHALLENGE.fullmatch(challenge) is None:
        raise InvalidRequest("code_challenge is not the base64url of a SHA-256 digest")


def approve(gate: Gatepost, caller: Principal, asked: Asked) -> str:
    """Issue the code for what `caller`, a person in a browser session, has said yes to."""
    code = new_code(gate.dice)
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        tx.connection.execute(
            insert(t).values(
                digest=digest(code),
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                challenge=asked.challenge,
                subject=str(caller.subject),
                approved_in=caller.credential_id,
                scope=asked.scope,
                audience=asked.audience,
                expires_at=tx.at + LIFE,
            )
        )
        tx.record(_record(caller, "client.approved", asked, tx.at, Outcome.DONE))
    return code


def deny(gate: Gatepost, caller: Principal, asked: Asked) -> None:
    gate.journal.note(_record(caller, "client.denied", asked, gate.now(), Outcome.REFUSED))


def _record(caller: Principal, event: str, asked: Asked, at: datetime, outcome: Outcome) -> AuditRecord:
    detail = {"scope": asked.scope, "audience": asked.audience, "redirect_uri": asked.redirect_uri}
    return AuditRecord.of(caller, event, f"client:{asked.client_id}", at=at, outcome=outcome, detail=detail)


def redeem(gate: Gatepost, shown: Shown, place: Place) -> TokenPair:
    """Swap a code for tokens.

    Raises `InvalidToken` (`invalid_grant`) for a code that is unknown, too old, of another client, address or
    verifier.  A code that is shown with a wrong one of these is over, and one that is shown twice ends what came of it:
    somebody has it who should not.  Another audience than the approved one is `InvalidField`, and leaves the code as it
    is: who asks for it is the client.
    """
    if _VERIFIER.fullmatch(shown.verifier) is None:
        raise InvalidRequest("code_verifier is not 43 to 128 unreserved characters")
    if not shown.code.startswith(CODE_PREFIX):
        raise InvalidToken("the code is not valid", detail="not the shape of a code")
    query = select(t).where(t.c.digest == digest(shown.code))
    # Looked up before the lock is taken: whoever sends nonsense shall not make writers wait.
    with gate.database.read() as connection:
        if connection.execute(query).one_or_none() is None:
            raise InvalidToken("the code is not valid", detail="an unknown code")
    with gate.change_unasked() as tx:
        row = tx.connection.execute(query).one()
        why_not = _why_not(row, shown, tx.at)
        pair = None
        if row.used_at is not None:
            end_replayed(tx, row.session, row.subject, "an authorization code")
        elif why_not:
            _spend(tx.connection, row, tx.at)
        else:
            require_approved(shown.audience, row.audience)
            session, pair = open_for(gate, tx, _approval(row), place)
            _spend(tx.connection, row, tx.at, session)
    # Raised outside the transaction, which has to commit: the code is over.
    if pair is None:
        raise InvalidToken("the code is not valid", detail=why_not or "the code was used already")
    return pair


def _why_not(row: Row[Any], shown: Shown, now: datetime) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(shown.verifier.encode("ascii")).digest()).decode().rstrip("=")
    for wrong, sentence in (
        (row.expires_at <= now, "the code is too old"),
        (row.client_id != shown.client_id, "the code is another client's"),
        (row.redirect_uri != shown.redirect_uri, "redirect_uri is not the one that the code was sent to"),
        (not hmac.compare_digest(row.challenge, challenge), "the verifier does not fit"),
    ):
        if wrong:
            return sentence
    return ""


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        subject=Entity.parse(row.subject),
        approved_in=row.approved_in,
        client_id=row.client_id,
        scope=row.scope,
        audience=row.audience,
    )


def _spend(connection: Connection, row: Row[Any], at: datetime, session: str | None = None) -> None:
    connection.execute(update(t).where(t.c.digest == row.digest).values(used_at=at, session=session))


def forget_old(gate: Gatepost) -> None:
    """Codes whose replay nobody needs to notice any more."""
    with gate.database.write() as connection:
        connection.execute(t.delete().where(t.c.expires_at < gate.now() - KEPT_FOR))
