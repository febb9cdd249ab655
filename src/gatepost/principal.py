"""Who and what: the plain values that every layer speaks of.  Nothing here does I/O or imports anything of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

ANYONE = "*"


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """One thing by its type and id, written `type:id`.  A user's id is the username."""

    type: str
    id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `type:id`.  Raises `ValueError` if either side is missing or a reserved character is in it."""
        kind, colon, identifier = text.partition(":")
        if not colon or not kind or not identifier:
            raise ValueError(f"{text!r} is not of the form type:id")
        if "#" in text or "@" in kind or text.split() != [text]:  # white space anywhere
            raise ValueError(f"{text!r} has a character that type:id cannot have")
        return cls(kind, identifier)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom a relation tuple names: `user:alice`, a userset `group:analysts#member`, or a wildcard `user:*`."""

    type: str
    id: str
    relation: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `type:id`, `type:*` or `type:id#relation`.  Raises `ValueError`."""
        name, hash_sign, relation = text.partition("#")
        entity = Entity.parse(name)
        if hash_sign and (not relation or any(c in ":#@*" or c.isspace() for c in relation)):
            raise ValueError(f"{text!r} names no relation after the #")
        if hash_sign and entity.id == ANYONE:
            raise ValueError(f"{text!r} is both a wildcard and a userset")
        return cls(entity.type, entity.id, relation)

    @classmethod
    def of(cls, entity: Entity) -> Self:
        return cls(entity.type, entity.id)

    @property
    def is_wildcard(self) -> bool:
        return self.id == ANYONE and not self.relation

    @property
    def entity(self) -> Entity:
        return Entity(self.type, self.id)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}#{self.relation}" if self.relation else f"{self.type}:{self.id}"


PLATFORM = Entity("platform", "main")
ANONYMOUS = Entity("anonymous", ANYONE)
APPLICATION = Entity("platform", "application")
"""The application that has opened Gatepost in its own process: no credential from outside ever names it."""


PLATFORM_NOUNS = frozenset(
    {
        "audit",
        "conflict",
        "decision",
        "group",
        "key",
        "plan",
        "provider",
        "role",
        "service",
        "service_token",
        "session",
        "store",
        "token",
        "user",
    }
)
"""What the platform's own permissions speak of (`user:create`).  A `*` for the type does not mean these, but in `*:*`:
`*:view` opens every resource, and not the directory or the audit trail."""


def permission(kind: str, action: str) -> str:
    """What a role or a scope must hold for `action` on a `kind`: `dataset:view`.

    The platform's own operations are already written so (`user:create` on `platform:main`).
    """
    return action if kind == PLATFORM.type else f"{kind}:{action}"


@dataclass(frozen=True, slots=True)
class Scope:
    """A ceiling on actions: `type:action` patterns, `*` on either side.  An empty one allows nothing."""

    patterns: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the space-delimited form of RFC 6749 section 3.3."""
        return cls(frozenset(text.split()))

    def covers(self, wanted: str) -> bool:
        """Tell whether `wanted`, itself `type:action` and perhaps with a `*`, is within the ceiling."""
        held = self.patterns
        if "*:*" in held or wanted in held:
            return True
        kind, _, action = wanted.partition(":")
        return f"{kind}:*" in held or (kind not in PLATFORM_NOUNS and f"*:{action}" in held)

    def within(self, ceiling: Iterable[str]) -> bool:
        """Tell whether every pattern of this scope is covered by one of `ceiling`."""
        above = Scope(frozenset(ceiling))
        return all(above.covers(pattern) for pattern in self.patterns)

    def __str__(self) -> str:
        return " ".join(sorted(self.patterns))


FULL_SCOPE = Scope(frozenset({"*:*"}))


class Method(StrEnum):
    """How a caller proved who they are."""

    PASSWORD = "password"  # noqa: S105 - the name of a method
    SESSION = "session"
    ACCESS_TOKEN = "access_token"  # noqa: S105
    API_TOKEN = "api_token"  # noqa: S105
    SERVICE_TOKEN = "service_token"  # noqa: S105
    DELEGATED = "delegated"
    ID_TOKEN = "id_token"  # noqa: S105
    ANONYMOUS = "anonymous"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May `subject` do `action` to `resource`?  Everything that influences the answer is in here."""

    subject: Subject
    action: str
    resource: Entity
    scope: Scope | None = None
    role: str | None = None
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling, however they proved it.  The only identity type beyond `authn`."""

    subject: Entity  # whose rights are used (JWT `sub`)
    method: Method  # how it was proved
    scope: Scope | None  # ceiling on actions, None for none; no default, so nobody forgets
    role: str | None = None  # the one role that the caller chose for this call (X-Gatepost-Role)
    actor: Entity | None = None  # who wields the rights, when someone else does (RFC 8693 `act`)
    groups: frozenset[str] = frozenset()  # names vouched for by the issuer, not stored by us
    roles: frozenset[str] = frozenset()  # likewise
    credential_id: str = ""  # session or token id for the audit trail; never the secret
    issuer: Entity | None = None  # who issued a service token
    provider: str = ""  # the identity provider that the sign-in came from
    address: str = ""  # where the request came from, for the audit trail

    def __post_init__(self) -> None:
        if self.actor == self.subject:
            raise ValueError("a principal that acts for itself has no actor")

    @property
    def is_anonymous(self) -> bool:
        return self.subject == ANONYMOUS

    @property
    def is_application(self) -> bool:
        return self.method is Method.EMBEDDED and self.subject == APPLICATION

    def asks(self, action: str, resource: Entity, context: Mapping[str, object] | None = None) -> Question:
        return Question(
            subject=Subject.of(self.subject),
            action=action,
            resource=resource,
            scope=self.scope,
            role=self.role,
            groups=self.groups,
            roles=self.roles,
            context=context or {},
        )


EMBEDDER = Principal(subject=APPLICATION, method=Method.EMBEDDED, scope=None, roles=frozenset({"admin"}))
"""The embedding application as a caller.  It holds the built-in role that holds everything, so that it is asked about
as anybody is; it needs no assignment, for whoever has the database open could write one."""


@dataclass(frozen=True, slots=True)
class NoCredential:
    """Nothing was sent."""


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The console's opaque session secret."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """RFC 6750 section 2.1."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BasicCredential:
    """RFC 7617: the user-id ends at the first colon; the secret may hold more."""

    username: str
    secret: str = field(repr=False)


Credential = NoCredential | SessionCookie | BearerToken | BasicCredential
