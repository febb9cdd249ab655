"""Who may, as OpenFGA lists them: people, wildcards and usersets, by the kinds that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gatepost.access.check import by_relation, related_route
from gatepost.access.decision import TooComplex
from gatepost.access.edges import Edges, Route, spread
from gatepost.access.graph import Graph
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union
from gatepost.access.moment import NOTHING, Moment
from gatepost.access.usersets import PLAIN, who
from gatepost.errors import InvalidField
from gatepost.principal import Entity, Subject

MAX_CANDIDATES = 1_000_000
SLICE = 500


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Whom to list: a type's individuals and its wildcard, or with `relation` its usersets."""

    type: str
    relation: str = ""


def list_users(
    resource: Entity,
    relation: str,
    filters: Iterable[UserFilter],
    graph: Graph,
    context: Mapping[str, object] = NOTHING,
) -> tuple[Subject, ...]:
    """List whom the model gives `relation`, of the kinds that `filters` name, ordered and complete.

    A wildcard `user:*` stands for everybody of its type but those that an exclusion names; whoever is named beside it is
    listed too.  Roles' permissions do not count.  Raises `InvalidField` for a type or a relation that the model does not
    have, `ConditionUndecided` and `TooComplex` where somebody's answer is not known.
    """
    return tuple(sorted(each for part in walk_users(resource, relation, filters, graph, context) for each in part))


def walk_users(
    resource: Entity,
    relation: str,
    filters: Iterable[UserFilter],
    graph: Graph,
    context: Mapping[str, object] = NOTHING,
    slice_size: int = SLICE,
) -> Iterator[tuple[Subject, ...]]:
    """As `list_users`, unordered and in slices, some of them empty.  The lock is held for one slice at a time."""
    with graph.lock:
        edges, moment = graph.edges, graph.moment(context)
        route = related_route(edges, resource.type, relation)
        below = _Below(edges, _wanted(edges, filters))
        number = route.ids.get(resource.id) or edges.nameless[resource.type]
        below.visit(number << edges.compiled.bits | route.relation)
    while not below.done:
        with graph.lock:
            below.go(slice_size, moment.now)
        yield ()
    candidates = list(below.found)
    for start in range(0, len(candidates), slice_size):
        with graph.lock:
            part = candidates[start : start + slice_size]
            found = [value for value in part if _may(edges, route, value, number, moment)]
            yield tuple(_subject(edges, value, resource) for value in found)


def _wanted(edges: Edges, filters: Iterable[UserFilter]) -> frozenset[int]:
    """The filters as relations of types, with 0 for individuals."""
    compiled, wanted = edges.compiled, set[int]()
    for each in filters:
        if each.type not in compiled.kinds:
            raise InvalidField({"user_filters": f"unknown type {each.type}: one of {', '.join(compiled.kinds)}"})
        if not each.relation:
            wanted |= {compiled.kinds[each.type] << compiled.bits, compiled.kinds[each.type] + 1 << compiled.bits}
            continue
        key = compiled.relation_key(each.type, each.relation)
        if key is None:
            raise InvalidField({"user_filters": f"{each.relation} is not a relation of {each.type}"})
        wanted.add(key)
    return frozenset(wanted)


def _may(edges: Edges, route: Route, value: int, number: int, moment: Moment) -> bool:
    bits = edges.compiled.bits
    name = edges.names[value >> bits]
    subject = Subject(edges.kind_name(value >> bits), name, edges.compiled.relation_names[value & edges.compiled.mask])
    return by_relation(edges, route, who(edges, subject, PLAIN, moment), number, moment)


def _subject(edges: Edges, value: int, resource: Entity) -> Subject:
    compiled = edges.compiled
    name = edges.names[value >> compiled.bits] or resource.id  # an object that no tuple names has no name here
    return Subject(edges.kind_name(value >> compiled.bits), name, compiled.relation_names[value & compiled.mask])


class _Below:
    """A walk from one relation of one object to everybody whom its definition might mean, exclusions included."""

    __slots__ = ("_seen", "_todo", "edges", "found", "wanted")

    def __init__(self, edges: Edges, wanted: frozenset[int]) -> None:
        self.edges = edges
        self.wanted = wanted
        self.found: set[int] = set()
        self._seen: set[int] = set()
        self._todo: list[int] = []

    @property
    def done(self) -> bool:
        return not self._todo

    def visit(self, key: int) -> None:
        if key not in self._seen:
            if len(self._seen) >= MAX_CANDIDATES:
                raise TooComplex(f"the list takes more than {MAX_CANDIDATES} steps")
            self._seen.add(key)
            if key & self.edges.compiled.mask:
                self._todo.append(key)
            if self.edges.relation_key(key) in self.wanted:
                self.found.add(key)

    def go(self, steps: int, now: float) -> None:
        """Look at most so many relations further.  Call with the graph's lock held."""
        rewrites = self.edges.compiled.rewrites
        while self._todo and steps > 0:
            steps -= 1
            key = self._todo.pop()
            rewrite = rewrites.get(self.edges.relation_key(key))
            if rewrite is not None:
                self._follow(rewrite, key, now)

    def _follow(self, rewrite: Rewrite, key: int, now: float) -> None:
        compiled = self.edges.compiled
        base = key & ~compiled.mask
        match rewrite:
            case Direct():
                for value in self._named(key, now):
                    self.visit(value)
            case Computed(relation):
                self.visit(base | compiled.relations[relation])
            case FromParent(relation, tupleset):
                for value in self._named(base | compiled.relations[tupleset], now):
                    self.visit(value | compiled.relations[relation])
            case Union(children) | Intersection(children):
                for child in children:
                    self._follow(child, key, now)
            case Exclusion(kept, subtract):
                self._follow(kept, key, now)
                self._follow(subtract, key, now)

    def _named(self, key: int, now: float) -> Iterator[int]:
        """Yield the subjects of a forward key, whatever their condition: each is asked about in the end."""
        yield from (value for value in spread(self.edges.forward.get(key)) if value)
        for value, (expires, _) in self.edges.timed.get(key, {}).items():
            if expires > now:
                yield value
