"""What a decision point speaks for: the platform's own store, or a further one below `/stores`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gatepost.directory.evaluation import Asked, answer
from gatepost.directory.searching import search_actions, search_resources, search_subjects
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.stores.decisions import StoreDecisions

Context = Mapping[str, object]
MAIN = "main"


class Target(Protocol):
    """The questions, each about things written `type:id`; lists are whole and in order."""

    def decide(self, subject: str, action: str, resource: str, context: Context) -> bool: ...

    def resources(self, subject: str, action: str, kind: str, context: Context) -> list[str]: ...

    def subjects(self, kind: str, action: str, resource: str, context: Context) -> list[str]: ...

    def actions(self, subject: str, resource: str, context: Context) -> tuple[list[str], list[str]]: ...


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform's own store: with its roles, its directory, and what everybody may ask about themselves."""

    gate: Gatepost
    caller: Principal

    def decide(self, subject: str, action: str, resource: str, context: Context) -> bool:
        asked = Asked(action=action, resource=resource, subject=subject, context=context or None)
        return answer(self.gate, self.caller, asked).allowed

    def resources(self, subject: str, action: str, kind: str, context: Context) -> list[str]:
        return search_resources(self.gate, self.caller, subject, action, kind, context)

    def subjects(self, kind: str, action: str, resource: str, context: Context) -> list[str]:
        return search_subjects(self.gate, self.caller, kind, action, resource, context)

    def actions(self, subject: str, resource: str, context: Context) -> tuple[list[str], list[str]]:
        return search_actions(self.gate, self.caller, subject, resource, context)


def target_of(gate: Gatepost, caller: Principal, store: str) -> Target:
    """The target that an address names; no store is the platform's own.  Raises `StoreError`."""
    own = gate.memory.stores.main
    if not store or store == MAIN or (own is not None and store == own.id):
        return Platform(gate, caller)
    return StoreDecisions(gate, caller, store)
