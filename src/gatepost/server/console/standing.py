"""What somebody is to a resource: its owner, editor or viewer, and through what."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.access import Reason
from gatepost.directory.resources import Resource
from gatepost.directory.sharing import grantable_relations
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.naming import Names

# What an inherited or role-given action amounts to, strongest first.
AMOUNTS = (("manage_access", "owner"), ("edit", "editor"), ("view", "viewer"))
ACTIONS = {
    "view": "View it",
    "edit": "Edit it",
    "delete": "Delete it",
    "manage_access": "Manage who has access",
}
GIVES = {
    "owner": "May view, edit and delete it, and decide who has access.",
    "editor": "May view and edit it.",
    "viewer": "May view it.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`through` says where it comes from if it does not stand at the resource itself."""

    relation: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class May:
    """One action, whether the caller may, and why."""

    action: str
    label: str
    allowed: bool
    why: str


def standing_of(gate: Gatepost, caller: Principal, resource: Resource, names: Names) -> Standing:
    """The strongest relation that the caller has."""
    for relation in grantable_relations(gate, resource.type):
        decision = gate.decide(caller.asks(relation, resource.entity))
        if decision.allowed and decision.reason is Reason.GRANTED:
            return Standing(relation)
    kinds = gate.memory.graph.model.types[resource.type].relations
    for action, amount in AMOUNTS:
        if action not in kinds:
            continue
        decision = gate.decide(caller.asks(action, resource.entity))
        if decision.allowed:
            inherited = decision.reason is Reason.GRANTED and resource.parent
            through = f"through {names.resource(resource.parent)}" if inherited and resource.parent else "by a role"
            return Standing(amount, through)
    return Standing("viewer")


def actions_of(gate: Gatepost, kind: str) -> list[str]:
    """The actions of a type, in the order in which people think of them."""
    relations = gate.memory.graph.model.types[kind].relations
    return [action for action in ACTIONS if action in relations]


def what_may(gate: Gatepost, caller: Principal, resource: Resource) -> list[May]:
    """Every action with the reason for the answer."""
    found = []
    for action in actions_of(gate, resource.type):
        decision = gate.decide(caller.asks(action, resource.entity))
        found.append(May(action, ACTIONS[action], decision.allowed, decision.why))
    return found
