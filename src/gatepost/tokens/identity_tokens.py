"""Identity tokens: what a gateway hands to the application behind it, as proof of who is calling.

They are signed with the key of `/.well-known/jwks.json`, but are of a type of their own (RFC 8725 section 3.11) and for
the application alone, so an application cannot use one against Gatepost, nor one that it was given at another
application; and no access token passes for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity
from gatepost.tokens.access_tokens import IDENTITY_TYPE, sign, verified

LIFE_SECONDS = 120
RENEWED_AFTER_SECONDS = 60  # so that whatever an application gets is good for a minute at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is calling, as an application behind a gateway is told.  Groups and roles are ordered.

    `scope` is the ceiling of the credential, None where it has none.  `email` is empty unless it was verified.
    """

    subject: Entity
    email: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    scope: str | None = None


def mint_identity(gate: Gatepost, identity: Identity, audience: str) -> str:
    """Sign who is calling, for one application and two minutes."""
    now = int(gate.dice.clock())
    claims: dict[str, object] = {
        "iss": gate.settings.main.public_url,
        "aud": audience,
        "sub": str(identity.subject),
        "iat": now,
        "exp": now + LIFE_SECONDS,
        "jti": gate.new_id(),
        "preferred_username": shown_name(identity.subject),
        "groups": list(identity.groups),
        "roles": list(identity.roles),
    }
    if identity.email:
        claims |= {"email": identity.email, "email_verified": True}
    if identity.scope is not None:
        claims["scope"] = identity.scope
    return sign(gate, claims, IDENTITY_TYPE)


def read_identity(gate: Gatepost, token: str, audience: str) -> Mapping[str, object]:
    """Return the claims of an identity token for `audience`.  Raises `InvalidToken` for anything else."""
    claims = verified(gate, token, IDENTITY_TYPE)
    if claims.get("aud") != audience:
        raise InvalidToken(detail="an identity for another application")
    return claims


def shown_name(subject: Entity) -> str:
    """A person by the username, a service as `service:NAME`: no username has a colon, so nobody is taken for one."""
    return subject.id if subject.type == "user" else str(subject)
