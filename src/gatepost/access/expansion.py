"""Expand: one relation of one object as a tree of what its definition looks up, in the form of OpenFGA's API."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost.access.check import related_route
from gatepost.access.edges import Edges
from gatepost.access.graph import Graph
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union
from gatepost.access.slices import in_order
from gatepost.access.validate import parts
from gatepost.principal import Entity

Tree = dict[str, object]


def expand(resource: Entity, relation: str, graph: Graph) -> Tree:
    """Return the root node: `{"name": "document:1#viewer", "leaf" | "union" | "intersection" | "difference": ...}`.

    One step deep: usersets are named and not opened.  Tuples under a condition count, expired ones do not.  Raises
    `InvalidField` for a type or a relation that the model does not have.
    """
    with graph.lock:
        edges, now = graph.edges, graph.clock()
        route = related_route(edges, resource.type, relation)
        rewrite = edges.compiled.rewrites[edges.compiled.key(resource.type, relation)]
        number = route.ids.get(resource.id)
        named = {name: _named(edges, number, name, now) for name in {relation, *_tuplesets(rewrite)}}
    return _Expansion(edges, resource, relation, named).node(rewrite)


def _tuplesets(rewrite: Rewrite) -> set[str]:
    return {part.tupleset for part in parts(rewrite) if isinstance(part, FromParent)}


def _named(edges: Edges, number: int | None, relation: str, now: float) -> list[int]:
    """The subjects of one relation that count."""
    if number is None:
        return []
    key = number << edges.compiled.bits | edges.compiled.relations[relation]
    timed = edges.timed.get(key, {})
    return [*edges.held(key), *(value for value, (expires, _) in timed.items() if expires > now)]


class _Expansion:
    """The tree of what was found, written without the graph's lock: a relation may have a million subjects."""

    __slots__ = ("edges", "found", "name", "relation", "resource")

    def __init__(self, edges: Edges, resource: Entity, relation: str, found: dict[str, list[int]]) -> None:
        self.edges = edges
        self.resource = resource
        self.relation = relation
        self.found = found
        self.name = f"{resource}#{relation}"

    def node(self, rewrite: Rewrite) -> Tree:
        match rewrite:
            case Direct():
                return self._leaf("users", {"users": list(self._named(self.relation))})
            case Computed(relation):
                return self._leaf("computed", {"userset": f"{self.resource}#{relation}"})
            case FromParent(relation, tupleset):
                above = [{"userset": f"{parent}#{relation}"} for parent in self._named(tupleset)]
                return self._leaf("tupleToUserset", {"tupleset": f"{self.resource}#{tupleset}", "computed": above})
            case Union(children):
                return {"name": self.name, "union": {"nodes": [self.node(child) for child in children]}}
            case Intersection(children):
                return {"name": self.name, "intersection": {"nodes": [self.node(child) for child in children]}}
            case Exclusion(base, subtract):
                return {"name": self.name, "difference": {"base": self.node(base), "subtract": self.node(subtract)}}

    def _leaf(self, kind: str, content: Tree) -> Tree:
        return {"name": self.name, "leaf": {kind: content}}

    def _named(self, relation: str) -> Iterator[str]:
        return in_order([self.edges.text(value) for value in self.found[relation]])
