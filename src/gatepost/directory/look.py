"""One look at the state, from which a plan is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal


@dataclass(frozen=True, slots=True)
class Look:
    """A look through one transaction.  With `prune`, what files made and do not name any more goes."""

    gate: Gatepost
    caller: Principal
    connection: Connection
    now: datetime
    prune: bool

    def sees(self, resource: Entity) -> bool:
        """Tell whether the caller can view a resource.  Of a type that there is not yet, nobody sees any."""
        known = self.gate.memory.graph.model.types.get(resource.type)
        return known is not None and "view" in known.relations and self.gate.may(self.caller, "view", resource)
