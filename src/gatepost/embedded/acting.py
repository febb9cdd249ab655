"""Acting as somebody: the calls with what they may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gatepost.access import roles_of
from gatepost.client import answers as a
from gatepost.directory.authority import require_patterns
from gatepost.directory.evaluation import evaluate
from gatepost.directory.given import list_of_texts, require_texts
from gatepost.directory.profiles import read_profile
from gatepost.directory.services import made_at
from gatepost.embedded.calls import Calls
from gatepost.embedded.questions import Context, asked_of
from gatepost.errors import Forbidden, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Entity, Method, Principal, Scope, Subject


class Acting(Calls):
    """The calls as one caller makes them.  It may be used by many threads.

    With each call it is asked anew whether they are still there and let in; what they may, the operation asks.
    """

    def __init__(self, gate: Gatepost, principal: Principal) -> None:
        self._at = gate
        self.principal = principal
        self._account = account_of(gate, principal)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.principal.subject})"

    @property
    def _gate(self) -> Gatepost:
        return self._at

    def _caller(self) -> Principal:
        gate, by = self._at, self.principal
        _ = gate.memory.graph  # what memory says of revocations is worth nothing once it is too old
        if account_of(gate, by) != self._account:
            raise InvalidToken(f"{by.subject} is somebody else now")
        gate.still_holds(by)
        if by.role is not None:
            require_role(gate, by, by.role)
        return by

    def check(self, subject: str | None, action: str, resource: str, *, context: Context | None = None) -> a.Decision:
        """Ask whether `subject` may; None is the caller.  Others are asked about with `decision:ask`."""
        by = self._for(subject=subject, action=action, resource=resource)
        decision = evaluate(*by, asked_of(subject, action, resource, context))
        return a.Decision(decision.allowed, decision.revision)


def principal_for(
    gate: Gatepost, subject: str | Entity | Principal, scope: Iterable[str] | None, role: str | None
) -> Principal:
    """Who is to act, narrowed to `scope` and to `role`.

    Raises `InvalidField` for who cannot act, `InvalidToken` for who is not there or disabled, `Forbidden` for a scope or
    a role beyond their own.
    """
    by = subject if isinstance(subject, Principal) else _principal_of(subject)
    account_of(gate, by)
    gate.still_holds(by)
    if scope is not None:
        wanted = Scope(require_patterns(gate, list_of_texts(scope, "scope"), "scope"))
        if by.scope is not None and not wanted.within(by.scope.patterns):
            raise Forbidden("a scope narrows: this is wider than the caller's own")
        by = replace(by, scope=wanted)
    if role is not None:
        require_texts(role=role)
        require_role(gate, by, role)
        if by.role not in (None, role):
            raise Forbidden(f"a role narrows: this caller came with the role {by.role} alone")
        by = replace(by, role=role)
    return by


def _principal_of(subject: str | Entity) -> Principal:
    wrong = InvalidField({"subject": "this has to be a user or a service, such as user:alice, or anonymous:*"})
    try:
        who = Entity.parse(subject) if isinstance(subject, str) else subject
    except ValueError as error:
        raise wrong from error
    if who == ANONYMOUS:
        return Principal(subject=who, method=Method.ANONYMOUS, scope=None)
    if not isinstance(who, Entity) or who.type not in ("user", "service") or who.id == "*":
        raise wrong
    if who.type == "user":
        who = Entity("user", who.id.lower())
    require_texts(subject=str(who))
    return Principal(subject=who, method=Method.EMBEDDED, scope=None)


def account_of(gate: Gatepost, by: Principal) -> str:
    """Return what no later account of the same name has: a person's id, or when a service was made; else nothing.

    Raises `InvalidToken` for somebody who was never made or is deleted, as for every credential of theirs.  What a
    service came with is revoked when it is deleted, so there it is enough that this still holds.
    """
    there, account = True, ""
    if by.subject.type == "user":
        profile = read_profile(gate, by.subject.id)
        there, account = profile is not None, "" if profile is None else profile.id
    elif by.subject.type == "service":
        made = made_at(gate, by.subject.id)
        there, account = made is not None or by.method is not Method.EMBEDDED, "" if made is None else made.isoformat()
    if not there:
        raise InvalidToken(detail=f"there is no {by.subject} who could act")
    return account


def require_role(gate: Gatepost, by: Principal, role: str) -> None:
    """Raise `Forbidden` if the role is not one of theirs: to name one narrows, and never adds anything."""
    own = roles_of(Subject.of(by.subject), gate.memory.graph, groups=by.groups, roles=by.roles)
    if role not in own:
        raise Forbidden(f"{by.subject} does not have the role {role}")
