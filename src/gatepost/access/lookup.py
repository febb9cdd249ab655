"""What a relation looks up: flat plans, and their combinations by `or`, `and` and `but not`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ENDLESS = 1_000_000
NO_RELATION = 0  # the relation number of no relation, so that a plain subject's value is its id shifted


@dataclass(slots=True, eq=False)
class Link:
    """Whoever is found by `source` holds `relation` here, by a tuple that names it with relation `suffix` (0: none)."""

    source: Plan
    suffix: int
    relation: int


@dataclass(slots=True, eq=False)
class Plan:
    """One set of relations of one type, flattened.

    `exact` says that the flat form is the whole answer: no `and`, no `but not`, and every userset on the way is in the
    subject's memo.  Otherwise the form holds at least everybody who may, and each has to be asked about.
    """

    kind: int
    relations: frozenset[int]
    own: tuple[int, ...] = ()
    cells: tuple[int, ...] = ()  # where `own` stands among an object's cells
    parents: tuple[tuple[int, dict[int, Plan]], ...] = ()
    parent_cells: tuple[tuple[int, dict[int, Plan]], ...] = ()
    links: tuple[Link, ...] = ()
    exact: bool = True
    height: int = ENDLESS  # how many parents, one above another, the types allow; ENDLESS where they go in a circle
    combined: Combined | None = None  # of one that is not exact: how exact ones make it up, if they do

    def reachable(self) -> list[Plan]:
        """This plan and all that it draws on."""
        found: dict[int, Plan] = {}
        todo = [self]
        while todo:
            plan = todo.pop()
            if id(plan) not in found:
                found[id(plan)] = plan
                todo.extend(link.source for link in plan.links)
        return list(found.values())


class How(Enum):
    """How the answers of parts make up one."""

    OR = "or"
    AND = "and"
    BUT_NOT = "but not"


@dataclass(slots=True, eq=False)
class Combined:
    """A relation whose parts are all exact: the first part, and what is added to it or taken from it."""

    how: How
    parts: tuple[Plan | Combined, ...]

    def leaves(self) -> list[Plan]:
        return [leaf for part in self.parts for leaf in ([part] if isinstance(part, Plan) else part.leaves())]

    @property
    def height(self) -> int:
        return max(leaf.height for leaf in self.leaves())
