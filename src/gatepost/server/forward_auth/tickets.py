"""What a browser carries between Gatepost's host and an application's, each sealed for its place.

attempt   a cookie on the application's host, from before the sign-in: only the browser that began it can finish it
ticket    in an address, once, for a minute: the session of our host, for one application and one attempt
session   the cookie of the application's host: it stands for our session, and ends with it

None of them is the secret of the session, and none opens anything elsewhere: not on our host, nor on another
application's.  Nothing is written when a sign-in begins.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete

from gatepost.errors import InvalidRequest, InvalidToken, Unavailable
from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.store.upsert import insert_if_new

ATTEMPT_TTL = timedelta(minutes=10)
TICKET_TTL = timedelta(minutes=1)
ATTEMPT = "gp_entry_"
MOST_ATTEMPTS = 5  # in one browser; a proxy in front refuses requests with some 8 KiB of cookies
MOST_NEXT = 700  # characters of the address that an attempt leads to
DIGEST_BYTES = 32
STATE_CHARACTERS = 43
BEGIN_AGAIN = "this sign-in was not begun in this browser, or too long ago: begin again"
t = tables.used_once


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in at an application that was begun in this browser, and where it leads."""

    state: str
    next: str


def new_state(gate: Gatepost) -> str:
    return base64.urlsafe_b64encode(gate.dice.urandom(DIGEST_BYTES)).rstrip(b"=").decode()


def is_state(text: str) -> bool:
    return len(text) == STATE_CHARACTERS and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def attempt_name(state: str) -> str:
    """Each attempt has a cookie of its own, so that several tabs can sign in at once."""
    return f"{ATTEMPT}{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def seal_attempt(gate: Gatepost, host: str, attempt: Attempt) -> str:
    until = (gate.now() + ATTEMPT_TTL).timestamp()
    text = json.dumps({"state": attempt.state, "next": attempt.next, "until": until})
    return gate.sealer.seal(text.encode(), f"forward_auth/attempt/{host}")


def open_attempt(gate: Gatepost, host: str, sealed: str, state: str) -> Attempt:
    """Raises `InvalidRequest` unless the attempt was begun for this host and state, and lately."""
    try:
        kept = json.loads(gate.sealer.open(sealed, f"forward_auth/attempt/{host}"))
    except (ValueError, Unavailable) as error:
        raise InvalidRequest(BEGIN_AGAIN) from error
    if kept["until"] <= gate.now().timestamp() or not hmac.compare_digest(str(kept["state"]), state):
        raise InvalidRequest(BEGIN_AGAIN)
    return Attempt(state, str(kept["next"]))


def make_ticket(gate: Gatepost, host: str, state: str, session: bytes) -> str:
    """Seal the digest of a session's cookie for one application and one attempt."""
    until = (gate.now() + TICKET_TTL).timestamp()
    text = json.dumps({"state": state, "session": session.hex(), "until": until})
    return gate.sealer.seal(text.encode(), f"forward_auth/ticket/{host}")


def redeem_ticket(gate: Gatepost, host: str, ticket: str, state: str) -> bytes:
    """Return the digest of the session that a ticket is for.  Raises `InvalidRequest`, the second time too."""
    try:
        kept = json.loads(gate.sealer.open(ticket, f"forward_auth/ticket/{host}"))
    except (ValueError, Unavailable) as error:
        raise InvalidRequest(BEGIN_AGAIN) from error
    if kept["until"] <= gate.now().timestamp() or not hmac.compare_digest(str(kept["state"]), state):
        raise InvalidRequest(BEGIN_AGAIN)
    digest = hashlib.sha256(f"forward_auth\0{state}".encode()).digest()
    with gate.database.write() as connection:
        connection.execute(delete(t).where(t.c.expires_at < gate.now()))
        # Kept as long as the attempt could be: any other ticket for it is refused as well.
        if not insert_if_new(connection, t, {"digest": digest, "expires_at": gate.now() + ATTEMPT_TTL}):
            raise InvalidRequest("this sign-in was finished already: begin again")
    return bytes.fromhex(kept["session"])


def seal_session(gate: Gatepost, host: str, session: bytes) -> str:
    """The cookie of the application's host."""
    return gate.sealer.seal(session, f"forward_auth/session/{host}")


def open_session(gate: Gatepost, host: str, sealed: str) -> bytes:
    """The digest of the session that the cookie stands for.  Raises `InvalidToken` for what was sealed elsewhere."""
    try:
        session = gate.sealer.open(sealed, f"forward_auth/session/{host}")
    except (ValueError, Unavailable) as error:
        raise InvalidToken(detail="a cookie of another application, or a forged one") from error
    return session
