"""What is in a collection: as much of it as the caller can view."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from gatepost.directory.resources import Resource, names_of
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.console.naming import resource_icon
from gatepost.store.relations import holding

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Children:
    """What is in a collection, and whether that is not all."""

    shown: tuple[Child, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Child:
    """A resource whose parent this is."""

    type: str
    id: str
    display_name: str
    icon: str


def children_of(gate: Gatepost, caller: Principal, parent: Resource) -> Children:
    """The resources in `parent`, by type and id, at most 100."""
    with gate.database.read() as connection:
        rows = holding(connection, str(parent.entity), "parent")
    inside = (Entity.parse(row.object) for row in rows)
    visible = list(islice((entity for entity in inside if gate.may(caller, "view", entity)), MOST_SHOWN + 1))
    names = names_of(gate, visible)
    # A tuple may speak of something that was never made here (through /stores): then there is nothing to open.
    shown = [Child(e.type, e.id, names[e], resource_icon(e.type)) for e in visible[:MOST_SHOWN] if e in names]
    return Children(tuple(shown), more=len(visible) > MOST_SHOWN)
