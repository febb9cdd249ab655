"""Lists."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gatepost.access.graph import Graph
from gatepost.principal import Entity, Question


@dataclass(frozen=True, slots=True)
class Found:
    """`everything`: a role grants the action on every object of the type; `ids` then lists those with a tuple."""

    ids: tuple[str, ...]
    everything: bool
    revision: str


def objects(question: Question, graph: Graph) -> Found:
    """All objects of `question.resource.type` (its id is ignored), `type:id`, ordered."""
    raise NotImplementedError


def walk_objects(question: Question, graph: Graph, slice_size: int = 500) -> Iterator[tuple[str, ...]]:
    """As `objects`, in slices (some empty) between which a caller may pause."""
    raise NotImplementedError


def subjects(resource: Entity, action: str, graph: Graph) -> tuple[str, ...]:
    """All subjects that may: users and services with a tuple somewhere, wildcards; ordered."""
    raise NotImplementedError


def access_list(resource: Entity, graph: Graph) -> tuple[tuple[str, str, str], ...]:
    """Tuples on the resource and, inherited, on its parents: (subject, relation, via object)."""
    raise NotImplementedError
