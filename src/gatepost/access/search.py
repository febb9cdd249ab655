"""The lists: what a subject may reach, who may reach a resource, and the tuples that say so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gatepost.access.below import Below
from gatepost.access.check import by_relation, is_by_role, route_of, subject_of
from gatepost.access.edges import Edges
from gatepost.access.graph import Graph
from gatepost.access.moment import NOTHING, Moment
from gatepost.access.reach import Combination, Reach
from gatepost.access.slices import SLICE, asked_in_slices, in_order, pause
from gatepost.access.users import followed
from gatepost.principal import Entity, Question, Subject, permission

MOST_WALKS = 5


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
    names = tuple(f"{question.resource.type}:{name}" for name in ids_in_order(question, graph))
    return Found(names, everything(question, graph), graph.revision)


def ids_in_order(question: Question, graph: Graph, after: str = "", first: int = 0) -> Iterator[str]:
    """The ids of what `objects` lists, beyond the id `after`.  The `first` come without sorting all the others."""
    found: list[str] = []
    for part in walk_ids(question, graph):
        found += [name for name in part if name > after] if after else part
    return in_order(found, first)


def everything(question: Question, graph: Graph) -> bool:
    """Tell whether a role allows the action on every object of the type, also those that no tuple names."""
    if _outside_scope(question):
        return False
    with graph.lock:
        route = route_of(graph.edges, question.resource.type, question.action)
        someone = subject_of(graph.edges, question, graph.moment(question.context))
        return is_by_role(question, someone, route)


def walk_objects(question: Question, graph: Graph, slice_size: int = SLICE) -> Iterator[tuple[str, ...]]:
    """As `objects`, unordered and in slices, some of them empty, between which the caller may pause or give up.

    The lock is held for one slice at a time: for so many tuples, or for a millisecond of asking.  What is listed was all
    true at one moment of the walk, or each object is asked about again before it is given out.  What the subject may all
    the while is never left out, whatever is written meanwhile.
    """
    for part in walk_ids(question, graph, slice_size):
        yield tuple(f"{question.resource.type}:{name}" for name in part)


def walk_ids(question: Question, graph: Graph, slice_size: int = SLICE) -> Iterator[Sequence[str]]:
    """As `walk_objects`, the ids alone."""
    if _outside_scope(question):
        return
    if everything(question, graph):
        yield from _all_of_them(question, graph, slice_size)
        return
    reach, walks = _reach(question, graph), 1
    while reach is not None and not reach.done:
        with graph.lock:
            if not _goes_on(reach, question, graph):
                reach, walks = _reach(question, graph), walks + 1
            if reach is not None:
                # Whatever is written meanwhile, there is an end: the last walk is not interrupted.
                reach.go(slice_size if walks < MOST_WALKS else sys.maxsize)
                if graph.clock() >= reach.someone.until:
                    reach.surely = False
        pause()
        yield ()
    if reach is not None:
        names, numbers = reach.edges.names, list(reach.found)
        for start in range(0, len(numbers), slice_size):
            # A userset has relations to its own object, also where no tuple names that and it has no name here.
            part = [names[number] or question.subject.id for number in numbers[start : start + slice_size]]
            yield from (part,) if reach.surely else _asked(question, graph, part, slice_size)
            pause()


def _reach(question: Question, graph: Graph) -> Reach | Combination | None:
    """Begin a walk; None if there is nothing to walk.  Raises as `check` does."""
    with graph.lock:
        edges = graph.edges
        route = route_of(edges, question.resource.type, question.action)
        someone = subject_of(edges, question, graph.moment(question.context))
        plan = route.plan
        if plan is None or plan.exact or plan.combined is None or someone.value & edges.compiled.mask:
            return None if plan is None else Reach(edges, plan, someone)
        return Combination(edges, plan.combined, someone)


def _goes_on(reach: Reach | Combination, question: Question, graph: Graph) -> bool:
    """Tell whether a walk is good for going on, after what was written since its last step."""
    if graph.edges.changes is not reach.edges.changes:
        return False  # another model, or all tuples read anew
    if not reach.catch_up():
        return False
    subject = question.subject  # it may have got its first tuple, and so a number of its own
    return reach.edges.value(subject.type, subject.id, subject.relation) in (reach.someone.value, 0)


def _all_of_them(question: Question, graph: Graph, slice_size: int) -> Iterator[Sequence[str]]:
    """Everything of the type that a tuple names, or has named."""
    edges = graph.edges
    kind, names, kinds = edges.compiled.kinds[question.resource.type], edges.names, edges.kinds
    for span in edges.spans():
        for start in range(span.start, span.stop, slice_size):
            numbers = range(start, min(start + slice_size, span.stop))
            part = [name for number in numbers if kinds[number] == kind and (name := names[number])]
            yield from (part,) if everything(question, graph) else _asked(question, graph, part, slice_size)
            pause()


def _outside_scope(question: Question) -> bool:
    return question.scope is not None and not question.scope.covers(permission(question.resource.type, question.action))


def _asked(question: Question, graph: Graph, names: Sequence[str], slice_size: int) -> Iterator[tuple[str, ...]]:
    """Ask about each object, on the graph as it is then."""

    def begin() -> Callable[[str], str | None]:
        edges, moment = graph.edges, graph.moment(question.context)
        route = route_of(edges, question.resource.type, question.action)
        someone = subject_of(edges, question, moment)
        if is_by_role(question, someone, route):
            return lambda name: name
        subject, kind = question.subject, question.resource.type
        nameless = {subject.id: edges.nameless[kind]} if subject.relation and subject.type == kind else {}

        def ask(name: str) -> str | None:
            number = route.ids.get(name, nameless.get(name))
            return name if by_relation(edges, route, someone, number, moment) else None

        return ask

    return asked_in_slices(names, begin, graph.lock, slice_size)


def subjects(resource: Entity, action: str, graph: Graph, context: Mapping[str, object] = NOTHING) -> tuple[str, ...]:
    """List everybody who may: users and services that tuples name, and wildcards (`user:*`), ordered.

    Groups and roles come as their members.  Raises as `check` does.
    """
    return tuple(sorted(each for part in walk_subjects(resource, action, graph, context) for each in part))


def walk_subjects(
    resource: Entity, action: str, graph: Graph, context: Mapping[str, object] = NOTHING, slice_size: int = SLICE
) -> Iterator[tuple[str, ...]]:
    """As `subjects`, unordered and in slices, some of them empty.  The lock is held for one slice at a time."""
    with graph.lock:
        edges, moment = graph.edges, graph.moment(context)
        compiled = edges.compiled
        route = route_of(edges, resource.type, action)
        kinds = compiled.kinds.values()
        below = Below(edges, frozenset(kind + wildcard << compiled.bits for kind in kinds for wildcard in (0, 1)))
        number = route.ids.get(resource.id)
        if number is not None and route.plan is not None:
            below.visit(number << compiled.bits | route.relation)
        for granted in route.permissions:
            for key in edges.pointing_at(granted):
                below.visit(key & ~compiled.mask | compiled.assignee)
    yield from followed(below, graph, moment.now, slice_size)

    def ask(value: int) -> str | None:
        text = edges.text(value)
        question = Question(subject=Subject.parse(text), action=action, resource=resource)
        someone = subject_of(edges, question, moment)
        by_role = is_by_role(question, someone, route)
        return text if by_role or by_relation(edges, route, someone, number, moment) else None

    yield from asked_in_slices(list(below.found), lambda: ask, graph.lock, slice_size)


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
                alive = (value for value, _, _ in edges.alive(key, moment))
                above = [value for value in (*edges.held(key), *alive) if value not in seen]
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
