"""Rows as values: what the hot path knows of a person, a session and a token.  No secret is among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gatepost.principal import Entity, Principal, Scope


@dataclass(frozen=True, slots=True)
class ProviderToken:
    """A refresh token of a provider's, sealed for the session that it came with."""

    session: str
    provider: str
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person, without the password."""

    id: str
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    external: str | None
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    has_password: bool

    @property
    def entity(self) -> Entity:
        return Entity("user", self.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A sign-in that is going on: by cookie, or by a pair of access and refresh token."""

    id: str
    subject: Entity
    method: str
    provider: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    address: str
    agent: str
    has_cookie: bool
    roles: frozenset[str] = frozenset()  # what the provider vouched for when it began; memory knows what still counts
    default_role: str | None = None
    caller: Principal | None = None  # whom it speaks for, from the address that it was last used at
    carried: object = None  # what it carried when that caller was made


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """An API token (its owner is a user) or a service token (its owner is a service)."""

    id: str
    owner: Entity
    name: str
    scopes: Scope
    issuer: Entity
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What a verified access token of ours says."""

    subject: Entity
    session: str
    scope: Scope
    client_id: str
    audience: str
    expires: float
    issued: float
    jti: str
    issuer: str = ""  # who issued the service token that this was made from
    provider: str = ""
    caller: Principal | None = None  # whom it speaks for, from the address that it was last sent from
    carried: object = None  # what its session carried when that caller was made
