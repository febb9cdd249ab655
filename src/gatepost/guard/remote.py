"""A Gatepost server is asked: access tokens are verified here, everything else and every question there."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatepost.authn.api_token import ANY_OWNER
from gatepost.authn.credential import read_credential
from gatepost.authn.origin import client_address, require_same_origin
from gatepost.cache import Cache
from gatepost.errors import ConfigurationError, Forbidden, InvalidRequest, InvalidToken, NotFound, Unauthenticated
from gatepost.gate import Dice
from gatepost.guard.following import Following
from gatepost.guard.signed import Signed
from gatepost.guard.talk import Headers, Talk, shown_again
from gatepost.guard.visitor import Later, Reach, Shown, Visitor
from gatepost.principal import (
    ANONYMOUS,
    BasicCredential,
    BearerToken,
    Credential,
    Entity,
    Method,
    NoCredential,
    Principal,
    Scope,
    SessionCookie,
    permission,
)
from gatepost.tokens.secrets import API_PREFIX

POOL = "server"
STALE_FOR = 60.0  # seconds
INTROSPECTED_FOR = 30.0  # seconds; what is revoked in between is pushed
ASKED_FOR = 1.0  # seconds; these carry no id by which a revocation could find them
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Remote:
    """A guard that asks `server`.

    `client` is the application's own service there (its name and service token), with a role that holds `decision:ask`.
    `audience` is what access tokens for this application are for; without it they are for Gatepost itself.  `issuer` is
    Gatepost's public address where `server` is another way to it.  `stale_for` is in seconds: how long the last known
    revocations hold when the server is away.  Raises `ConfigurationError`.
    """

    def __init__(
        self,
        server: str,
        *,
        client: tuple[str, str] | None,
        audience: str = "",
        issuer: str = "",
        origins: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        stale_for: float = STALE_FOR,
        verify: ssl.SSLContext | None = None,
        dice: Dice | None = None,
    ) -> None:
        if client is None or not all(client):
            raise ConfigurationError(["client: the name and the token of a service that holds decision:ask"])
        self._talk = Talk(server, client, verify)
        self._dice = dice or Dice()
        self._issuer = (issuer or self._talk.url).rstrip("/")
        self._origins = frozenset(origins) or frozenset({self._issuer})
        self._trusted = tuple(ipaddress.ip_network(each) for each in trusted_proxies)
        self._signed = Signed(self._talk.url, self._issuer, audience or self._issuer, self._dice)
        self._following = Following(self._talk.revocations, stale_for=stale_for, keys_changed=self._signed.keys_changed)
        self._asked: Cache[bytes, _Known] = Cache(KEPT)

    @property
    def is_secure(self) -> bool:
        return self._issuer.startswith("https://")

    def close(self) -> None:
        self._following.close()
        self._talk.close()

    # -- who? -------------------------------------------------------------------------------------------------------

    def visitor(self, shown: Shown) -> Visitor | Later[Visitor]:
        """See `Guard.visitor`."""
        credential = read_credential(shown.headers, secure=self.is_secure)
        if shown.is_unsafe and isinstance(credential, SessionCookie):
            require_same_origin(shown.headers, self._origins)
        role, address = shown.role, client_address(shown.peer, shown.headers, self._trusted)
        if self._following.is_fresh and (known := self._known(credential)) is not None:
            return self._admitted(known, credential, role, address)
        return Later(POOL, lambda: self._admitted(self._found_out(credential, address), credential, role, address))

    def _known(self, credential: Credential) -> Principal | None:
        """Who it is, without asking anybody; None for what has to be asked."""
        if isinstance(credential, NoCredential):
            if not self._following.allows_anonymous:
                raise Unauthenticated("this needs a signed-in caller")
            return Principal(subject=ANONYMOUS, method=Method.ANONYMOUS, scope=None)
        if isinstance(credential, BearerToken) and (known := self._signed.known(credential.token)) is not None:
            return known
        kept = self._asked.get(_key(credential))
        return kept.principal if kept is not None and kept.until > time.monotonic() else None

    def _found_out(self, credential: Credential, address: str) -> Principal:
        self._following.wait()
        if (known := self._known(credential)) is not None:
            return known
        if isinstance(credential, BearerToken) and self._signed.is_ours(credential.token):
            return self._signed.verify(credential.token)
        key = _key(credential)
        self._asked.drop(key)
        kept = self._asked.get_or_read(key, lambda _: self._ask(credential, address))
        if kept is None:
            raise InvalidToken
        return kept.principal

    def _ask(self, credential: Credential, address: str) -> _Known:
        secret, owner = _opaque(credential)
        if secret:
            found, life = _introspected(self._talk.introspect(secret), owner, self._dice.clock())
            return _Known(found, time.monotonic() + min(life, INTROSPECTED_FOR))
        shown = shown_again(credential, None, address, secure=self.is_secure)
        return _Known(_described(self._talk.me(shown)), time.monotonic() + ASKED_FOR)

    def _admitted(self, caller: Principal, credential: Credential, role: str | None, address: str) -> Visitor:
        self._following.require_not_ended(caller.credential_id, str(caller.subject), caller.provider)
        return Visitor.of(replace(caller, role=role, address=address), self, credential, role)

    # -- may? -------------------------------------------------------------------------------------------------------

    def may(self, visitor: Visitor, action: str, resource: Entity) -> Later[bool]:
        """See `Guard.may`.  Raises `ConfigurationError` for a question that the model does not know."""
        return Later(POOL, lambda: self._answers(visitor, (action,), resource)[0])

    def require(self, visitor: Visitor, action: str, resource: Entity, seen_by: str) -> Later[None]:
        """See `Guard.require`."""
        return Later(POOL, lambda: self._require(visitor, action, resource, seen_by))

    def _require(self, visitor: Visitor, action: str, resource: Entity, seen_by: str) -> None:
        seen_too = (seen_by,) if seen_by and seen_by != action else ()
        allowed, *sees = self._answers(visitor, (action, *seen_too), resource)
        if allowed:
            return
        if visitor.is_anonymous:
            raise Unauthenticated("this needs a signed-in caller")
        if not seen_by or any(sees):
            raise Forbidden(f"this takes {action} on {resource}, which {visitor.subject} does not have")
        raise NotFound(f"there is no {resource}")

    def _answers(self, visitor: Visitor, actions: tuple[str, ...], resource: Entity) -> list[bool]:
        # The application may ask in its own name: the server does not see then that the visitor was signed out meanwhile.
        self._following.require_not_ended(visitor.credential_id, str(visitor.subject), visitor.provider)
        shown, subject = self._asker(visitor)
        about = {"subject": subject} if subject else {}
        answers = self._talk.check(shown, [{"action": it, "resource": str(resource), **about} for it in actions])
        for action, answer in zip(actions, answers, strict=True):
            if answer is None:
                raise ConfigurationError([f"the model does not know {action} on {resource}"])
        # Whoever asks about somebody else asks without the ceiling of that one's token; it counts all the same.
        return [
            bool(answer) and _covers(visitor, action, resource) for action, answer in zip(actions, answers, strict=True)
        ]

    def _asker(self, visitor: Visitor) -> tuple[Headers, str]:
        """Whose credential asks, and about whom: the visitor's own about themselves, if the server takes it.

        A token for this application alone is of no use there (RFC 8707), so the application asks about its subject.
        """
        foreign = visitor.method is Method.ACCESS_TOKEN and self._signed.audience != self._issuer
        if not foreign:
            shown = shown_again(visitor.credential, visitor.chosen_role, visitor.address, secure=self.is_secure)
            return shown, ""
        if visitor.chosen_role is not None:
            raise InvalidRequest("X-Gatepost-Role is not taken with a token for this application alone")
        return self._talk.own, str(visitor.subject)

    def reach(self, visitor: Visitor, kind: str, action: str) -> Reach:
        """See `Guard.reach`.

        An id that nobody can know is allowed only by a role, and a role's permission is for every object of the type.
        """
        shown, _ = self._asker(visitor)
        if not _covers(visitor, action, Entity(kind, "any")):
            return Reach(everything=False)
        if self._answers(visitor, (action,), Entity(kind, self._dice.secret(40)))[0]:
            return Reach(everything=True)
        return Reach(everything=False, ids=tuple(self._talk.ids(shown, str(visitor.subject), action, kind)))


def _covers(visitor: Visitor, action: str, resource: Entity) -> bool:
    return visitor.scope is None or visitor.scope.covers(permission(resource.type, action))


def _opaque(credential: Credential) -> tuple[str, str]:
    """The `gp_` secret of a credential and the name that came with it, or nothing."""
    match credential:
        case BearerToken(token) if token.startswith(API_PREFIX):
            return token, ANY_OWNER
        case BasicCredential(username, secret) if secret.startswith(API_PREFIX):
            return secret, username
    return "", ""


def _introspected(answer: Mapping[str, Any], owner: str, clock: float) -> tuple[Principal, float]:
    """The principal of an opaque token, and how many seconds it has left."""
    life = answer.get("exp", clock + INTROSPECTED_FOR) - clock
    if answer.get("active") is not True or life <= 0:
        raise InvalidToken(detail="the server says that it is not active")
    subject = Entity.parse(str(answer["sub"]))
    named = owner.lower() if subject.type == "user" else owner
    if owner != ANY_OWNER and named != subject.id:
        raise InvalidToken(detail="the token is not of the user named with it")
    principal = Principal(
        subject=subject,
        method=Method.SERVICE_TOKEN if subject.type == "service" else Method.API_TOKEN,
        scope=Scope.parse(str(answer.get("scope", ""))),
        credential_id=str(answer["jti"]),
    )
    return principal, life


def _described(answer: Mapping[str, Any]) -> Principal:
    """The members of `/api/v1/me`.  What ceiling there is, the server applies to every question."""
    kind, name = str(answer["kind"]), answer["username"]
    if kind == ANONYMOUS.type or not isinstance(name, str):
        raise InvalidToken(detail="the server took a credential for none")
    method, provider = Method(str(answer["method"])), str(answer["provider"] or "")
    return Principal(subject=Entity(kind, name), method=method, scope=None, provider=provider)


def _key(credential: Credential) -> bytes:
    match credential:
        case BearerToken(token):
            text = f"bearer {token}"
        case BasicCredential(username, secret):
            text = f"basic {len(username)} {username}:{secret}"
        case SessionCookie(secret):
            text = f"cookie {secret}"
        case _:
            text = ""
    return hashlib.sha256(text.encode()).digest()
