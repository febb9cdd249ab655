"""The roles that a credential carries elsewhere: to an application behind a gateway, or to Hasura.

There nobody asks us about the ceiling of a token, so a role goes along only where everything that it permits is within
that ceiling.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatepost.access import permissions_of, roles_of
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, Entity, Scope, Subject


def carried_roles(
    gate: Gatepost, subject: Entity, scope: Scope | None, *, groups: Iterable[str] = (), roles: Iterable[str] = ()
) -> frozenset[str]:
    """The names of the subject's roles, those vouched for (`roles`, and through `groups`) included.

    A role without permissions here may mean anything there, so under a ceiling it is left out.
    """
    who, graph = Subject.of(subject), gate.memory.graph
    groups, roles = frozenset(groups), frozenset(roles)
    held = roles_of(who, graph, groups, roles)
    if scope is None or scope == FULL_SCOPE:
        return held
    permitted = {name: permissions_of(who, graph, name, groups, roles) for name in held}
    return frozenset(name for name, those in permitted.items() if those and Scope(those).within(scope.patterns))
