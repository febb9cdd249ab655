"""Who visits an application, and whom to ask about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Generic, Protocol, Self, TypeVar

from gatepost.authn.origin import SAFE_METHODS, Headers, all_of
from gatepost.errors import InvalidRequest, Unauthenticated
from gatepost.principal import Credential, Entity, NoCredential, Principal

T = TypeVar("T")

ROLE = b"x-gatepost-role"
OURS = b"x-gatepost-"


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """Slow or blocking work, and the pool that it belongs on."""

    pool: str
    work: Callable[[], T]


def now(answer: T | Later[T]) -> T:
    """Return the answer, doing any work here: for threads that may wait."""
    return answer.work() if isinstance(answer, Later) else answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a request shows of its sender.  Header names are lower-case."""

    headers: Headers = field(repr=False)
    method: str
    path: str
    peer: str
    is_socket: bool = False

    @property
    def is_unsafe(self) -> bool:
        """Whether a cookie alone is no proof: a websocket counts, for a browser opens it from any site."""
        return self.is_socket or self.method not in SAFE_METHODS

    @property
    def role(self) -> str | None:
        """The role that the caller chose for this call.  Raises `InvalidRequest` for two."""
        sent = all_of(self.headers, ROLE)
        if len(sent) > 1:
            raise InvalidRequest("there is more than one X-Gatepost-Role header")
        return sent[0] if sent else None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a visitor may reach of one type: everything, or these ids."""

    everything: bool
    ids: tuple[str, ...] = ()


class Guard(Protocol):
    """Says who a visitor is, and what they may.  Each raises the errors of `gatepost.errors`.

    Whoever is signed out while their request is under way gets `InvalidToken` from then on.
    """

    @property
    def is_secure(self) -> bool:
        """Whether the session cookie is the one that only TLS sets."""

    def visitor(self, shown: Shown) -> Visitor | Later[Visitor]:
        """Raises `InvalidToken` for a bad credential, `Unauthenticated` for none where one is needed."""

    def may(self, visitor: Visitor, action: str, resource: Entity) -> bool | Later[bool]: ...

    def require(self, visitor: Visitor, action: str, resource: Entity, seen_by: str) -> Later[None] | None:
        """Raises `Unauthenticated`, `NotFound` for what the visitor cannot see, `Forbidden` for what they can."""

    def reach(self, visitor: Visitor, kind: str, action: str) -> Reach: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor(Principal):
    """The principal of one request, with whom to ask about it.  It holds for that request and no longer."""

    guard: Guard = field(repr=False, compare=False)
    credential: Credential = field(default=NoCredential(), repr=False, compare=False)
    chosen_role: str | None = field(default=None, compare=False)  # as the request has it, for those who ask elsewhere

    @classmethod
    def of(cls, principal: Principal, guard: Guard, credential: Credential, chosen_role: str | None = None) -> Self:
        known = {name: getattr(principal, name) for name in _OF_A_PRINCIPAL}
        return cls(**known, guard=guard, credential=credential, chosen_role=chosen_role)

    @property
    def is_authenticated(self) -> bool:
        """As Starlette's `request.user` has it."""
        return not self.is_anonymous

    @property
    def identity(self) -> str:
        return str(self.subject)

    @property
    def display_name(self) -> str:
        return self.subject.id

    def may(self, action: str, resource: str | Entity) -> bool:
        """Tell whether the visitor may.  It waits for a server, where there is one: on a loop use `gatepost.asgi.may`."""
        return now(self.guard.may(self, action, entity(resource)))

    def require(self, action: str, resource: str | Entity, *, seen_by: str = "view") -> None:
        """Return if the visitor may; raise `Unauthenticated`, `Forbidden` or `NotFound` if not.  It waits, as `may`."""
        now(self.guard.require(self, action, entity(resource), seen_by))


_OF_A_PRINCIPAL = tuple(each.name for each in fields(Principal))


def entity(resource: str | Entity) -> Entity:
    return Entity.parse(resource) if isinstance(resource, str) else resource


def require_signed_in(visitor: Visitor) -> Visitor:
    """Return a visitor who is somebody.  Raises `Unauthenticated`."""
    if visitor.is_anonymous:
        raise Unauthenticated("this needs a signed-in caller")
    return visitor


def without_ours(headers: Headers) -> Headers:
    """Leave out what only Gatepost's gateways say (`X-Gatepost-User`), in any spelling: here it was the visitor.

    Some servers read `X_Gatepost_User` as the same name.
    """
    if not any(name[:1] in b"xX" and name[1:2] in b"-_" for name, _ in headers):
        return headers
    return [pair for pair in headers if not _is_ours(pair[0])]


def _is_ours(name: bytes) -> bool:
    plain = name.lower().replace(b"_", b"-")
    return plain.startswith(OURS) and name != ROLE
