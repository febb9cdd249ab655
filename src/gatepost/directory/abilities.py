"""What a caller may do, for whoever shows it to them: a button that would be refused need not be offered.

It is the answer of this moment, and no permission: every operation asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gatepost import access
from gatepost.access import ConditionUndecided, TooComplex
from gatepost.access.model import Rewrite, direct
from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.directory.resources import resource_types
from gatepost.directory.sharing import ACTIONS, STRUCTURE
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal

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


@dataclass(frozen=True, slots=True)
class AbilitiesOn:
    """Of some actions, those that the caller may do to one resource, and those of which that cannot be told.

    `undecided` hang on a condition that needs values which come with the question only: an operation asks without them,
    and so refuses.
    """

    allowed: frozenset[str]
    undecided: frozenset[str]


def abilities_on(gate: Gatepost, caller: Principal, resource: Entity, among: Iterable[str] = ACTIONS) -> AbilitiesOn:
    """Which of these actions the caller may do to one resource; what its type does not have nobody may."""
    known = _relations(gate, resource.type)
    allowed, undecided = set(), set()
    for action in among:
        if action not in known or (action != ONLY_READING and caller.is_anonymous):
            continue
        try:
            if gate.may(caller, action, resource):
                allowed.add(action)
        except (ConditionUndecided, TooComplex):
            undecided.add(action)
    return AbilitiesOn(frozenset(allowed), frozenset(undecided))


def actions_of(gate: Gatepost, kind: str) -> tuple[str, ...]:
    """What can be done to a resource of a type: what can be granted only by way of something else, and is no parent."""
    known = _relations(gate, kind)
    own = (name for name in known if not direct(known[name]) and name not in ACTIONS and name not in STRUCTURE)
    return (*(action for action in ACTIONS if action in known), *own)


def _relations(gate: Gatepost, kind: str) -> Mapping[str, Rewrite]:
    found = gate.memory.graph.model.types.get(kind)
    return found.relations if found is not None else {}


def abilities_on_noun(gate: Gatepost, caller: Principal, noun: str) -> frozenset[str]:
    """Which actions of a noun of the platform, such as `user`, the caller may do: to each of them, as a rule."""
    if caller.is_anonymous:
        return frozenset()
    names = (name for name in PLATFORM_PERMISSIONS if name.startswith(f"{noun}:"))
    return frozenset(name.partition(":")[2] for name in names if gate.may(caller, name))


def abilities_on_user(gate: Gatepost, caller: Principal, username: str, external: str | None) -> frozenset[str]:
    """Which of `edit`, `delete`, `reset_password` and `sync` the caller may do to a person, so far as permissions tell.

    One's own name and password are one's own.  That a person carries more than the caller, and is spared for that, is
    found when it is tried: it takes a look at everything that both hold.
    """
    held = abilities_on_noun(gate, caller, "user")
    if caller.subject == Entity("user", username):
        held |= {action for action in ("edit", "reset_password") if _within(caller, f"user:{action}")}
        if caller.method in (Method.API_TOKEN, Method.DELEGATED):
            held -= {"reset_password"}
    return held - {"reset_password"} if external else held


def _within(caller: Principal, permission: str) -> bool:
    return caller.scope is None or caller.scope.covers(permission)


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
            for action in actions_of(gate, kind)
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
