"""What somebody is to a resource: its owner, editor or viewer, and through what."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.access import Decision, Reason
from gatepost.directory.resources import Resource
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
CANNOT = {
    "edit": "Only an editor or an owner may change this.",
    "delete": "Only an owner may delete this.",
    "manage_access": "Only an owner may change who has access.",
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
    """The strongest that the caller is, and the reason for that one."""
    kinds = gate.memory.graph.model.types[resource.type].relations
    for action, amount in AMOUNTS:
        if amount in kinds and _is_granted(gate.decide(caller.asks(amount, resource.entity))):
            return Standing(amount)
        if action not in kinds:
            continue
        decision = gate.decide(caller.asks(action, resource.entity))
        if decision.allowed and (not _is_granted(decision) or resource.parent is None):
            return Standing(amount, "" if _is_granted(decision) else "by a role")
        if decision.allowed and resource.parent:
            return Standing(amount, f"through {names.resource(resource.parent)}")
    return Standing("viewer")


def _is_granted(decision: Decision) -> bool:
    return decision.allowed and decision.reason is Reason.GRANTED


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
