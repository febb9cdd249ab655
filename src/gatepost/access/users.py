"""Who may, as OpenFGA lists them: people, wildcards and usersets, by the kinds that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Never

from gatepost.access.below import Below
from gatepost.access.check import by_relation, related_route
from gatepost.access.edges import Edges, Route
from gatepost.access.graph import Graph
from gatepost.access.moment import NOTHING, Moment
from gatepost.access.slices import SLICE, asked_in_slices, pause
from gatepost.access.usersets import PLAIN, who
from gatepost.errors import InvalidField
from gatepost.principal import Entity, Subject


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
        below = Below(edges, _wanted(edges, filters))
        number = route.ids.get(resource.id) or edges.nameless[resource.type]
        below.visit(number << edges.compiled.bits | route.relation)
    yield from followed(below, graph, moment.now, slice_size)

    if below.settled and route.plan is not None and route.plan.exact:
        everybody = list(below.found)
        for start in range(0, len(everybody), slice_size):
            yield tuple(_subject(edges, value, resource) for value in everybody[start : start + slice_size])
            pause()
        return

    def ask(value: int) -> Subject | None:
        return _subject(edges, value, resource) if _may(edges, route, value, number, moment) else None

    yield from asked_in_slices(list(below.found), lambda: ask, graph.lock, slice_size)


def followed(below: Below, graph: Graph, now: float, slice_size: int) -> Iterator[tuple[Never, ...]]:
    """Walk to the end, and answer nothing after each slice."""
    while not below.done:
        with graph.lock:
            below.catch_up()
            below.go(slice_size, now)
        pause()
        yield ()


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
