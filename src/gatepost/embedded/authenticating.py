"""From an `Authorization` header to a principal, as the server and the middlewares do it."""

from __future__ import annotations

from gatepost.audit.record import AuditRecord
from gatepost.authn import authenticate_now, chain
from gatepost.authn.credential import read_credential
from gatepost.directory.given import require_texts
from gatepost.errors import InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.sso.states import providers_of


def authenticated(gate: Gatepost, authorization: str | None, address: str) -> Principal:
    """See `Gatepost.authenticate`."""
    require_texts(address=address)
    headers = [(b"authorization", _encoded(authorization))] if authorization else []
    providers_of(gate).prepare()
    # What memory says of revocations is worth nothing once it is too old: the graph knows, and raises.
    _ = gate.memory.graph
    caller = authenticate_now(read_credential(headers), chain(gate, address), gate.now())
    if caller.subject.type == "service":  # DH-17, as the server's edge does
        gate.journal.note(AuditRecord.of(caller, "service.called", "in the process", at=gate.now()))
    return caller


def _encoded(authorization: str) -> bytes:
    try:
        return authorization.encode("ascii")
    except (UnicodeEncodeError, AttributeError):
        # Not from that error: it has the header in it, and what an application logs of it is not ours to know.
        raise InvalidRequest("the Authorization header is not ASCII") from None
