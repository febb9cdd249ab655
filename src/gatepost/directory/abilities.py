"""What a caller may do, for whoever shows it to them: a button that would be refused need not be offered.

It is the answer of this moment, and no permission: every operation asks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gatepost import access
from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.directory.resources import resource_types
from gatepost.directory.sharing import ACTIONS
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal

ONLY_READING = "view"  # is all that an anonymous caller may ever do, whatever a tuple gives them


@dataclass(frozen=True, slots=True)
class Ability:
    """One permission `type:action`, what it is for, and whether the caller has it, for every object of the type."""

    permission: str
    description: str
    allowed: bool

    @property
    def action(self) -> str:
        return self.permission.partition(":")[2]


@dataclass(frozen=True, slots=True)
class TypeAbilities:
    """What the caller may do with a type of resources, or with a noun of the platform, such as `user`."""

    type: str
    is_resource: bool
    permissions: tuple[Ability, ...]


def abilities_on(gate: Gatepost, caller: Principal, resource: Entity) -> frozenset[str]:
    """Which of `view`, `edit`, `delete` and `manage_access` the caller may do to one resource."""
    kind = gate.memory.graph.model.types.get(resource.type)
    known = kind.relations if kind is not None else {}
    return frozenset(
        action
        for action in ACTIONS
        if action in known
        and (action == ONLY_READING or not caller.is_anonymous)
        and gate.may(caller, action, resource)
    )


def abilities(gate: Gatepost, caller: Principal) -> list[TypeAbilities]:
    """What the caller may do with each type of resources, and with each noun of the platform."""
    return [*_of_resources(gate, caller), *_of_platform(gate, caller)]


def _of_resources(gate: Gatepost, caller: Principal) -> Iterator[TypeAbilities]:
    graph = gate.memory.graph
    for kind in resource_types(gate):
        everywhere = [
            Ability(
                f"{kind}:{action}",
                f"{action.replace('_', ' ')} every {kind}",
                (action == ONLY_READING or not caller.is_anonymous)
                and access.everything(caller.asks(action, Entity(kind, "any")), graph),
            )
            for action in ACTIONS
            if action in graph.model.types[kind].relations
        ]
        may_create = not caller.is_anonymous and gate.may(caller, f"{kind}:create")
        create = Ability(f"{kind}:create", f"make a {kind}", may_create)
        yield TypeAbilities(kind, permissions=(create, *everywhere), is_resource=True)


def _of_platform(gate: Gatepost, caller: Principal) -> Iterator[TypeAbilities]:
    nouns: dict[str, list[Ability]] = {}
    for name, description in PLATFORM_PERMISSIONS.items():
        allowed = not caller.is_anonymous and gate.may(caller, name)
        nouns.setdefault(name.partition(":")[0], []).append(Ability(name, description, allowed))
    for noun, permissions in nouns.items():
        yield TypeAbilities(noun, permissions=tuple(permissions), is_resource=False)
