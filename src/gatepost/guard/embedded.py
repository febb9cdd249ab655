"""The gate is in this process: the same credentials and the same chain as the server's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gatepost import access
from gatepost.audit.record import AuditRecord
from gatepost.authn import Authenticator, Pending, authenticate, chain
from gatepost.authn.credential import read_credential
from gatepost.authn.narrowing import narrow
from gatepost.authn.origin import client_address, require_same_origin
from gatepost.errors import ConfigurationError, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.guard.visitor import Later, Reach, Shown, Visitor
from gatepost.principal import Credential, Entity, Principal, SessionCookie
from gatepost.sso.states import providers_of

MOST_CHAINS = 1_000  # kept, one for each address that asks


class Embedded:
    """A guard over a gate.  It does not close the gate.

    `origins` are those of the application's own pages (`https://app.example`), from where a browser may send the session
    cookie with a write; without them, Gatepost's own address.  Raises `ConfigurationError` as the server does.
    """

    def __init__(self, gate: Gatepost, *, origins: Iterable[str] = ()) -> None:
        self.gate = gate
        self._origins = frozenset(origins) or frozenset({gate.settings.main.public_url})
        self._chains: dict[str, Sequence[Authenticator]] = {}
        providers_of(gate).prepare()

    @property
    def is_secure(self) -> bool:
        return self.gate.settings.main.public_url.startswith("https://")

    def visitor(self, shown: Shown) -> Visitor | Later[Visitor]:
        """See `Guard.visitor`."""
        gate = self.gate
        address = client_address(shown.peer, shown.headers, gate.settings.main.trusted_proxies)
        credential = read_credential(shown.headers, secure=self.is_secure)
        if shown.is_unsafe and isinstance(credential, SessionCookie):
            require_same_origin(shown.headers, self._origins)
        role = shown.role
        # What memory says of revocations is worth nothing once it is too old: the graph knows, and raises.
        _ = gate.memory.graph
        answer = authenticate(credential, self._chain(address), gate.now())
        if isinstance(answer, Pending):
            work = answer.work
            return Later(answer.pool, lambda: self._admitted(work(), credential, role, shown))
        return self._admitted(answer, credential, role, shown)

    def _admitted(self, caller: Principal, credential: Credential, role: str | None, shown: Shown) -> Visitor:
        if role is not None:
            caller = narrow(self.gate, caller, role)
        if caller.subject.type == "service":  # DH-17, as the server's edge does
            called = f"{shown.method} {shown.path}"[:300]
            self.gate.journal.note(AuditRecord.of(caller, "service.called", called, at=self.gate.now()))
        return Visitor.of(caller, self, credential)

    def _chain(self, address: str) -> Sequence[Authenticator]:
        known = self._chains.get(address)
        if known is None:
            if len(self._chains) >= MOST_CHAINS:
                self._chains.clear()
            known = self._chains[address] = chain(self.gate, address)
        return known

    def may(self, visitor: Visitor, action: str, resource: Entity) -> bool:
        """See `Guard.may`.  Raises `ConfigurationError` for a question that the model does not know."""
        self._require_not_ended(visitor)
        try:
            return self.gate.may(visitor, action, resource)
        except InvalidField as error:
            raise ConfigurationError([f"may {action} on {resource}: {error}"]) from error

    def require(self, visitor: Visitor, action: str, resource: Entity, seen_by: str) -> None:
        """See `Guard.require`.  A question that the model does not know is the application's mistake, not the visitor's."""
        self._require_not_ended(visitor)
        try:
            self.gate.require(visitor, action, resource, seen_by=seen_by)
        except InvalidField as error:
            raise ConfigurationError([f"require {action} on {resource}: {error}"]) from error

    def reach(self, visitor: Visitor, kind: str, action: str) -> Reach:
        """See `Guard.reach`."""
        self._require_not_ended(visitor)
        return reach_in(self.gate, visitor, kind, action)

    def _require_not_ended(self, visitor: Visitor) -> None:
        """Raise `InvalidToken` if the visitor was signed out since the request began: its body may take a day to come."""
        if self.gate.memory.has_ended(visitor.credential_id):
            raise InvalidToken(detail="ended while the request was under way")

    def close(self) -> None:
        """The gate is the application's to close."""


def reach_in(gate: Gatepost, caller: Principal, kind: str, action: str) -> Reach:
    """What a caller may reach of a type, from the graph.  Raises `ConfigurationError` for what the model does not know."""
    question = caller.asks(action, Entity(kind, "any"))
    graph = gate.memory.graph
    if gate.is_disabled(question.subject):
        return Reach(everything=False)
    try:
        if access.everything(question, graph):
            return Reach(everything=True)
        prefix = len(kind) + 1
        found = tuple(name[prefix:] for part in access.walk_objects(question, graph) for name in part)
        return Reach(everything=False, ids=() if gate.is_disabled(question.subject) else found)
    except InvalidField as error:
        raise ConfigurationError([f"{action} on {kind}: {error}"]) from error
