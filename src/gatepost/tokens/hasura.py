"""What Hasura is told of a caller: which roles, which of them when none is asked for, and who it is.

Hasura's own rules then decide, so this says no more than the credential carries: see `carried_roles`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatepost.gate import Gatepost
from gatepost.principal import Entity, Scope
from gatepost.tokens.carried_roles import carried_roles
from gatepost.tokens.identity_tokens import shown_name

NAMESPACE = "https://hasura.io/jwt/claims"
ADMIN = "admin"  # Hasura asks nothing before this role


@dataclass(frozen=True, slots=True)
class HasuraRoles:
    """The roles that may be asked for, ordered, and the one of a request that asks for none."""

    allowed: tuple[str, ...]
    default: str


def hasura_roles(
    gate: Gatepost,
    subject: Entity,
    scope: Scope | None,
    *,
    groups: Iterable[str] = (),
    roles: Iterable[str] = (),
    default: str | None = None,
) -> HasuraRoles | None:
    """Choose the roles of a caller, None where there is none.

    The default is `default` where the caller has it; else one of `main.default_roles`, else the first by name.  It is
    admin only for whoever has no other.
    """
    held = carried_roles(gate, subject, scope, groups=groups, roles=roles)
    if not held:
        return None
    usual = (*gate.settings.main.default_roles, *sorted(held))
    without_admin = [name for name in usual if name in held and name != ADMIN]
    chosen = default if default is not None and default in held else next(iter(without_admin), ADMIN)
    return HasuraRoles(tuple(sorted(held)), chosen)


def hasura_claims(gate: Gatepost, subject: Entity, session: str, scope: Scope) -> dict[str, object]:
    """The claims that Hasura reads in an access token (JWT mode); none for whoever has no role.

    They are a copy, and as old as the token: what changes here holds there when the token is renewed.
    """
    carried = gate.memory.session_roles.of(session)
    found = hasura_roles(
        gate, subject, scope, roles=carried.roles if carried else (), default=carried.default if carried else None
    )
    if found is None:
        return {}
    return {
        NAMESPACE: {
            "x-hasura-allowed-roles": list(found.allowed),
            "x-hasura-default-role": found.default,
            "x-hasura-user-id": shown_name(subject),
        }
    }
