"""The tuples that lead from a subject to a resource: the shortest way, for explanations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gatepost.access.edges import Edges, Who
from gatepost.access.lookup import Plan
from gatepost.access.moment import YES, Moment

At = tuple[Plan, int]


@dataclass(frozen=True, slots=True)
class Hop:
    """One tuple, as text."""

    object: str
    relation: str
    subject: str


def trail_to_resource(
    edges: Edges, plan: Plan, base: int, someone: Who, holds: Callable[[Plan, int], bool], moment: Moment
) -> tuple[int, list[Hop]] | None:
    """Search from the resource up its parents for a tuple that names the subject or a userset it is in.

    Answers the value that the tuple names, and the tuples from there to the resource; None if no way was found.
    """
    came: dict[tuple[int, int], tuple[At, Hop] | None] = {(id(plan), base): None}
    todo: deque[At] = deque([(plan, base)])
    while todo:
        plan, base = todo.popleft()
        if not holds(plan, base):
            continue
        for relation, value, below in _ways(edges, plan, base, moment):
            hop = _hop(edges, base | relation, value)
            if value in someone.mine and below is None:
                return value, [hop, *_back(came, (plan, base))]
            at = value & ~edges.compiled.mask
            if below is not None and (id(below), at) not in came:
                came[id(below), at] = ((plan, base), hop)
                todo.append((below, at))
    return None


def _ways(edges: Edges, plan: Plan, base: int, moment: Moment) -> Iterator[tuple[int, int, Plan | None]]:
    """Yield the tuples of the plan's own relations, then those to parents, with the plan that goes on there."""
    compiled = edges.compiled
    for relation in plan.own:
        for value in in_force(edges, base | relation, moment):
            foreign = value & compiled.mask and edges.relation_key(value) not in compiled.memoised
            yield relation, value, compiled.plans.get(edges.relation_key(value)) if foreign else None
    for tupleset, targets in plan.parents:
        for value in in_force(edges, base | tupleset, moment):
            target = targets.get(edges.kinds[value >> compiled.bits])
            if target is not None:
                yield tupleset, value, target


def _back(came: dict[tuple[int, int], tuple[At, Hop] | None], at: At) -> Iterator[Hop]:
    step = came[id(at[0]), at[1]]
    while step is not None:
        (plan, base), hop = step
        yield hop
        step = came[id(plan), base]


def trail_of_usersets(edges: Edges, someone: Who, end: int, vouched: frozenset[int], moment: Moment) -> list[Hop]:
    """Find the memberships from the subject, or from a vouched userset, to `end`, looking down from there."""
    compiled = edges.compiled
    came: dict[int, tuple[int, Hop] | None] = {end: None}
    todo = deque([end])
    while todo:
        current = todo.popleft()
        if current == someone.value or current in vouched or not current & compiled.mask:
            return list(_membership_hops(came, current))
        base = current & ~compiled.mask
        for relation in compiled.own.get(edges.relation_key(current), ()):
            for value in in_force(edges, base | relation, moment):
                if value in someone.mine and value not in came:
                    came[value] = (current, _hop(edges, base | relation, value))
                    todo.append(value)
    return []


def _membership_hops(came: dict[int, tuple[int, Hop] | None], at: int) -> Iterator[Hop]:
    step = came[at]
    while step is not None:
        current, hop = step
        yield hop
        step = came[current]


def in_force(edges: Edges, key: int, moment: Moment) -> Iterator[int]:
    """Yield the subjects of a forward key that have not expired and whose condition, if there is one, holds."""
    yield from edges.held(key)
    for value, _, verdict in edges.alive(key, moment):
        if verdict == YES:
            yield value


def _hop(edges: Edges, key: int, value: int) -> Hop:
    compiled = edges.compiled
    return Hop(edges.text(key & ~compiled.mask), compiled.relation_names[key & compiled.mask], edges.text(value))
