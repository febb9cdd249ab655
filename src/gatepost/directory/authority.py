"""What somebody carries, and the rule that nobody hands out more than they hold.

To grant a role, add to a group, mint a token or reset a password is to hand over everything that comes with it.  So each
of these asks whether the caller holds all of it already: the permissions of roles, and the shares on resources.

What an issuer vouches for, for one session or one call, is used and not handed out: in other hands, or under the same
person's own name, it would go on when the provider has long taken it back.  Who is to hand out gets the role for good,
by hand or by `role_map`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gatepost.access import AuthorizationModel, Reason, grants_of, permissions_of
from gatepost.access.given import relations_given_by
from gatepost.directory.inheritance import relations_given_below
from gatepost.directory.permissions import PLATFORM_PERMISSIONS, PROTECTED_TYPES
from gatepost.errors import Forbidden, InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Scope, Subject, permission

MOST_PATTERNS = 200
BEYOND_VIEWING = frozenset({"owner", "editor", "edit", "delete", "manage_access"})


def held_permissions(gate: Gatepost, caller: Principal) -> Scope:
    """The permissions that the caller's roles give now, those that an issuer vouches for among them."""
    subject = Subject.of(caller.subject)
    return Scope(
        frozenset(
            permissions_of(subject, gate.memory.graph, role=caller.role, groups=caller.groups, roles=caller.roles)
        )
    )


def for_good(caller: Principal) -> Principal:
    """The caller without what an issuer vouches for: that ends with the session or the call."""
    return replace(caller, roles=frozenset(), groups=frozenset()) if caller.roles or caller.groups else caller


def require_holds(gate: Gatepost, caller: Principal, patterns: Iterable[str]) -> None:
    """Raise `Forbidden` unless the caller's roles, within the caller's scope, hold every pattern."""
    held = held_permissions(gate, for_good(caller))
    for pattern in sorted(patterns):
        if not held.covers(pattern) or (caller.scope is not None and not caller.scope.covers(pattern)):
            if held_permissions(gate, caller).covers(pattern):
                raise Forbidden(
                    f"you cannot hand out {pattern}: {caller.provider or 'your provider'} vouches for it, and that ends "
                    "with your session; role_map gives a role for good"
                )
            raise Forbidden(f"you cannot hand out {pattern}, which you do not hold yourself")


def is_unlimited(gate: Gatepost, caller: Principal) -> bool:
    """Tell whether the caller may do everything: then there is nothing to compare."""
    held = held_permissions(gate, for_good(caller))
    return (caller.scope is None or caller.scope.covers("*:*")) and held.covers("*:*")


def require_carries_no_more(gate: Gatepost, caller: Principal, subject: Subject) -> None:
    """Raise `Forbidden` if `subject` (a person, or a group's members) carries what the caller does not hold."""
    if is_unlimited(gate, caller):
        return
    graph = gate.memory.graph
    require_holds(gate, caller, permissions_of(subject, graph))
    for name, relation in grants_of(subject, graph):
        resource = Entity.parse(name)
        if resource.type not in ("group", "role", "platform"):
            require_may_grant(gate, caller, relation, resource)


def require_may_grant(gate: Gatepost, caller: Principal, relation: str, resource: Entity) -> None:
    """Raise `Forbidden` unless the caller may do to `resource` all that `relation` to it would allow."""
    model = gate.memory.graph.model
    below: set[str] = set()
    lasting = for_good(caller)
    for action in relations_given_by(model, resource.type, relation):
        decision = gate.decide(lasting.asks(action, resource))
        if not decision.allowed:
            raise Forbidden(f"you cannot hand out {relation} of {resource}: you may not {action} it yourself")
        if decision.reason is Reason.ROLE_PERMISSION:
            # A role's permission ends at the type it names; the relation that is handed out goes on to what is inside.
            below.update(f"{kind}:{inner}" for kind, inner in relations_given_below(model, resource.type, action))
    require_holds(gate, caller, below)


def more_than_view(model: AuthorizationModel, kind: str, relation: str) -> frozenset[str]:
    """What a relation gives beyond viewing.  Whoever is anonymous can be granted no such relation."""
    given = relations_given_by(model, kind, relation)
    return (given - {relation, "view", "viewer"}) | (given & BEYOND_VIEWING)


def require_patterns(gate: Gatepost, patterns: Iterable[str], field: str) -> frozenset[str]:
    """Check `type:action` patterns against the types and actions that there are.  Raises `InvalidField`."""
    wanted = frozenset(patterns)
    if len(wanted) > MOST_PATTERNS:
        raise InvalidField({field: f"too many: {MOST_PATTERNS} at most"})
    known = frozenset(known_permissions(gate))
    for pattern in sorted(wanted):
        kind, colon, action = pattern.partition(":")
        if not colon or not kind or not action:
            raise InvalidField({field: f"{pattern[:80]!r} is not of the form type:action"})
        matches = (p for p in known if (kind in ("*", p.partition(":")[0])) and action in ("*", p.partition(":")[2]))
        if next(matches, None) is None:
            raise InvalidField({field: f"{pattern[:80]!r} is no permission: there is no such type or action"})
    return wanted


def known_permissions(gate: Gatepost) -> Iterator[str]:
    """Every permission that a role can hold: the platform's own, and each resource type's actions."""
    yield from PLATFORM_PERMISSIONS
    for name, kind in gate.memory.graph.model.types.items():
        if name not in PROTECTED_TYPES:
            yield f"{name}:create"
            yield from (permission(name, relation) for relation in kind.relations)
