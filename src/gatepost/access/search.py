"""The lists: what a subject may reach, who may reach a resource, and the tuples that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatepost.access.check import by_relation, counts, route_of, subject_of
from gatepost.access.edges import Edges, Route
from gatepost.access.graph import Graph
from gatepost.access.moment import NOTHING, Moment
from gatepost.access.plan import Plan
from gatepost.access.reach import Reach
from gatepost.principal import ANYONE, Entity, Question, Subject, permission

SLICE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """`everything`: a role allows the action on every object of the type; `ids` are then those that tuples name."""

    ids: tuple[str, ...]
    everything: bool
    revision: str


@dataclass(frozen=True, slots=True)
class Access:
    """One tuple in force that gives somebody a relation: `via` is the object it stands on (a parent's is inherited)."""

    subject: str
    relation: str
    via: str
    expires_at: float | None = None
    condition: str | None = None


def objects(question: Question, graph: Graph) -> Found:
    """List all objects `type:id` of the question's resource type that the subject may; the resource's id is ignored.

    Ordered.  Raises as `check` does.
    """
    found = [name for part in walk_objects(question, graph) for name in part]
    return Found(tuple(sorted(found)), everything(question, graph), graph.revision)


def everything(question: Question, graph: Graph) -> bool:
    """Tell whether a role allows the action on every object of the type, also those that no tuple names."""
    if _outside_scope(question):
        return False
    with graph.lock:
        route = route_of(graph.edges, question.resource.type, question.action)
        someone = subject_of(graph.edges, question, graph.moment(question.context))
        return bool(someone.permissions & route.permissions) and counts(question.subject.type, question)


def walk_objects(question: Question, graph: Graph, slice_size: int = SLICE) -> Iterator[tuple[str, ...]]:
    """As `objects`, unordered and in slices, some of them empty, between which the caller may pause.

    The lock is held for one slice at a time.  If the graph changes on the way, each object is asked about again before
    it is given out, so that nothing is listed that may no longer be seen.
    """
    if _outside_scope(question):
        return
    with graph.lock:
        edges = graph.edges
        sequence = edges.sequence
        route = route_of(edges, question.resource.type, question.action)
        someone = subject_of(edges, question, graph.moment(question.context))
        all_of_them = everything(question, graph)
        numbers = [number for name, number in route.ids.items() if name != ANYONE] if all_of_them else []
        reach = None if all_of_them or route.plan is None else Reach(edges, route.plan, someone)
    while reach is not None and not reach.done:
        with graph.lock:
            reach.go(slice_size)
        yield ()
    if reach is not None:
        numbers = list(reach.found)
    surely = reach is None or reach.surely
    for start in range(0, len(numbers), slice_size):
        names = [edges.names[number] for number in numbers[start : start + slice_size]]
        with graph.lock:
            if not (surely and graph.edges is edges and edges.sequence == sequence and graph.clock() < someone.until):
                names = _still(question, graph, names)
        yield tuple(f"{question.resource.type}:{name}" for name in names)


def _outside_scope(question: Question) -> bool:
    return question.scope is not None and not question.scope.covers(permission(question.resource.type, question.action))


def _still(question: Question, graph: Graph, names: list[str]) -> list[str]:
    """Ask about each object, on the graph as it is now."""
    if everything(question, graph):
        return names
    edges, moment = graph.edges, graph.moment(question.context)
    route, someone = route_of(edges, question.resource.type, question.action), subject_of(edges, question, moment)
    return [name for name in names if by_relation(edges, route, someone, route.ids.get(name), moment)]


def subjects(resource: Entity, action: str, graph: Graph, context: Mapping[str, object] = NOTHING) -> tuple[str, ...]:
    """List everybody who may: users and services that tuples name, and wildcards (`user:*`), ordered.

    Groups and roles come as their members.  Raises as `check` does.
    """
    with graph.lock:
        edges, moment = graph.edges, graph.moment(context)
        route = route_of(edges, resource.type, action)
        allowed: list[str] = []
        for value in _candidates(edges, route, resource.id, moment):
            text = edges.text(value)
            question = Question(subject=Subject.parse(text), action=action, resource=resource)
            someone = subject_of(edges, question, moment)
            by_role = bool(someone.permissions & route.permissions) and counts(question.subject.type, question)
            if by_role or by_relation(edges, route, someone, route.ids.get(resource.id), moment):
                allowed.append(text)
        return tuple(sorted(allowed))


def _candidates(edges: Edges, route: Route, name: str, moment: Moment) -> set[int]:
    """Everybody whom a plan or a role's permission might mean, as plain subjects."""
    compiled = edges.compiled
    found: set[int] = set()
    todo: list[tuple[Plan, int]] = []
    number = route.ids.get(name)
    if number is not None and route.plan is not None:
        todo.append((route.plan, number << compiled.bits))
    for granted in route.permissions:
        roles = (key & ~compiled.mask for key in edges.pointing_at(granted))
        todo += [(compiled.plans[compiled.key("role", "assignee")], role) for role in roles]
    seen = {(id(plan), base) for plan, base in todo}
    while todo:
        plan, base = todo.pop()
        for value, below in _one_step_down(edges, plan, base, moment):
            if below is None:
                found.add(value)
            elif (id(below), value) not in seen:
                seen.add((id(below), value))
                todo.append((below, value))
    return found


def _one_step_down(edges: Edges, plan: Plan, base: int, moment: Moment) -> Iterator[tuple[int, Plan | None]]:
    """Yield plain subjects (with no plan), and parents and usersets with the plan that goes on there."""
    compiled = edges.compiled
    for relation in plan.own:
        for value in _named(edges, base | relation, moment):
            suffix = value & compiled.mask
            if suffix:
                yield value - suffix, compiled.plans.get(edges.relation_key(value))
            else:
                yield value, None
    for tupleset, targets in plan.parents:
        for value in _named(edges, base | tupleset, moment):
            target = targets.get(edges.kinds[value >> compiled.bits])
            if target is not None:
                yield value, target


def _named(edges: Edges, key: int, moment: Moment) -> Iterator[int]:
    yield from edges.held(key)
    for value, _, _ in edges.alive(key, moment):
        yield value


def access_list(resource: Entity, graph: Graph) -> tuple[Access, ...]:
    """List the tuples in force on a resource and on its parents, however far up, the resource's own first."""
    with graph.lock:
        edges, moment = graph.edges, graph.moment()
        compiled = edges.compiled
        number = edges.ids.get(resource.type, {}).get(resource.id)
        todo = [] if number is None else [number << compiled.bits]
        seen = set(todo)
        found: list[Access] = []
        while todo:
            base = todo.pop(0)
            kind = edges.kinds[base >> compiled.bits]
            tuplesets = {
                tupleset for key, plan in compiled.plans.items() if plan.kind == kind for tupleset, _ in plan.parents
            }
            for relation in compiled.writable[edges.kind_name(base >> compiled.bits)].values():
                key = base | relation & compiled.mask
                if relation & compiled.mask not in tuplesets:
                    found += _tuples(edges, key, moment)
                    continue
                above = [value for value in _named(edges, key, moment) if value not in seen]
                seen.update(above)
                todo += above
        return tuple(found)


def _tuples(edges: Edges, key: int, moment: Moment) -> list[Access]:
    compiled = edges.compiled
    relation, via = compiled.relation_names[key & compiled.mask], edges.text(key & ~compiled.mask)
    found = [Access(edges.text(value), relation, via) for value in edges.held(key)]
    for value, (expires, condition) in edges.timed.get(key, {}).items():
        if expires > moment.now:
            until = None if expires == float("inf") else expires
            found.append(Access(edges.text(value), relation, via, until, condition.name if condition else None))
    return sorted(found, key=lambda each: each.subject)
